import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as Control from "../../src/services/ControlSchema.ts"
import { assertMistake, type Transcript, vknetd } from "./commandTranscript.ts"
import { answerWhen, type ControlledSwitch, request, startControlled, startGuests } from "./controlWorld.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { runProcess, startProcess, succeed } from "./guests/HostProcess.ts"
import { makeNetns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

const user = process.getuid?.() ?? 0

/** What it printed, with everything that differs from run to run made equal. */
const plain = ({ status, stderr, stdout }: Transcript): string => {
  assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
  return stdout
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "TIME")
    .replace(/(?<= )\d+s(?= )/g, "Ns")
    .replace(/"ageSeconds":\d+/g, "\"ageSeconds\":N")
}

const decode = <A, I>(schema: Schema.Schema<A, I>, { status, stderr, stdout }: Transcript): A => {
  assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
  assert.match(stdout, /^[^\n]+\n$/)
  return Schema.decodeUnknownSync(schema)(JSON.parse(stdout), { onExcessProperty: "error" })
}

/** What a command says in JSON. */
const said = <A, I>(target: ControlledSwitch, schema: Schema.Schema<A, I>, ...argv: ReadonlyArray<string>) =>
  Effect.map(target.ask(...argv, "--json"), (transcript) => decode(schema, transcript))

/** Two guests that know each other; the first one's address has then been used by the second, once. */
const busySwitch = Effect.gen(function*() {
  const directory = yield* scratchDirectory()
  const target = yield* startControlled(directory, ["--no-tap", "-U"])
  const guests = yield* startGuests(target, 2)
  yield* guests.send(0, 255, 1)
  yield* guests.send(1, 255, 2)
  yield* guests.send(1, 255, 1)
  // The next answer of the switch is to know all of it.
  yield* answerWhen(said(target, Control.Status, "status"), ({ receivedFrames }) => receivedFrames === 3)
  return { target, guests }
})

