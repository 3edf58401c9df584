import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { assertMistake, run, runWords, traces, vknetd } from "./commandTranscript.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"

const usage = "(usage: vknetd [-cdU] [-b bridgeN] [-p socket_path] [-i pidfile] [-t tapN] [address/cidrbits])"
const unknown = (option: string) => `unknown option ${option}; see vknetd --help ${usage}`
const noCommand = (word: string) =>
  `bad address ${word}: it is neither a command (see vknetd --help) nor an address, as 10.1.0.1/24`
const address = "10.1.0.1/24"
const group = String(process.getgid?.() ?? 0)

/** Runs it in the foreground and in the background: both say the same, and neither leaves anything behind. */
const refuses = (argv: (directory: string) => ReadonlyArray<string>, line: RegExp | ((directory: string) => string)) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const before = traces(directory)
    for (const where of [["-d"], []]) {
      const transcript = yield* run([...where, ...argv(directory)])
      assertMistake(transcript, typeof line === "function" ? line(directory) : line)
    }
    assert.deepStrictEqual(traces(directory), before)
  })

describe("a command line that cannot be meant", () => {
  for (
    const [argv, line] of [
      [[], `secure mode needs address/cidrbits, as 10.1.0.1/24, or give -U to judge no addresses ${usage}`],
      [["10.1.0.1/33"], "bad address 10.1.0.1/33: the bits must be 0 to 32"],
      [["10.1.0.1"], "bad address 10.1.0.1: the bits of the subnet are missing; give for example 10.1.0.1/24"],
      [[""], "bad address '': it is empty; give the host's address and the bits of the subnet, as 10.1.0.1/24"],
      [["-U", "statu"], noCommand("statu")],
      [["help"], noCommand("help")],
      [["-x"], unknown("-x")],
      [["-dx"], unknown("-x")],
      [["-u", address], unknown("-u")],
      [["--bogus", address], unknown("--bogus")],
      [["--wizard"], unknown("--wizard")],
      [["--log-level=trace", address], "bad --log-level trace: give error, warning, info or debug"],
      [[address, "extra"], `surplus operand extra; only one address/cidrbits is taken ${usage}`],
      [["--", address, "-d"], `surplus operand -d; only one address/cidrbits is taken ${usage}`],
      [["-b"], `option -b needs a value ${usage}`],
      [["--seed"], `option --seed needs a value ${usage}`],
      [["--no-tap=1"], `option --no-tap takes no value ${usage}`],
      [["-t", "eth0", address], "bad tap eth0: give auto, tapN as in tap0, or the path of a device"],
      [["-b", "a b", address], "bad bridge a b: give the name of an interface, as bridge0"],
      [["-p", "", address], "-p '': give a path"],
      [["-i", "", address], "-i '': give a path"],
      [["--group", "", address], "bad group '': give the name or the number of a group, as vknet"],
      [["--mode", "9", address], "bad mode 9: give three octal digits, as 660"],
      [["--max-clients", "0", address], "bad --max-clients 0: give a number from 1 to 16384"],
      [["--max-clients-per-uid", "x", address], "bad --max-clients-per-uid x: give a number from 1 to 16384"],
      [["--mtu", "10", address], "bad --mtu 10: give a number from 68 to 16366"],
      [["--mac-age", "0", address], "bad --mac-age 0: give a number from 1 to 604800"],
      [["--simulate", "--seed", "x"], "bad --seed x: give a number from 0 to 4294967295"],
      [["--seed", "1", address], "--seed is the simulation's; give --simulate too"],
      [
        ["--simulate", "-t", "tap0"],
        "--simulate and -t exclude each other: the simulation has a host of its own; leave one of them out"
      ],
      [
        ["--no-tap", "-b", "br0", address],
        "--no-tap and -b exclude each other: without a host side there is no tap; leave one of them out"
      ],
      [["--completions", "tcsh"], "bad --completions tcsh: give bash, zsh, fish or sh"],
      [["-c", "10.1.0.1/33"], "bad address 10.1.0.1/33: the bits must be 0 to 32"]
    ] as ReadonlyArray<readonly [ReadonlyArray<string>, string]>
  ) {
    it.scopedLive(`${JSON.stringify(argv)} is refused in one line`, () =>
      Effect.gen(function*() {
        const directory = yield* scratchDirectory()
        const before = traces(directory)
        assertMistake(yield* run(argv), line)
        assert.deepStrictEqual(traces(directory), before)
      }))
  }
})

