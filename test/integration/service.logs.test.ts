import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { assertMistake, background, gone, run, until, vknetd } from "./commandTranscript.ts"
import { type HostProcessOptions, startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"

/** A switch in the foreground that has logged the refusal of nobody and the opening and closing of one port. */
const serve = (directory: string, argv: ReadonlyArray<string>, options?: HostProcessOptions) =>
  Effect.gen(function*() {
    const words = [...vknetd, "-d", "--no-tap", "-U", "-p", `${directory}/s`, ...argv]
    const process = yield* startProcess(words, options)
    yield* process.waitUntil("serving", () => fs.existsSync(`${directory}/s`) || undefined, 10_000)
    return process
  })

const visit = (directory: string) =>
  succeed([
    "python3",
    "-c",
    "import socket, sys\nguest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\nguest.connect(sys.argv[1])\n",
    `${directory}/s`
  ])

const readIfThere = (path: string): string => fs.existsSync(path) ? fs.readFileSync(path, "utf8") : ""

const fields = `pid=[0-9]+ port=1 uid=${process.getuid?.() ?? 0}`
const time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z"

describe("the log of a switch in the foreground", () => {
  for (
    const [format, lines] of [
      ["logfmt", `^timestamp=${time} level=info message="port opened" ${fields}\n`
        + `timestamp=${time} level=info message="port closed" port=1 receivedFrames=0\n$`],
      ["json", `^{"timestamp":"${time}","level":"info","message":"port opened","pid":[0-9]+,"port":1,"uid":[0-9]+}\n`
        + `{"timestamp":"${time}","level":"info","message":"port closed","port":1,"receivedFrames":0}\n$`],
      ["journal", `^<6>port opened ${fields}\n<6>port closed port=1 receivedFrames=0\n$`]
    ] as const
  ) {
    it.scopedLive(`is ${format} on standard error, an event a line`, () =>
      Effect.gen(function*() {
        const directory = yield* scratchDirectory()
        const process = yield* serve(directory, ["--log-format", format])
        yield* visit(directory)
        yield* process.waitUntil("told", () => process.stderr().includes("port closed") || undefined, 5000)
        assert.match(process.stderr(), new RegExp(lines))
      }))
  }

  it.scopedLive("is for the journal when the journal reads it, and not when another does", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      // What standard error is can be told only from within: the shell tells it and becomes the switch.
      const shell = (announced: string) => [
        "sh",
        "-c",
        `JOURNAL_STREAM=${announced} exec "$@" 2>${directory}/log`,
        "sh",
        ...vknetd,
        ...["-d", "--no-tap", "-U", "-p", `${directory}/s`]
      ]
      for (const [announced, line] of [["$(stat -c %d:%i LOG)", /^<6>port opened /], ["1:1", /^timestamp=/]] as const) {
        fs.writeFileSync(`${directory}/log`, "")
        const process = yield* startProcess(shell(announced.replace("LOG", `${directory}/log`)))
        yield* process.waitUntil("serving", () => fs.existsSync(`${directory}/s`) || undefined, 10_000)
        yield* visit(directory)
        const log = `${directory}/log`
        yield* process.waitUntil("told", () => readIfThere(log).includes("port closed") || undefined, 5000)
        assert.match(readIfThere(log), line)
        process.signal("SIGTERM")
        yield* process.waitForEnd(5000)
      }
    }))

  it.scopedLive("leaves out what is less serious than the level", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const process = yield* serve(directory, ["--log-level", "warning", "--max-clients", "1"])
      const held = yield* startProcess([
        "python3",
        "-c",
        "import socket, sys\nguests = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]\n"
        + "for guest in guests: guest.connect(sys.argv[1])\nsys.stdin.read()\n",
        `${directory}/s`
      ])
      yield* process.waitUntil("told", () => process.stderr().includes("refused") || undefined, 5000)
      held.endInput()
      yield* held.waitForEnd(5000)
      const line = /^timestamp=\S+ level=warning message="connection refused" [^\n]*reason=CONN_LIMIT[^\n]*\n$/
      assert.match(process.stderr(), line)
    }))
})