describe("a running switch tells", () => {
  it.scopedLive("its status", () =>
    Effect.gen(function*() {
      const { target } = yield* busySwitch
      const { pid } = target.process
      const status = yield* said(target, Control.Status, "status")
      assert.deepInclude(status, { pid, mode: "bridge", tapState: "none", guests: 2, stations: 2, answered: true })
      const table = plain(yield* target.ask("status"))
      assert.include(table, `\npid                  ${pid}\nstarted              TIME\nmode                 bridge\n`)
      assert.include(table, "\nguests               2\nguests-max           1024\n")
      assert.include(table, "\ntrunks               0\nstations             2\n")
      assert.include(table, "\nreceived-frames      3\nreceived-bytes       180\nsent-frames          3\n")
      assert.match(table, /\nanswered {13}yes\n$/)
    }))

  it.scopedLive("its ports", () =>
    Effect.gen(function*() {
      const startedMs = Date.now()
      const { guests, target } = yield* busySwitch
      const ports = yield* said(target, Schema.Array(Control.Port), "ports")
      assert.deepStrictEqual(
        ports.map(({ command, kind, pid, port, stations, uid }) => ({ port, kind, uid, pid, command, stations })),
        [1, 2].map((port) => ({
          port,
          kind: "guest" as const,
          uid: user,
          pid: guests.pid,
          command: "python3",
          stations: port === 1 ? 0 : 2
        }))
      )
      const told = Date.parse(ports[0]!.started!)
      // Boot time is told in whole seconds.
      assert.isAtLeast(told, startedMs - 2000)
      assert.isAtMost(told, Date.now() + 2000)
      const table = plain(yield* target.ask("ports")).split("\n")
      assert.match(table[0]!, /^PORT {2}KIND .* AGE {2}STATIONS {2}RX-FRAMES .* REASONS$/)
      assert.match(table[2]!, / 2 {2}guest .* python3 +TIME +Ns +2 +2 +120 +1 +60 +0 +0 {2}- +-$/)
    }))

  it.scopedLive("its stations, drops and moves", () =>
    Effect.gen(function*() {
      const { guests, target } = yield* busySwitch
      assert.strictEqual(
        plain(yield* target.ask("stations")).split("\n").sort().join("\n"),
        [
          "",
          "   2  02:00:00:00:00:01   Ns  no",
          "   2  02:00:00:00:00:02   Ns  no",
          "PORT  ADDRESS            AGE  STATIC"
        ].join("\n")
      )
      assert.strictEqual(
        plain(yield* target.ask("moves")),
        "ADDRESS            FROM  TO  TIME                  COUNT\n"
          + "02:00:00:00:00:01     1   2  TIME      1\n"
      )
      assert.strictEqual(
        plain(yield* target.ask("moves", "--json")),
        "[{\"address\":\"02:00:00:00:00:01\",\"from\":1,\"to\":2,\"time\":\"TIME\",\"count\":1}]\n"
      )
      assert.strictEqual(plain(yield* target.ask("drops")), "PORT  STAGE  REASON  FRAMES\n")
      yield* guests.send(0, 255, 255)
      yield* guests.send(0, 255, 255)
      yield* answerWhen(said(target, Control.Status, "status"), ({ deniedFrames }) => deniedFrames === 2)
      assert.strictEqual(
        plain(yield* target.ask("drops")),
        "PORT  STAGE   REASON         FRAMES\n   1  denied  SRC_MAC_GROUP       2\n"
      )
      assert.strictEqual(
        plain(yield* target.ask("drops", "--json")),
        "{\"drops\":[{\"port\":1,\"stage\":\"denied\",\"reason\":\"SRC_MAC_GROUP\",\"frames\":2}],\"refusals\":[]}\n"
      )
      yield* said(target, Schema.Array(Control.Station), "stations")
    }))

  it.scopedLive("its rates, once where nobody watches and live on a terminal until q", () =>
    Effect.gen(function*() {
      const { target } = yield* busySwitch
      const once = plain(yield* target.ask("top"))
      assert.match(once, /^PORT {2}USER .* LOST\/s\n( +[12] .* python3 .*\n){2}$/)
      const rates = JSON.parse((yield* target.ask("top", "--json")).stdout) as ReadonlyArray<unknown>
      assert.strictEqual(rates.length, 2)

      const words = `${vknetd.join(" ")} top -p ${target.socketPath}`
      const terminal = yield* startProcess(["script", "-qec", words, "/dev/null"], { env: { TERM: "xterm" } })
      yield* terminal.waitUntil("drawn", () => terminal.stdout().split("\u001b[H").length > 2 || undefined, 10_000)
      terminal.write("q")
      assert.strictEqual((yield* terminal.waitForEnd(5000)).status, 0)
      assert.match(terminal.stdout(), /\u001b\[\?1049h\u001b\[\?25l.*vknetd top, 2 ports, q ends/s)
      assert.match(terminal.stdout(), /\u001b\[\?25h\u001b\[\?1049l$/)
    }))
})

describe("a running switch is told", () => {
  it.scopedLive("to pin, isolate and disconnect a port", () =>
    Effect.gen(function*() {
      const { target } = yield* busySwitch
      assert.strictEqual(plain(yield* target.ask("port", "2", "pin")), "port 2: pinned, 2 static stations\n")
      assert.strictEqual(plain(yield* target.ask("port", "2", "isolate")), "port 2: isolated from other guests\n")
      const ports = yield* said(target, Schema.Array(Control.Port), "ports")
      assert.deepStrictEqual(ports[1]?.flags, ["isolated", "pinned"])
      assert.include(plain(yield* target.ask("stations")), " yes\n")
      assert.strictEqual(
        plain(yield* target.ask("port", "2", "unisolate", "--json")),
        "{\"port\":2,\"action\":\"unisolate\",\"stations\":0}\n"
      )
      assert.strictEqual(plain(yield* target.ask("port", "2", "unpin")), "port 2: unpinned\n")
      assert.strictEqual(plain(yield* target.ask("port", "2", "disconnect")), "port 2: disconnected\n")
      assert.strictEqual((yield* said(target, Control.Status, "status")).guests, 1)
      assert.match(target.process.stderr(), /port changed by command.* action=disconnect byUid=\d+ port=2\n/)
    }))

  it.scopedLive("its log level, its rates, and how long stations are remembered", () =>
    Effect.gen(function*() {
      const { guests, target } = yield* busySwitch
      assert.strictEqual(plain(yield* target.ask("set", "mac-age", "1")), "mac-age 1\n")
      const stations = said(target, Schema.Array(Control.Station), "stations")
      assert.deepStrictEqual(yield* answerWhen(stations, ({ length }) => length === 0), [])
      assert.strictEqual(plain(yield* target.ask("set", "storm-rate", "7")), "storm-rate 7\n")
      for (let n = 0; n < 40; n++) yield* guests.send(1, 255, 2)
      const hasStormed = ({ drops }: typeof Control.Drops.Type) =>
        drops.some(({ frames, port, reason }) => port === 2 && reason === "STORM_RATE" && frames > 10)
      assert.isTrue(hasStormed(yield* answerWhen(said(target, Control.Drops, "drops"), hasStormed)))
      assert.strictEqual(plain(yield* target.ask("set", "log-level", "error")), "log-level error\n")
      const before = target.process.stderr()
      yield* target.ask("port", "1", "disconnect")
      assert.deepInclude(yield* said(target, Control.Status, "status"), {
        logLevel: "error",
        stationAgeSeconds: 1,
        guests: 1
      })
      assert.strictEqual(target.process.stderr(), before)
    }))
})

describe("a question that cannot be answered", () => {
  it.scopedLive("is one line and status 1", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startControlled(directory, ["--no-tap", "-U"])
      const mistakes: ReadonlyArray<readonly [ReadonlyArray<string>, string | RegExp]> = [
        [["status", "x"], /^surplus operand x \(usage: vknetd status /],
        [["ports", "-z"], /^unknown option -z \(usage: vknetd ports /],
        [["port", "1", "pin"], "no guest has port 1"],
        [["port", "0", "disconnect"], "no guest has port 0"],
        [["port", "x", "pin"], "bad port x: give its number, as ports shows it"],
        [["port", "1", "explode"], /^bad action explode: give one of disconnect, pin, unpin, isolate, unisolate$/],
        [["set", "x", "y"], "nothing to set is called x: there are log-level, mac-age, storm-rate, arp-rate"],
        [["set", "log-level", "loud"], "bad log-level loud: give one of error, warning, info, debug"]
      ]
      for (const [argv, line] of mistakes) assertMistake(yield* target.ask(...argv), line)
      yield* target.terminate
      const gone = `cannot ask ${target.controlPath}: no switch has been started there (name its socket with -p)`
      for (const command of ["status", "ports", "stations", "drops", "moves", "top"]) {
        assertMistake(yield* target.ask(command), gone)
      }
    }))

  it.scopedLive("is one line and status 1 when the switch was killed, or something else is there", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startControlled(directory, ["--no-tap", "-U"])
      yield* target.kill
      const told = `cannot ask ${target.controlPath}: the switch that made this socket has ended (start it again)`
      assertMistake(yield* target.ask("status"), told)
      fs.rmSync(target.controlPath)
      fs.writeFileSync(target.controlPath, "mine")
      assertMistake(yield* target.ask("status"), /^cannot ask [^ ]+: (the switch|this is no socket)/)
    }))
})

const scrape = (target: ControlledSwitch) => request({ socketPath: target.controlPath, path: "/metrics" })

/** The port that the kernel chose. */
const metricsPort = (target: ControlledSwitch) =>
  Effect.map(
    target.process.waitUntil("serving", () => / message="serving metrics" .* port=(\d+)/.exec(target.process.stderr())
      ?? undefined, 5000),
    ([, port]) => Number(port)
  )

describe("metrics", () => {
  it.scopedLive("are served on the control socket as promtool likes them, and on TCP if asked for", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startControlled(directory, ["--no-tap", "-U", "--metrics", "0"])
      const guests = yield* startGuests(target, 2)
      yield* guests.send(0, 255, 1)
      const received = /^vknetd_port_receive_frames_total\{port="1"\} 1$/m
      const { status, text } = yield* answerWhen(scrape(target), ({ text }) => received.test(text))
      assert.strictEqual(status, 200)
      assert.match(text, received)
      const file = `${directory}/metrics`
      fs.writeFileSync(file, text)
      assert.strictEqual(yield* succeed(["sh", "-c", `promtool check metrics < ${file}`]), "")
      const port = yield* metricsPort(target)
      const tcp = { host: "127.0.0.1", port }
      assert.strictEqual((yield* request({ ...tcp, path: "/metrics" })).text, text)
      assert.strictEqual((yield* request({ ...tcp, path: "/status" })).status, 404)
      const refused = yield* request({ ...tcp, path: "/metrics", method: "POST" })
      assert.deepStrictEqual([refused.status, refused.headers["allow"]], [405, "GET, HEAD"])
    }))

  it.scopedLive("that cannot be served end the start in one line and leave nothing behind", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startControlled(directory, ["--no-tap", "-U", "--metrics", "127.0.0.1:0"])
      const port = yield* metricsPort(target)
      const argv = ["-d", "--no-tap", "-U", "-p", `${directory}/other`, "--metrics", String(port)]
      const { output, status } = yield* runProcess([...vknetd, ...argv])
      assert.strictEqual(status, 1)
      assert.match(output, /^vknetd: cannot serve metrics on 127\.0\.0\.1:\d+: EADDRINUSE \([^\n]+\)\n$/)
      const afar = yield* runProcess([...vknetd, ...argv.slice(0, -1), "192.0.2.1:9100"])
      assert.strictEqual(
        afar.output,
        "vknetd: cannot serve metrics on 192.0.2.1:9100: EADDRNOTAVAIL "
          + "(this machine has no such address; name one of its own)\n"
      )
      assert.isFalse(fs.existsSync(`${directory}/other`) || fs.existsSync(`${directory}/other.ctl`))
    }))
})

