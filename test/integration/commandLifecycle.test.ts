import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { load } from "../../src/adapters/native/Binding.ts"
import { background, gone, isRunning, run, runWords, until, vknetd } from "./commandTranscript.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch, type SwitchUnderTest } from "./guests/SwitchUnderTest.ts"

const binding = load()
const address = "10.1.0.1/24"
const without = (directory: string) => ["--no-tap", "-p", `${directory}/s`, address]

/** Whether a connect succeeds, tried once. */
const connects = (path: string): boolean => {
  const fd = binding.connect(path)
  if (fd < 0) return false
  binding.closeFd(fd)
  return true
}

/** Waits until a first port is open. */
const attached = ({ process }: SwitchUnderTest) =>
  process.waitUntil("attached", () => /port opened/.test(process.stderr()) || undefined, 5000)

describe("in the background", () => {
  it.scopedLive("the command ends with status 0, saying nothing, when a connect succeeds", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const { pid, status, stderr, stdout } = yield* background(without(directory), `${directory}/pid`)
      assert.isTrue(connects(`${directory}/s`))
      assert.deepStrictEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" })
      assert.strictEqual(fs.readFileSync(`${directory}/pid`, "utf8"), `${pid}\n`)
    }))

  it.scopedLive.runIf(process.platform === "linux")("the switch has let go of where it came from", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const { pid } = yield* background(without(directory), `${directory}/pid`)
      const [parent, group, session] = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ").slice(1)
      assert.deepStrictEqual({ group, session }, { group: `${pid}`, session: `${pid}` })
      assert.notStrictEqual(parent, `${process.pid}`)
      for (const stream of [0, 1, 2]) assert.strictEqual(fs.readlinkSync(`/proc/${pid}/fd/${stream}`), "/dev/null")
      assert.strictEqual(fs.readlinkSync(`/proc/${pid}/cwd`), "/")
      assert.strictEqual(fs.readFileSync(`/proc/${pid}/comm`, "utf8"), "vknetd\n")
    }))

  it.scopedLive("TERM ends it in order, and neither socket nor pid file is left", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const { pid } = yield* background(without(directory), `${directory}/pid`)
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("HUP does not", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const { pid } = yield* background(without(directory), `${directory}/pid`)
      for (let i = 0; i < 3; i++) {
        process.kill(pid, "SIGHUP")
        yield* Effect.sleep(50)
      }
      assert.isTrue(connects(`${directory}/s`))
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("after kill -9 the next start just works", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const first = yield* background(without(directory), `${directory}/pid`)
      process.kill(first.pid, "SIGKILL")
      yield* gone(first.pid)
      assert.deepStrictEqual(fs.readdirSync(directory).sort(), ["pid", "s", "s.ctl"])
      assert.isFalse(connects(`${directory}/s`))
      const second = yield* background(without(directory), `${directory}/pid`)
      assert.notStrictEqual(second.pid, first.pid)
      assert.isTrue(connects(`${directory}/s`))
    }))

  it.scopedLive("relative paths start from where the command was given", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const words = `cd ${directory} && exec ${vknetd.join(" ")} --no-tap -p s -i ./pid ${address}`
      assert.deepStrictEqual(yield* runWords(["sh", "-c", words]), { status: 0, stdout: "", stderr: "" })
      const pid = Number(fs.readFileSync(`${directory}/pid`, "utf8"))
      yield* Effect.addFinalizer(() => gone(pid))
      assert.isTrue(connects(`${directory}/s`))
      process.kill(pid, "SIGTERM")
    }))

  it.scopedLive("a socket is there for the group alone, with the mode that was asked for", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const group = process.getuid?.() === 0 ? 12_345 : process.getgid!()
      const argv = ["--group", `${group}`, "--mode", "620", ...without(directory)]
      yield* background(argv, `${directory}/pid`)
      const { gid, mode } = fs.statSync(`${directory}/s`)
      assert.deepStrictEqual({ gid, mode: mode & 0o7777 }, { gid: group, mode: 0o620 })
    }))
})

