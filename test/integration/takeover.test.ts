import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as http from "node:http"
import type { Duplex } from "node:stream"
import { assertMistake, background, gone, run, runWords } from "./commandTranscript.ts"
import { startControlled } from "./controlWorld.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { makeNetns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { installForEverybody, startSwitch } from "./guests/SwitchUnderTest.ts"
import { assertWhole, pidIn, spread, startNumberedGuests, takeOver } from "./takeoverWorld.ts"

const plain = ["--no-tap", "-U"]

interface Row {
  readonly [field: string]: unknown
  readonly receivedFrames: number
}

const rowsOf = (text: string): ReadonlyArray<Row> => JSON.parse(text) as ReadonlyArray<Row>

/** What an operator sees of the guests' ports, without what goes on changing. */
const portsOf = (text: string) =>
  rowsOf(text).map(({ command, flags, pid, port, stations, uid }) => ({ command, flags, pid, port, stations, uid }))

describe("a takeover", () => {
  it.scopedLive("hands over guests, stations, counters, marks, metrics and the lock", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const old = yield* startControlled(directory, [...plain, "--metrics", "127.0.0.1:0"])
      const guests = yield* startNumberedGuests(old.socketPath)
      yield* old.ask("port", "1", "pin")
      const before = yield* old.ask("ports", "--json")
      const nodes = [old.socketPath, old.controlPath].map((path) => fs.lstatSync(path).ino)
      const metrics = /serving metrics.*port=(\d+)/.exec(old.process.stderr())?.[1]

      const words = [...plain, "-p", old.socketPath, "--metrics", "127.0.0.1:0"]
      const heir = yield* takeOver(words, old.pidFilePath)
      assert.deepStrictEqual(yield* old.process.waitForEnd(5000), { status: 0, signal: null })
      const after = yield* old.ask("ports", "--json")
      assert.deepStrictEqual(portsOf(after.stdout), portsOf(before.stdout))
      assert.deepStrictEqual(portsOf(after.stdout)[0]?.["flags"], ["pinned"])
      assert.deepStrictEqual([old.socketPath, old.controlPath].map((path) => fs.lstatSync(path).ino), nodes)
      assert.include(heir.stderr(), `port=${metrics}`)
      assert.isAtLeast(rowsOf(after.stdout)[0]!.receivedFrames, rowsOf(before.stdout)[0]!.receivedFrames)
      assertMistake(yield* run([...plain, "-p", `${directory}/other`, "-i", old.pidFilePath]), /holds it/)
      assertWhole(yield* guests.end)

      heir.signal("SIGTERM")
      assert.deepStrictEqual(yield* heir.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("hands over the page and the trunks' socket, and who came in there is a trunk still", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const trunk = `${directory}/trunk`
      const extra = [...plain, "--trunk", trunk, "--web", "0"]
      const old = yield* startControlled(directory, extra)
      const guests = yield* startNumberedGuests(trunk)
      const page = /serving the page.*port=(\d+)/.exec(old.process.stderr())?.[1]
      const heir = yield* takeOver([...extra, "-p", old.socketPath], old.pidFilePath)
      const rows = rowsOf((yield* old.ask("ports", "--json")).stdout)
      assert.deepStrictEqual(rows.map(({ kind }) => kind), ["trunk", "trunk"])
      assert.isDefined(page)
      assert.include(heir.stderr(), `port=${page}`)
      yield* startNumberedGuests(trunk)
      assert.strictEqual(rowsOf((yield* old.ask("ports", "--json")).stdout).length, 4)
      const words = ["-d", "--takeover", ...plain, "-p", old.socketPath, "-i", old.pidFilePath]
      assertMistake(yield* run(words), /its socket for trunks is .*\/trunk, not none \(give the same --trunk\)/)
      assert.strictEqual((yield* guests.end)[0]?.twice, 0)
      heir.signal("SIGTERM")
      yield* heir.waitForEnd(5000)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("in the background returns when the new process has the switch", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const [socket, pidFile] = [`${directory}/sw`, `${directory}/pid`]
      const old = yield* background([...plain, "-p", socket], pidFile)
      const guests = yield* startNumberedGuests(socket)
      const heir = yield* background([...plain, "-p", socket, "--takeover"], pidFile)
      assert.notStrictEqual(heir.pid, old.pid)
      yield* gone(old.pid)
      assertWhole(yield* guests.end)
    }))

  it.scopedLive("lets the new command line hold: policy, ages, users", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const old = yield* startControlled(directory, plain)
      yield* startNumberedGuests(old.socketPath)
      yield* takeOver([...plain, "-p", old.socketPath, "--mac-age", "77", "--max-clients", "5"], old.pidFilePath)
      const status = JSON.parse((yield* old.ask("status", "--json")).stdout) as Record<string, unknown>
      assert.deepStrictEqual(
        [status["stationAgeSeconds"], status["guestsMax"], status["guests"], status["stations"]],
        [77, 5, 2, 2]
      )
    }))

  it.scopedLive("that cannot be leaves the old switch serving, and is one line", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const old = yield* startControlled(directory, plain)
      const guests = yield* startNumberedGuests(old.socketPath)
      const attempt = (...words: ReadonlyArray<string>) =>
        run(["-d", "--takeover", "-p", old.socketPath, "-i", old.pidFilePath, ...words])
      const prefix = `cannot take over ${old.socketPath}: `
      assertMistake(
        yield* attempt("--no-tap", "-U", "10.1.0.1/24"),
        `${prefix}its address is none, not 10.1.0.1/24 (give the same address/cidrbits)`
      )
      assertMistake(yield* attempt("-U", "-t", "tap7", "--group", "0"), /its tap is none, not tap7 \(give/)
      assertMistake(
        yield* attempt("--no-tap", "-U", "--max-clients", "1"),
        /its guests use ports up to 2 \(give --max-clients of at least that/
      )
      assertMistake(yield* attempt(...plain, "-i", `${directory}/pid2`), /its pid file is .*\/pid, not .*\/pid2/)
      assertMistake(yield* attempt("--simulate", "-U"), /--simulate and --takeover exclude each other/)
      assertMistake(yield* attempt(...plain, "--metrics", "192.0.2.1:1"), /cannot serve metrics on 192\.0\.2\.1:1/)
      assert.strictEqual(pidIn(old.pidFilePath), old.process.pid)
      assert.include((yield* old.ask("status", "--json")).stdout, `"pid":${old.process.pid},`)
      assertWhole(yield* guests.end)
      yield* old.terminate
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }), 60_000)

  it.scopedLive("is turned away while another process is at it, and told so", () =>
    Effect.gen(function*() {
      const old = yield* startControlled(yield* scratchDirectory(), plain)
      // Asks for the connection, and then says nothing.
      const asked = http.request({
        socketPath: old.controlPath,
        path: "/takeover",
        headers: { connection: "Upgrade", upgrade: "vknetd-takeover" },
        agent: false
      })
      const first = yield* Effect.acquireRelease(
        Effect.async<Duplex>((resume) => void asked.on("upgrade", (_, end) => resume(Effect.succeed(end))).end()),
        (end) => Effect.sync(() => end.destroy())
      )
      const words = ["-d", "--takeover", ...plain, "-p", old.socketPath, "-i", old.pidFilePath]
      assertMistake(
        yield* run(words),
        `cannot take over ${old.socketPath}: another process is taking it over `
          + "(vknetd status tells which has it; try again)"
      )
      first.destroy()
      const kept = () => old.process.stderr().includes("not handed over") || undefined
      yield* old.process.waitUntil("kept", kept, 5000)
      const heir = yield* takeOver([...plain, "-p", old.socketPath], old.pidFilePath)
      assert.deepStrictEqual(yield* old.process.waitForEnd(5000), { status: 0, signal: null })
      heir.signal("SIGTERM")
      assert.deepStrictEqual(yield* heir.waitForEnd(5000), { status: 0, signal: null })
    }), 60_000)

  it.scopedLive("of nobody is one line", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const words = ["-d", "--takeover", ...plain, "-p", `${directory}/sw`, "-i", `${directory}/pid`]
      assertMistake(
        yield* run(words),
        `cannot take over ${directory}/sw: no switch has been started there `
          + "(leave --takeover out, or name its socket with -p)"
      )
      const killed = yield* startSwitch({ directory, prefix: [], argv: plain })
      yield* killed.kill
      assertMistake(yield* run(words), /the switch that made this socket has ended \(leave --takeover out\)/)
    }))

  it.scopedLive("of a simulated switch is refused in one line", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), ["--simulate"])
      const words = ["-d", "--takeover", "-p", target.socketPath, "-i", target.pidFilePath, "--no-tap", "10.1.0.1/24"]
      assertMistake(yield* run(words), /it is simulated, and its host would not come along/)
      assert.strictEqual((yield* target.ask("status")).status, 0)
    }))
})

