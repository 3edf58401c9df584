import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { assertMistake, background, run, runWords, until, vknetd } from "./commandTranscript.ts"
import { runProcess, startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startService } from "./ServiceUnderTest.ts"

const switchWords = ["-d", "--no-tap", "-U"]

/** Connects, sends a frame and says whether the connection is still there a little later. */
const guest = (socketPath: string) => [
  "python3",
  "-c",
  "import socket, sys, time\n"
  + "guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
  + "guest.connect(sys.argv[1])\n"
  + "guest.send(bytes.fromhex('ffffffffffff02000000000188b5') + bytes(46))\n"
  + "print('sent', flush=True)\n"
  + "guest.settimeout(float(sys.argv[2]))\n"
  + "try:\n    print('closed' if guest.recv(2048) == b'' else 'frame')\n"
  + "except TimeoutError:\n    print('open')\n",
  socketPath
]

/** Whether one of a process's descriptors leads to this file. */
const holdsOpen = (pid: number, file: string): boolean =>
  fs.readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`) === file
    } catch {
      return false // closed since it was listed
    }
  })

describe("a service manager is told", () => {
  for (const abstract of [false, true]) {
    const where = abstract ? "an abstract name" : "a path"
    it.scopedLive(`when a connect succeeds, of a reload and of the end, at ${where}`, () =>
      Effect.gen(function*() {
        const directory = yield* scratchDirectory()
        const notify = abstract ? `@vknetd-test-${process.pid}` : `${directory}/notify`
        const service = yield* startService({ notify }, [...switchWords, "-p", `${directory}/s`])
        const ready = yield* service.waitFor("READY=1")
        assert.strictEqual(ready, `READY=1|STATUS=serving on ${directory}/s, no host side|MAINPID=${service.pid()}`)
        assert.strictEqual(yield* succeed([...guest(`${directory}/s`), "0.1"]), "sent\nopen\n")
        service.manager.signal("SIGHUP")
        yield* service.waitFor("RELOADING=1")
        yield* until("ready again", () => service.told().length === 3 ? true : undefined)
        assert.match(service.told()[1]!, /^RELOADING=1\|MONOTONIC_USEC=[0-9]+$/)
        assert.strictEqual(service.told()[2], ready)
        service.manager.signal("SIGTERM")
        assert.strictEqual(yield* service.waitForEnd, 0)
        assert.deepStrictEqual(service.told().slice(3), ["STOPPING=1"])
      }))
  }

  it.scopedLive("nothing of a start that failed", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = [...switchWords, "-p", `${directory}/no/s`]
      const service = yield* startService({ notify: `${directory}/notify` }, argv)
      assert.strictEqual(yield* service.waitForEnd, 1)
      assert.deepStrictEqual(service.told(), [])
    }))

  it.scopedLive("nothing where nobody listens, which is no obstacle", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const process = yield* startProcess([...vknetd, ...switchWords, "-p", `${directory}/s`], {
        env: { NOTIFY_SOCKET: `${directory}/nobody` }
      })
      yield* process.waitUntil("serving", () => fs.existsSync(`${directory}/s`) || undefined, 10_000)
      process.signal("SIGTERM")
      assert.deepStrictEqual(yield* process.waitForEnd(5000), { status: 0, signal: null })
    }))
})

describe("a socket that was handed over", () => {
  it.scopedLive("serves guests that came before the switch: what they sent first reaches the host", () =>
    Effect.gen(function*() {
      const listen = `${yield* scratchDirectory()}/s`
      const service = yield* startService({ listen, asking: 50 }, ["-d", "--simulate", "10.1.0.1/24", "-p", listen])
      assert.strictEqual(yield* service.answered, 50)
    }))

  it.scopedLive("serves the guest that came before the switch, and stays", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const listen = `${directory}/s`
      const spec = { listen, notify: `${directory}/notify` }
      const waiting = yield* Effect.fork(Effect.scoped(Effect.gen(function*() {
        yield* until("there", () => fs.existsSync(listen) || undefined)
        yield* Effect.sleep(20)
        return yield* succeed([...guest(listen), "1"])
      })))
      const service = yield* startService(spec, [...switchWords, "-p", listen])
      assert.match(yield* service.waitFor("READY=1"), new RegExp(`serving on ${listen}, no host side`))
      assert.strictEqual(yield* waiting, "sent\nopen\n")
      assert.match(service.manager.stderr(), /message="port opened"/)
      const { ino } = fs.statSync(listen)
      service.manager.signal("SIGTERM")
      assert.strictEqual(yield* service.waitForEnd, 0)
      assert.strictEqual(fs.statSync(listen).ino, ino)
    }))

  it.scopedLive("need not be named, and keeps the mode and group that it has", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const listen = `${directory}/s`
      const argv = [...switchWords, "--group", "no-such-group"]
      const service = yield* startService({ listen, notify: `${directory}/n`, mode: 0o666 }, argv)
      assert.match(yield* service.waitFor("READY=1"), new RegExp(`serving on ${listen},`))
      assert.strictEqual(fs.statSync(listen).mode & 0o777, 0o666)
      assert.match(service.manager.stderr(), /level=warning message="[^"]*admits more than --mode says" mode=666/)
    }))

  it.scopedLive("may be named by another path that leads to it", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.symlinkSync(`${directory}/s`, `${directory}/link`)
      const spec = { listen: `${directory}/s`, notify: `${directory}/n` }
      const service = yield* startService(spec, [...switchWords, "-p", `${directory}/link`])
      assert.match(yield* service.waitFor("READY=1"), new RegExp(`serving on ${directory}/s,`))
    }))

  it.scopedLive("is for whom it is addressed to", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const spec = { listen: `${directory}/other`, notify: `${directory}/n`, addressee: "other" } as const
      const service = yield* startService(spec, [...switchWords, "-p", `${directory}/s`])
      assert.match(yield* service.waitFor("READY=1"), new RegExp(`serving on ${directory}/s,`))
    }))

  for (
    const [what, spec, argv, line] of [
      ["of another type", { kind: "stream" }, [], /what was handed over is no sequenced-packet socket/],
      ["on which nobody listens", { kind: "silent" }, [], /nobody listens on the socket that was handed over/],
      [
        "other than the one named",
        {},
        ["-p", "/somewhere/else"],
        /^vknetd: cannot listen on \/somewhere\/else: the socket that was handed over is \S+\/s \(/
      ]
    ] as const
  ) {
    it.scopedLive(`${what} is refused and left alone`, () =>
      Effect.gen(function*() {
        const directory = yield* scratchDirectory()
        const service = yield* startService({ ...spec, listen: `${directory}/s` }, [...switchWords, ...argv])
        assert.strictEqual(yield* service.waitForEnd, 1)
        assert.match(service.manager.stderr(), line)
        assert.strictEqual(service.manager.stderr().split("\n").length, 2)
        assert.isTrue(fs.statSync(`${directory}/s`).isSocket())
      }))
  }

  it.scopedLive("is not lost in the background", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const service = yield* startService({ listen: `${directory}/s` }, ["--no-tap", "-U"])
      assert.strictEqual(yield* service.waitForEnd, 1)
      assert.strictEqual(
        service.manager.stderr(),
        "vknetd: a socket was handed over, and is lost in the background; give -d\n"
      )
    }))
})

describe("--ready-fd", () => {
  it.scopedLive.runIf(process.platform === "linux")("takes no descriptor that is for reading", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const words = [...vknetd, ...switchWords, "--ready-fd", "7", "-p", `${directory}/s`]
      const { output, status } = yield* runProcess(["sh", "-c", `exec "$@" 7</dev/null`, "sh", ...words])
      assert.strictEqual(status, 1)
      assert.match(output, /^vknetd: cannot use --ready-fd 7: EBADF \(open it for writing, as in 7>FILE\)\n$/)
    }))

  it.scopedLive("says ready when a connect succeeds, and is closed", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      // cat ends when nobody holds the pipe any more: the switch runs on.
      const words = [
        "bash",
        "-c",
        `"$@" 3>&1 >&2 | cat; test -S ${directory}/s && echo served; kill "$(cat ${directory}/pid)"`,
        "bash",
        ...vknetd,
        "--no-tap",
        "-U",
        "--ready-fd",
        "3",
        "-p",
        `${directory}/s`,
        "-i",
        `${directory}/pid`
      ]
      assert.deepStrictEqual(yield* runWords(words), { status: 0, stdout: "ready\nserved\n", stderr: "" })
    }))

  it.scopedLive("does so in the foreground", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const ready = `${directory}/ready`
      fs.writeFileSync(ready, "")
      const words = ["sh", "-c", `exec "$@" 7>${ready}`, "sh", ...vknetd, ...switchWords, "--ready-fd", "7"]
      const process = yield* startProcess([...words, "-p", `${directory}/s`])
      yield* process.waitUntil("ready", () => fs.readFileSync(ready, "utf8") === "ready\n" || undefined, 10_000)
      // The line is there before the descriptor is closed: a reader may be quicker than that.
      yield* process.waitUntil("closed", () => !holdsOpen(process.pid, ready) || undefined, 10_000)
    }))

  it.scopedLive("may lead to the same pipe as another stream", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "--ready-fd", "7", "-p", `${directory}/s`, "-i", `${directory}/pid`]
      const words = ["bash", "-c", `"$@" 7>&1 | cat; kill "$(cat ${directory}/pid)"`, "bash", ...vknetd, ...argv]
      assert.deepStrictEqual(yield* runWords(words), { status: 0, stdout: "ready\n", stderr: "" })
    }))

  it.scopedLive("says nothing of a start that failed", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      for (const where of [["-d"], []]) {
        const argv = [...where, "--no-tap", "-U", "--ready-fd", "3", "-p", `${directory}/no/s`]
        const words = ["bash", "-c", `"$@" 3>&1 >&2 2>/dev/null | cat`, "bash", ...vknetd, ...argv]
        assert.deepStrictEqual(yield* runWords(words), { status: 0, stdout: "", stderr: "" })
      }
    }))

  it.scopedLive("has to be open", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      for (const where of [["-d"], []]) {
        const transcript = yield* run([...where, "--no-tap", "-U", "--ready-fd", "999", "-p", `${directory}/s`])
        assertMistake(transcript, "cannot use --ready-fd 999: EBADF (open it for writing, as in 999>FILE)")
        for (let n = 3; n < 24; n++) {
          const words = ["--no-tap", "-U", "--ready-fd", `${n}`, "-p", `${directory}/s`]
          assertMistake(
            yield* run([...where, ...words]),
            `cannot use --ready-fd ${n}: EBADF (open it for writing, as in ${n}>FILE)`
          )
        }
      }
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("may have lost its reader", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--ready-fd", "3"]
      const shell = ["bash", "-c", `exec 3> >(exec true); sleep 0.2; exec "$@"`, "bash"]
      const started = yield* background(argv, `${directory}/pid`, shell)
      assert.strictEqual(started.stderr, "")
    }))
})