describe("a log file", () => {
  it.scopedLive("is opened anew by HUP, and nothing is lost on the way", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const log = `${directory}/log`
      const process = yield* serve(directory, ["--log-file", log])
      yield* visit(directory)
      yield* process.waitUntil("told", () => readIfThere(log).includes("port closed") || undefined, 5000)
      fs.renameSync(log, `${log}.1`)
      yield* visit(directory)
      const closed = () => readIfThere(`${log}.1`).split("port closed").length - 1
      yield* process.waitUntil("told", () => closed() === 2 || undefined, 5000)
      process.signal("SIGHUP")
      yield* process.waitUntil("opened", () => readIfThere(log).includes("open anew") || undefined, 5000)
      yield* visit(directory)
      yield* process.waitUntil("told", () => readIfThere(log).includes("port closed") || undefined, 5000)
      const [first, ...others] = readIfThere(log).trimEnd().split("\n")
      assert.match(first!, /^timestamp=\S+ level=info message="the log file is open anew" path=\S+$/)
      assert.deepStrictEqual(others.map((line) => /message="([^"]*)"/.exec(line)?.[1]), ["port opened", "port closed"])
      assert.strictEqual(readIfThere(`${log}.1`).split("\n").length, 5)
      assert.strictEqual(process.stderr(), "")
    }))

  it.scopedLive("is kept when it cannot be opened anew", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const [logs, moved] = [`${directory}/logs`, `${directory}/moved`]
      fs.mkdirSync(logs)
      const process = yield* serve(directory, ["--log-file", `${logs}/log`])
      fs.renameSync(logs, moved)
      process.signal("SIGHUP")
      yield* process.waitUntil("told", () => readIfThere(`${moved}/log`).includes("kept") || undefined, 5000)
      const line = /level=error message="[^"]*old one is kept" code=ENOENT path=\S+\/logs\/log\n$/
      assert.match(readIfThere(`${moved}/log`), line)
    }))

  it.scopedLive("says how many lines did not fit", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const log = `${directory}/log`
      yield* succeed(["mkfifo", log])
      // A pipe that nobody empties: the switch serves on, and the lines are lost.
      const reader = fs.openSync(log, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
      const process = yield* serve(directory, ["--log-file", log])
      const writer = fs.openSync(log, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
      const read = () => {
        const into = Buffer.alloc(1 << 20)
        return into.subarray(0, fs.readSync(reader, into)).toString()
      }
      assert.throws(() => {
        for (;;) fs.writeSync(writer, Buffer.alloc(4096))
      }, "EAGAIN")
      yield* visit(directory)
      yield* Effect.sleep(200)
      read()
      process.signal("SIGUSR2")
      yield* Effect.sleep(200)
      assert.match(read(), /^timestamp=\S+ level=info message=state state=".*" linesLost=2\n$/)
      fs.closeSync(reader)
      fs.closeSync(writer)
    }))

  it.scopedLive("has to be possible", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--log-file", `${directory}/no/log`]
      const line = `cannot open the log ${directory}/no/log: ENOENT (name another with --log-file)`
      assertMistake(yield* run(["-d", ...argv]), line)
      assertMistake(yield* run(argv), line)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("is written in the background, too", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--log-file", `${directory}/log`, "--log-format", "json"]
      yield* background(argv, `${directory}/pid`)
      yield* visit(directory)
      yield* until("told", () => readIfThere(`${directory}/log`).includes("port closed") || undefined)
      for (const line of readIfThere(`${directory}/log`).trim().split("\n")) {
        assert.include(Object.keys(JSON.parse(line) as object), "message")
      }
    }))
})