describe.runIf(privilegesMissing().length === 0)("a takeover, as root", () => {
  it.scopedLive("is for root and the switch's own user", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const installed = yield* installForEverybody
      const old = yield* startControlled(directory, [...plain, "--mode", "666"])
      fs.chmodSync(old.controlPath, 0o666)
      const words = [...installed, "-d", "--takeover", ...plain, "-p", old.socketPath, "-i", old.pidFilePath]
      assertMistake(
        yield* runWords(words, { uid: 65_534 }),
        /: only root and the user that the switch runs as may take it over$/
      )
    }))

  it.scopedLive("trusts no other user's process", () =>
    Effect.gen(function*() {
      const installed = yield* installForEverybody
      const directory = yield* scratchDirectory(65_534)
      const words = ["-d", ...plain, "-p", `${directory}/sw`, "-i", `${directory}/pid`]
      const theirs = yield* startProcess([...installed, ...words], { uid: 65_534 })
      yield* theirs.waitUntil("listening", () => fs.existsSync(`${directory}/sw.ctl`) || undefined, 10_000)
      yield* Effect.sleep(200)
      assertMistake(yield* run([...words, "--takeover"]), /: another user's process answers there/)
    }))

  it.scopedLive.runIf(process.platform === "linux")("knows the tap by whatever name it is opened by", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const words = (tap: string) => ["-U", "-t", tap, "--group", "0"]
      const old = yield* startSwitch({ directory, prefix: netns.prefix, argv: words("/dev/tap3") })
      let before = old.process
      for (const tap of ["/dev/tap3", "tap3", "/dev/net/tun"]) {
        const heir = yield* takeOver([...words(tap), "-p", old.socketPath], old.pidFilePath, netns.prefix)
        assert.deepStrictEqual(yield* before.waitForEnd(5000), { status: 0, signal: null })
        before = heir
      }
      const other = ["-d", "--takeover", ...words("/dev/tap4"), "-p", old.socketPath, "-i", old.pidFilePath]
      assertMistake(yield* run(other, netns.prefix), /its tap is tap3, not \/dev\/tap4 \(give/)
    }), 60_000)

  it.scopedLive("logs nothing that it has not done", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const words = ["-U", "-t", "tap0", "-b", "bridge0", "--group", "0"]
      const old = yield* startControlled(directory, words, netns.prefix)
      assert.match(old.process.stderr(), /message="tap joined a bridge" [^\n]*created=true/)
      const again = [...words, "-p", old.socketPath]
      const failing = ["-d", "--takeover", ...again, "-i", old.pidFilePath, "--metrics", "192.0.2.1:1"]
      assertMistake(yield* run(failing, netns.prefix), /cannot serve metrics on 192\.0\.2\.1:1/)
      const heir = yield* takeOver(again, old.pidFilePath, netns.prefix)
      assert.match(heir.stderr(), /message="took over a running switch" bridge=bridge0 [^\n]*tap=tap0/)
      assert.notMatch(heir.stderr(), /tap joined a bridge|tap opened/)
      heir.signal("SIGTERM")
      assert.deepStrictEqual(yield* heir.waitForEnd(5000), { status: 0, signal: null })
      assert.isFalse(yield* netns.hasInterface("bridge0"))
    }), 60_000)

  it.scopedLive("100 times in a row: no frame of guests or host is lost, doubled or out of order", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const old = yield* startSwitch({ directory, prefix: netns.prefix, argv: ["-U", "-t", "tap0", "--group", "0"] })
      const guests = yield* startNumberedGuests(old.socketPath, { prefix: netns.prefix, tap: "tap0" })
      const words = ["-U", "-t", "tap0", "--group", "0", "-p", old.socketPath]
      let before = old.process
      const silences: Array<number> = []
      for (let i = 0; i < 100; i++) {
        const heir = yield* takeOver(words, old.pidFilePath, netns.prefix)
        assert.deepStrictEqual(yield* before.waitForEnd(5000), { status: 0, signal: null })
        silences.push(yield* guests.silenceMs)
        before = heir
      }
      const { max, median } = spread(silences)
      process.stderr.write(`100 takeovers: longest silence of each, median ${median} ms, max ${max} ms\n`)
      assert.isBelow(median, 200)
      assertWhole(yield* guests.end)
      before.signal("SIGTERM")
      yield* before.waitForEnd(5000)
      assert.isFalse(yield* netns.hasInterface("tap0"))
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }), 400_000)
})