describe("in the foreground", () => {
  it.scopedLive("logs go to standard error, and nothing to standard output", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      assert.isTrue(connects(running.socketPath))
      yield* running.process.waitUntil("logged", () => /port closed/.test(running.process.stderr()) || undefined, 5000)
      for (const line of running.process.stderr().trimEnd().split("\n")) {
        assert.match(line, /^timestamp=\S+ level=info message=/)
      }
      assert.strictEqual(running.process.stdout(), "")
    }))

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.scopedLive(`${signal} ends it in order, with status 0 and nothing left`, () =>
      Effect.gen(function*() {
        const directory = yield* scratchDirectory()
        const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
        running.process.signal(signal)
        assert.deepStrictEqual(yield* running.process.waitForEnd(5000), { status: 0, signal: null })
        assert.deepStrictEqual(fs.readdirSync(directory), [])
        assert.strictEqual(running.process.stderr(), "")
      }))
  }

  it.scopedLive.each([0, 3, 20])("a second signal %i ms after the first does not break the end off", (afterMs) =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      running.process.signal("SIGTERM")
      yield* Effect.sleep(afterMs)
      running.process.signal("SIGTERM")
      running.process.signal("SIGINT")
      assert.deepStrictEqual(yield* running.process.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("a pid file that is another's by now stays", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      fs.rmSync(running.pidFilePath)
      const other = yield* startProcess([
        ...vknetd,
        ...["-d", "--no-tap", "-p", `${directory}/other`, "-i", running.pidFilePath, address]
      ])
      yield* other.waitUntil("serving", () => connects(`${directory}/other`) || undefined, 10_000)
      yield* running.terminate
      assert.strictEqual(fs.readFileSync(running.pidFilePath, "utf8").trim(), `${other.pid}`)
      other.signal("SIGTERM")
      yield* other.waitForEnd(5000)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("HUP is told of once, however often it comes", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      for (let i = 0; i < 5; i++) {
        running.process.signal("SIGHUP")
        yield* Effect.sleep(50)
      }
      assert.isTrue(connects(running.socketPath))
      assert.deepStrictEqual(running.process.stderr().match(/message="HUP [^\n]*/g), [
        "message=\"HUP received: nothing to reload\""
      ])
    }))

  it.scopedLive("it goes on without anybody who reads what it says", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const words = `${vknetd.join(" ")} -d --no-tap -p ${directory}/s -i ${directory}/pid ${address} 2>&1 | true`
      yield* startProcess(["sh", "-c", words])
      yield* until("listening", () => connects(`${directory}/s`) || undefined)
      const pid = Number(fs.readFileSync(`${directory}/pid`, "utf8"))
      for (let i = 0; i < 20; i++) assert.isTrue(connects(`${directory}/s`))
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))
})