/** A mount namespace in which /dev/log is a socket that prints what it gets to a file. */
const withSyslog = (directory: string, words: ReadonlyArray<string>) => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  // A directory of devices of its own, so that the machine's log hears nothing of the test.
  `set -e; mkdir ${directory}/dev; cp -a /dev/null /dev/zero /dev/urandom /dev/random ${directory}/dev/\n`
  + `python3 -c '\nimport socket, sys\nlog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nlog.bind(sys.argv[1])\n`
  + `while True:\n    line = log.recv(65536)\n`
  + `    with open(sys.argv[2], "ab") as out:\n        out.write(line + b"\\n")\n' `
  + `${directory}/dev/log ${directory}/syslog >/dev/null 2>&1 &\n`
  + `while ! test -S ${directory}/dev/log; do sleep 0.01; done; mount --bind ${directory}/dev /dev; exec "$@"`,
  "sh",
  ...words
]

describe.runIf(process.getuid?.() === 0)("the system's log", () => {
  it.scopedLive("has what a switch in the background says", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "-i", `${directory}/pid`]
      const started = yield* startProcess(withSyslog(directory, ["sh", "-c", `"$@" && cat`, "sh", ...vknetd, ...argv]))
      yield* started.waitUntil("serving", () => fs.existsSync(`${directory}/s`) || undefined, 10_000)
      yield* visit(directory)
      yield* until("told", () => readIfThere(`${directory}/syslog`).includes("port closed") || undefined)
      assert.match(
        readIfThere(`${directory}/syslog`),
        new RegExp(`^<30>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} vknetd\\[[0-9]+\\]: port opened ${fields}\n`)
      )
      const pid = Number(readIfThere(`${directory}/pid`))
      process.kill(pid, "SIGTERM")
      yield* until("gone", () => fs.existsSync(`${directory}/s`) ? undefined : true)
    }))
})

describe("what ends a switch in the background", () => {
  it.scopedLive.runIf(privilegesMissing().length === 0)("is the last line of its log", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const log = `${directory}/log`
      const argv = ["--user", "nobody", "--group", "0", "--log-file", log, "-p", `${directory}/s`, "10.1.0.1/24"]
      const inside = ["unshare", "-n", "sh", "-c", `"$@" && ip link del tap0`, "sh"]
      const { pid } = yield* background(argv, `${directory}/pid`, inside)
      yield* until("told", () => /level=error message="cannot open a tap: /.test(readIfThere(log)) || undefined, 15_000)
      yield* gone(pid)
      assert.match(readIfThere(log).trimEnd().split("\n").at(-1)!, /level=error message="cannot open a tap: E[A-Z]+ /)
    }))
})

describe("USR2", () => {
  it.scopedLive("has settings, counters and refusals written down, whatever the level is", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const process = yield* serve(directory, ["--log-format", "json", "--log-level", "error", "--mac-age", "77"])
      const guest = yield* startProcess([
        "python3",
        "-c",
        "import socket, sys\nguest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\nguest.connect(sys.argv[1])\n"
        + "guest.send(bytes(5))\nguest.send(bytes.fromhex('ffffffffffff02000000000188b5') + bytes(46))\n"
        + "print('sent', flush=True)\nsys.stdin.read()\n",
        `${directory}/s`
      ])
      yield* guest.waitUntil("sent", () => guest.stdout() === "sent\n" || undefined, 5000)
      yield* Effect.sleep(100)
      process.signal("SIGUSR2")
      const line = yield* process.waitUntil("told", () => /^.+$/m.exec(process.stderr())?.[0], 5000)
      const { message, state } = JSON.parse(line)
      assert.strictEqual(message, "state")
      assert.strictEqual(state.settings.stationAgeSeconds, 77)
      assert.strictEqual(state.settings.socketPath, `${directory}/s`)
      assert.notProperty(state.settings, "hashSeed")
      assert.strictEqual(state.total.receivedFrames, 2)
      assert.deepStrictEqual(state.total.denied, { RUNT: 1 })
      const [port, ...others] = state.ports
      assert.deepStrictEqual([port.port, port.pid, port.receivedFrames, others], [1, guest.pid, 2, []])
      assert.deepStrictEqual(state.stations, [
        { port: 1, address: "02:00:00:00:00:01", ageSeconds: state.stations[0].ageSeconds, static: false }
      ])
      assert.deepStrictEqual(state.refused, { CONN_LIMIT: 0, CONN_UID_LIMIT: 0, CONN_DENIED: 0, CONN_ERROR: 0 })
    }))
})