describe("a start that cannot be", () => {
  it.scopedLive("leaves a regular file alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const path = `${directory}/notes`
      fs.writeFileSync(path, "mine")
      const before = traces(directory)
      const argv = ["-p", path, "-i", `${directory}/pid`, "--group", group, address]
      const line = `cannot listen on ${path}: there is something else of that name, left alone `
        + "(name another socket with -p)"
      assertMistake(yield* run(["-d", ...argv]), line)
      assertMistake(yield* run(argv), line)
      assert.deepStrictEqual(traces(directory), before)
      assert.strictEqual(fs.readFileSync(path, "utf8"), "mine")
    }))

  it.scopedLive("leaves a running switch alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      const before = traces(directory)
      const line = `cannot listen on ${running.socketPath}: another switch is listening there `
        + "(stop it, or name another socket with -p)"
      const argv = ["-p", running.socketPath, "--group", group, address]
      assertMistake(yield* run(["-d", "-i", `${directory}/other`, ...argv]), line)
      assertMistake(yield* run(["--no-tap", ...argv]), line)
      assert.deepStrictEqual(traces(directory), before)
      assert.isUndefined(running.process.ending())
    }))

  it.scopedLive("leaves a running switch's pid file alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: [], argv: ["--no-tap", address] })
      const before = traces(directory)
      const argv = ["--no-tap", "-p", `${directory}/other`, "-i", running.pidFilePath, address]
      const line = `cannot lock ${running.pidFilePath}: process ${running.process.pid} holds it `
        + "(stop it, or name another pid file with -i)"
      assertMistake(yield* run(["-d", ...argv]), line)
      assertMistake(yield* run(argv), line)
      assert.deepStrictEqual(traces(directory), before)
      assert.isUndefined(running.process.ending())
    }))

  it.scopedLive("names the command that makes a missing group", () =>
    refuses(
      (directory) => ["-p", `${directory}/s`, "-i", `${directory}/pid`, "--group", "vknetd-nobody", address],
      /^no group vknetd-nobody \(make it with: \S.* vknetd-nobody; or name another with --group\)$/
    ))

  it.scopedLive("names the directory that is missing", () =>
    refuses(
      (directory) => ["--no-tap", "-p", `${directory}/no/s`, address],
      (directory) =>
        `cannot listen on ${directory}/no/s: ENOENT `
        + "(its directory does not exist; make it, or name another socket with -p)"
    ))

  it.scopedLive("names a path that is too long for a socket", () =>
    refuses(
      (directory) => ["--no-tap", "-p", `${directory}/${"s".repeat(120)}`, address],
      (directory) =>
        `cannot listen on ${directory}/${"s".repeat(120)}: the path is too long for a socket `
        + "(name a shorter one with -p)"
    ))

  it.scopedLive("says that there is nothing to attach to", () =>
    refuses(
      (directory) => ["-c", "-p", `${directory}/s`],
      (directory) =>
        `cannot connect to ${directory}/s: ENOENT (no switch has been started there; name its socket with -p)`
    ))

  const asRoot = privilegesMissing().length === 0

  it.scopedLive.runIf(asRoot)("leaves no pid file that it could not write", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const full = `mount -t tmpfs -o size=4k none ${directory} && head -c 4096 /dev/zero >${directory}/full && "$@"`
      const argv = ["-d", "--no-tap", "-p", `${yield* scratchDirectory()}/s`, "-i", `${directory}/pid`, address]
      const look = `${full}; echo status $?; ls ${directory}`
      const { stderr, stdout } = yield* runWords(["unshare", "-m", "sh", "-c", look, "sh", ...vknetd, ...argv])
      assert.match(stderr, /^vknetd: cannot write [^ ]*\/pid: ENOSPC /)
      assert.strictEqual(stdout, "status 1\nfull\n")
    }))

  it.scopedLive.runIf(asRoot)("leaves a pid file that was there, though it could not write it", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const full = `mount -t tmpfs -o size=4k none ${directory} && : >${directory}/pid && `
        + `head -c 4096 /dev/zero >${directory}/full && "$@"`
      const argv = ["-d", "--no-tap", "-p", `${yield* scratchDirectory()}/s`, "-i", `${directory}/pid`, address]
      const look = `${full}; echo status $?; ls ${directory}`
      const { stderr, stdout } = yield* runWords(["unshare", "-m", "sh", "-c", look, "sh", ...vknetd, ...argv])
      assert.match(stderr, /^vknetd: cannot write [^ ]*\/pid: ENOSPC /)
      assert.strictEqual(stdout, "status 1\nfull\npid\n")
    }))

  it.scopedLive.runIf(asRoot)("says that a tap needs root, and undoes what it had begun", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const before = traces(directory)
      // The same user, so that it can read the checkout, without what makes root of it.
      const powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
      for (const where of [["-d"], []]) {
        const argv = [...where, "-p", `${directory}/s`, "-i", `${directory}/pid`, "--group", group, address]
        const line = /^cannot open a tap: (?:EPERM|EACCES) \(run as root, or without a host side: --no-tap\)$/
        assertMistake(yield* run(argv, powerless), line)
      }
      assert.deepStrictEqual(traces(directory), before)
    }))
})