describe("-c", () => {
  it.scopedLive("dumps what arrives, to the letter, and ends with status 0 when the switch does", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", "-U"] })
      const monitor = yield* startProcess([...vknetd, "-c", "-p", running.socketPath])
      yield* attached(running)
      const guest = yield* Effect.acquireRelease(
        Effect.sync(() => binding.connect(running.socketPath)),
        (fd) => Effect.sync(() => binding.closeFd(fd))
      )
      const frame = Uint8Array.from([
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x00, 0x00, 0x0a, 0x88, 0xb5,
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e
      ])
      assert.strictEqual(binding.sendPacket(guest, frame), frame.length)
      assert.strictEqual(binding.sendPacket(guest, frame.subarray(0, 14)), 14)
      const text = "ff:ff:ff:ff:ff:ff <- 52:54:00:00:00:0a\n"
        + "\t 88 b5 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d\n\t 0e\n"
        + "ff:ff:ff:ff:ff:ff <- 52:54:00:00:00:0a\n\t 88 b5\n"
      yield* monitor.waitUntil("dumped", () => monitor.stdout().length >= text.length || undefined, 5000)
      yield* running.terminate
      assert.deepStrictEqual(yield* monitor.waitForEnd(5000), { status: 0, signal: null })
      assert.strictEqual(monitor.stdout(), text)
      assert.strictEqual(monitor.stderr(), "")
    }))

  it.scopedLive("ends when nobody reads the dump any more", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", "-U"] })
      const monitor = yield* startProcess(["sh", "-c", `${vknetd.join(" ")} -c -p ${running.socketPath} | true`])
      yield* attached(running)
      const guest = yield* Effect.acquireRelease(
        Effect.sync(() => binding.connect(running.socketPath)),
        (fd) => Effect.sync(() => binding.closeFd(fd))
      )
      const frame = new Uint8Array(14).fill(0xff, 0, 6).fill(2, 6, 12)
      assert.strictEqual(binding.sendPacket(guest, frame), 14)
      assert.deepStrictEqual(yield* monitor.waitForEnd(5000), { status: 0, signal: null })
    }))
})

describe("--simulate", () => {
  it.scopedLive("serves in a private directory that it names, and leaves nothing of it", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startProcess([...vknetd, "--simulate", "--seed", "7"], { env: { TMPDIR: directory } })
      const printed = yield* running.waitUntil(
        "serving",
        () => /^socket (\S+)\nseed 7;/.exec(running.stdout())?.[1],
        10_000
      )
      assert.strictEqual(fs.statSync(path.dirname(printed)).mode & 0o777, 0o700)
      assert.isTrue(connects(printed))
      assert.match(running.stdout(), /10\.1\.0\.1\/24/)
      assert.include(running.stdout(), `vec0:transport=bess,dst=${printed}`)
      assert.match(running.stdout(), /udhcpc\.script; ping -c 3 10\.1\.0\.1$/m)
      assert.match(running.stdout(), /netdev=n0,mac=52:54:00:00:00:01$/m)
      running.signal("SIGINT")
      assert.deepStrictEqual(yield* running.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("uses the socket it is told, and says the address", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startProcess([...vknetd, "--simulate", "-p", `${directory}/s`, "192.168.7.1/25"])
      yield* running.waitUntil("serving", () => running.stdout().includes("192.168.7.1/25") || undefined, 10_000)
      assert.isTrue(connects(`${directory}/s`))
      running.signal("SIGTERM")
      assert.deepStrictEqual(yield* running.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))
})

describe("an interrupted start", () => {
  it.scopedLive("does not say that it succeeded, and leaves no switch behind", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      for (const afterMs of [60, 120, 180, 240]) {
        const starting = yield* startProcess([...vknetd, ...without(directory), "-i", `${directory}/pid`])
        yield* Effect.sleep(afterMs)
        const ready = connects(`${directory}/s`)
        starting.signal("SIGINT")
        const { signal, status } = yield* starting.waitForEnd(10_000)
        if (!ready && (status !== 0 || signal !== null)) {
          assert.deepStrictEqual(fs.readdirSync(directory), [], `interrupted after ${afterMs} ms`)
          continue
        }
        // It accepts connections a moment before the command knows: interrupted in between, it may be ending by itself.
        const pid = status === 0 || fs.existsSync(`${directory}/pid`)
          ? Number(fs.readFileSync(`${directory}/pid`, "utf8"))
          : undefined
        if (pid !== undefined) {
          if (isRunning(pid)) process.kill(pid, "SIGTERM")
          yield* gone(pid)
        }
        yield* until(`empty: ${directory}`, () => fs.readdirSync(directory).length === 0 || undefined)
      }
      assert.deepStrictEqual(yield* run(["-c", "-p", `${directory}/s`]).pipe(Effect.map(({ status }) => status)), 1)
    }))
})
