import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { gone, run, until, vknetd } from "./commandTranscript.ts"
import { startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

const onTerminal = ["python3", fileURLToPath(new URL("Terminal.py", import.meta.url))]

/** Connects, and has the switch log that the port was opened and closed. */
const visit = (socketPath: string) =>
  succeed([
    "python3",
    "-c",
    "import socket, sys\nguest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\nguest.connect(sys.argv[1])\n",
    socketPath
  ])

const stop = "\x13"
const goOn = "\x11"

describe.runIf(process.platform === "linux")("a switch on a terminal", () => {
  it.scopedLive("does not wait for one that was stopped, and says how many lines it lost", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const [socket, pidFile] = [`${directory}/s`, `${directory}/pid`]
      const argv = ["-d", "--no-tap", "-U", "-p", socket, "-i", pidFile]
      const terminal = yield* startProcess([...onTerminal, ...vknetd, ...argv])
      yield* terminal.waitUntil("serving", () => fs.existsSync(`${socket}.ctl`) || undefined, 10_000)
      yield* visit(socket)
      yield* terminal.waitUntil("told", () => terminal.stdout().includes("port closed") || undefined, 5000)
      assert.match(terminal.stdout(), /^timestamp=\S+ level=info message="port opened" [^\n]*\n/)

      terminal.write(stop)
      // Until the terminal has heard it, and lines are lost, guests are told of.
      for (let i = 0; i < 5; i++) {
        yield* Effect.sleep(50)
        yield* visit(socket)
      }
      assert.strictEqual((yield* run(["status", "-p", socket])).status, 0)
      terminal.write(goOn)
      const lost = () => /linesLost=([0-9]+)/.exec(terminal.stdout())?.[1]
      for (let i = 0; i < 20 && lost() === undefined; i++) {
        yield* visit(socket)
        yield* Effect.sleep(50)
      }
      assert.isAtLeast(Number(lost()), 1)
      // All that is there are whole lines.
      for (const line of terminal.stdout().trimEnd().split("\n")) assert.match(line, /^timestamp=\S+ level=info mess/)

      const pid = Number(fs.readFileSync(pidFile, "utf8"))
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }), 30_000)

  it.scopedLive("ends in order while nobody reads it", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const [socket, pidFile] = [`${directory}/s`, `${directory}/pid`]
      const argv = ["-d", "--no-tap", "-U", "-p", socket, "-i", pidFile]
      const terminal = yield* startProcess([...onTerminal, ...vknetd, ...argv])
      yield* terminal.waitUntil("serving", () => fs.existsSync(`${socket}.ctl`) || undefined, 10_000)
      terminal.write(stop)
      for (let i = 0; i < 3; i++) {
        yield* Effect.sleep(50)
        yield* visit(socket)
      }
      process.kill(Number(fs.readFileSync(pidFile, "utf8")), "SIGTERM")
      yield* until("nothing left", () => fs.readdirSync(directory).length === 0 || undefined)
    }))

  it.scopedLive("takes none of Node's descriptors for --ready-fd, its terminal's neither", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      for (let n = 3; n < 26; n++) {
        const argv = ["-d", "--no-tap", "-U", "--ready-fd", `${n}`, "-p", `${directory}/s`]
        const terminal = yield* startProcess([...onTerminal, ...vknetd, ...argv])
        assert.deepStrictEqual(yield* terminal.waitForEnd(5000), { status: 1, signal: null }, `${n}`)
        const line = `vknetd: cannot use --ready-fd ${n}: EBADF (open it for writing, as in ${n}>FILE)`
        assert.strictEqual(terminal.stdout(), `${line}\r\n`)
      }
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }), 30_000)

  it.scopedLive("takes a copy of its terminal that the caller has made", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["-d", "--no-tap", "-U", "--ready-fd", "7", "-p", `${directory}/s`]
      const terminal = yield* startProcess([...onTerminal, "sh", "-c", `exec "$@" 7>&1`, "sh", ...vknetd, ...argv])
      yield* terminal.waitUntil("ready", () => terminal.stdout() === "ready\r\n" || undefined, 10_000)
    }))
})