describe("what is printed", () => {
  it.scopedLive("is plain text on standard output, with status 0", () =>
    Effect.gen(function*() {
      for (const argv of [["--help"], ["-h"], ["-d", "-h"], ["--version"], ["--completions", "bash"]]) {
        const { status, stderr, stdout } = yield* run(argv)
        assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
        assert.match(stdout, /^[\x20-\x7e\n\t]+\n$/)
      }
      assert.match((yield* run(["--version"])).stdout, /^vknetd [0-9]+\.[0-9]+\.[0-9]+\n$/)
      assert.match((yield* run(["--help"])).stdout, /^usage: vknetd \[-cdU\]/)
    }))

  it.scopedLive("is plain text on a terminal that wants no colour", () =>
    Effect.gen(function*() {
      const words = ["script", "-qec", `${vknetd.join(" ")} --help`, "/dev/null"]
      const { stdout } = yield* runWords(words, { env: { NO_COLOR: "1", TERM: "xterm-256color" } })
      assert.notInclude(stdout, "\u001b")
      assert.match(stdout, /^usage: vknetd /)
    }))

  it.scopedLive("may be cut off by its reader", () =>
    Effect.gen(function*() {
      const { status, stderr } = yield* runWords(["sh", "-c", `${vknetd.join(" ")} --help | true`])
      assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
    }))

  it.scopedLive("says what to run when nothing is built", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.cpSync(path.dirname(vknetd[1]), `${directory}/bin`, { recursive: true })
      fs.writeFileSync(`${directory}/package.json`, JSON.stringify({ type: "module" }))
      const before = traces(directory)
      assertMistake(yield* runWords([`${directory}/bin/vknetd`, "-U"]), "not built (run: npm run build)")
      assert.deepStrictEqual(traces(directory), before)
    }))

  it.scopedLive("is the same through a link, as a package's command is", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.symlinkSync(vknetd[1], `${directory}/vknetd`)
      const linked = yield* runWords([`${directory}/vknetd`, "--version"])
      assert.deepStrictEqual(linked, yield* run(["--version"]))
    }))
})