describe.runIf(privilegesMissing().length === 0)("with a tap", () => {
  it.scopedLive("the tap is port 0, and its loss is told while it is away", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const netns = yield* makeNetns
      const group = String(process.getgid?.() ?? 0)
      const target = yield* startControlled(directory, ["-t", "tap7", "--group", group, "10.1.0.1/24"], netns.prefix)
      const status = yield* said(target, Control.Status, "status")
      assert.deepInclude(status, { mode: "secure", address: "10.1.0.1/24", tap: "tap7", tapState: "up" })
      const ports = yield* said(target, Schema.Array(Control.Port), "ports")
      assert.deepInclude(ports[0], { port: 0, kind: "tap", user: null, pid: null })
      // While there is something else of its name the tap cannot come back.
      target.process.signal("SIGSTOP")
      yield* netns.succeed("ip link del tap7 && ip link add tap7 type veth peer name other")
      target.process.signal("SIGCONT")
      const tapState = Effect.map(said(target, Control.Status, "status"), (status) => status.tapState)
      assert.strictEqual(yield* answerWhen(tapState, (state) => state === "lost"), "lost")
      assert.match((yield* scrape(target)).text, /^vknetd_tap_up 0$/m)
      yield* netns.succeed("ip link del tap7")
      assert.strictEqual(yield* answerWhen(tapState, (state) => state === "up"), "up")
    }), 60_000)
})
