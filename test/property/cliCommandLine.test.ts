import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { readFileSync } from "node:fs"
import { readCommandLine } from "../../src/cli/Command.ts"
import { allFlags, mtuBytesMax, seedMax, spell } from "../../src/cli/Flags.ts"
import type { Options } from "../../src/cli/Options.ts"
import { UsageError, ValueError } from "../../src/cli/UsageError.ts"
import * as Prefix from "../../src/domain/Prefix.ts"
import { reasonNames, refusalNames } from "../../src/domain/Reason.ts"

const cwd = "/home/operator"

const read = (argv: ReadonlyArray<string>) => Effect.runSync(Effect.either(readCommandLine(argv, cwd)))

const optionsOf = (...argv: ReadonlyArray<string>): Options => {
  const request = Either.getOrThrowWith(read(argv), (error) => new Error(error.message))
  if (request.kind !== "run") throw new Error(`printed ${request.text}`)
  return request.options
}

const printed = (...argv: ReadonlyArray<string>): string => {
  const request = Either.getOrThrowWith(read(argv), (error) => new Error(error.message))
  if (request.kind !== "print") throw new Error("nothing was printed")
  return request.text
}

const refusal = (...argv: ReadonlyArray<string>): string => {
  const request = read(argv)
  if (Either.isRight(request)) throw new Error(`taken as ${JSON.stringify(request.right)}`)
  return request.left.message
}

const plain: Options = {
  kind: "switch",
  foreground: false,
  secure: true,
  bridgeName: undefined,
  socketPath: "/var/run/vknet",
  socketPathGiven: false,
  pidFilePath: "/var/run/vknetd.pid",
  tapName: "auto",
  offload: true,
  simulate: false,
  takeover: false,
  prefix: Prefix.make(0x0a010001, 24),
  groupName: "vknet",
  socketMode: 0o660,
  trunkPath: undefined,
  guestPorts: 1024,
  guestPortsPerUid: 256,
  mtuBytes: undefined,
  stationAgeSeconds: 300,
  policy: {},
  seed: undefined,
  configPath: undefined,
  metrics: undefined,
  web: undefined,
  user: undefined,
  keepNetAdmin: false,
  readyFd: undefined,
  log: { format: undefined, filePath: undefined, level: "info" }
}

const address = "10.1.0.1/24"

describe("a command line asks for", () => {
  it.each<[ReadonlyArray<string>, Partial<Options>]>([
    [[address], {}],
    [["-d", address], { foreground: true }],
    [["-U"], { secure: false, prefix: undefined }],
    [["-U", address], { secure: false }],
    [["-dUbbridge0"], { foreground: true, secure: false, bridgeName: "bridge0", prefix: undefined }],
    [["--trunk", "far/sw", address], { trunkPath: `${cwd}/far/sw` }],
    [["-p", "/tmp/s", address], { socketPathGiven: true, socketPath: "/tmp/s" }],
    [
      ["-prel/../s", "-i", "pid", address],
      { socketPathGiven: true, socketPath: `${cwd}/s`, pidFilePath: `${cwd}/pid` }
    ],
    [
      ["-p", "--", "-i--help", address],
      { socketPathGiven: true, socketPath: `${cwd}/--`, pidFilePath: `${cwd}/--help` }
    ],
    [["-p", " a ", address], { socketPathGiven: true, socketPath: `${cwd}/ a ` }],
    [["-U", "-p", "1"], { secure: false, prefix: undefined, socketPathGiven: true, socketPath: `${cwd}/1` }],
    [["-d", "-p", "no", address], { foreground: true, socketPathGiven: true, socketPath: `${cwd}/no` }],
    [["-t", "tap7", address], { tapName: "tap7" }],
    [["-t", "tap", address], { tapName: "auto" }],
    [["-t", "/dev/tap3", address], { tapName: "/dev/tap3" }],
    [["-t", "./tap3", address], { tapName: `${cwd}/tap3` }],
    [["--group", "wheel", "--mode", "600", address], { groupName: "wheel", socketMode: 0o600 }],
    [["--group=85", "--mode=0666", address], { groupName: "85", socketMode: 0o666 }],
    [["--max-clients", "16384", "--max-clients-per-uid=1", address], { guestPorts: 16384, guestPortsPerUid: 1 }],
    [["--mtu", "9000", "--mac-age", "1", address], { mtuBytes: 9000, stationAgeSeconds: 1 }],
    ...[["-d", address], ["-U"], ["--no-tap", address]].map((words) =>
      [["--ipv6", "fd00:1::1/64", ...words], {
        foreground: words.includes("-d"),
        policy: { ipv6: { address: Uint8Array.of(0xfd, 0, 0, 1, ...new Array<number>(11).fill(0), 1), bits: 64 } },
        ...(words.includes("-U") ? { secure: false, prefix: undefined } : {}),
        ...(words.includes("--no-tap") ? { tapName: undefined, pidFilePath: undefined, groupName: undefined } : {})
      }] as [ReadonlyArray<string>, Partial<Options>]
    ),
    [["--no-tap", address], { tapName: undefined, pidFilePath: undefined, groupName: undefined }],
    [["--no-tap", "-i", "/p", "--group", "85", address], { tapName: undefined, pidFilePath: "/p", groupName: "85" }],
    [["--simulate"], {
      simulate: true,
      foreground: true,
      socketPath: undefined,
      pidFilePath: undefined,
      tapName: undefined,
      groupName: undefined
    }],
    [["--simulate", "--seed", "4294967295", "-p", "/s", "10.9.0.1/16"], {
      simulate: true,
      foreground: true,
      socketPath: "/s",
      socketPathGiven: true,
      pidFilePath: undefined,
      tapName: undefined,
      groupName: undefined,
      prefix: Prefix.make(0x0a090001, 16),
      seed: 4294967295
    }],
    [["-c"], { kind: "monitor", foreground: true, prefix: undefined }],
    [["-cdU", "-p", "/s"], {
      kind: "monitor",
      foreground: true,
      secure: false,
      prefix: undefined,
      socketPath: "/s",
      socketPathGiven: true
    }],
    [["--user", "vknetd", address], { user: { name: "vknetd", group: undefined } }],
    [["--user=65534:vknet", "--keep-net-admin", address], {
      user: { name: "65534", group: "vknet" },
      keepNetAdmin: true
    }],
    [["--ready-fd", "3", address], { readyFd: 3 }],
    [["--log-file", "log", "--log-format=json", "--log-level", "debug", address], {
      log: { format: "json", filePath: `${cwd}/log`, level: "debug" }
    }],
    [["-d", "--log-format", "journal", address], {
      foreground: true,
      log: { format: "journal", filePath: undefined, level: "info" }
    }],
    [["--metrics", "9100", address], { metrics: { host: "127.0.0.1", port: 9100 } }],
    [["--web", "[::1]:0", address], {
      web: { address: { host: "::1", port: 0 }, isLoopback: true, tokenPath: undefined }
    }],
    [["--web", "127.9.9.9:80", "--web-token", "t", address], {
      web: { address: { host: "127.9.9.9", port: 80 }, isLoopback: true, tokenPath: `${cwd}/t` }
    }],
    [["--web", "[::ffff:127.0.0.1]:80", address], {
      web: { address: { host: "::ffff:127.0.0.1", port: 80 }, isLoopback: true, tokenPath: undefined }
    }],
    [["--web", "0.0.0.0:9180", "--web-token", "/t", address], {
      web: { address: { host: "0.0.0.0", port: 9180 }, isLoopback: false, tokenPath: "/t" }
    }],
    [["--log-format", "syslog", address], { log: { format: "syslog", filePath: undefined, level: "info" } }],
    [["--", address], {}],
    [[address, "-d"], { foreground: true }]
  ])("%j", (argv, different) => {
    assert.deepStrictEqual(optionsOf(...argv), { ...plain, ...different })
  })
})

describe("a mistake is told with its remedy:", () => {
  const usage = " (usage: vknetd [-cdU] [-b bridgeN] [-p socket_path] [-i pidfile] [-t tapN] [address/cidrbits])"
  const clash = "the simulation has a host of its own; leave one of them out"
  const noTap = "without a host side there is no tap; leave one of them out"
  it.each<[ReadonlyArray<string>, string]>([
    [[], `secure mode needs address/cidrbits, as 10.1.0.1/24, or give -U to judge no addresses${usage}`],
    [["--no-tap"], `secure mode needs address/cidrbits, as 10.1.0.1/24, or give -U to judge no addresses${usage}`],
    [["-x"], `unknown option -x; see vknetd --help${usage}`],
    [["--wizard"], `unknown option --wizard; see vknetd --help${usage}`],
    [["-p"], `option -p needs a value${usage}`],
    [["--simulate=yes"], `option --simulate takes no value${usage}`],
    [[address, "extra"], `surplus operand extra; only one address/cidrbits is taken${usage}`],
    [
      ["statsu"],
      "bad address statsu: it is neither a command (see vknetd --help) nor an address, as 10.1.0.1/24"
    ],
    [["-U", "10.1.0.1/33"], "bad address 10.1.0.1/33: the bits must be 0 to 32"],
    [["-c", "10.1.0.1/33"], "bad address 10.1.0.1/33: the bits must be 0 to 32"],
    [["-t", "eth0", address], "bad tap eth0: give auto, tapN as in tap0, or the path of a device"],
    [["-t", "tap01", address], "bad tap tap01: give auto, tapN as in tap0, or the path of a device"],
    [
      ["-t", "tap1234567890123", address],
      "bad tap tap1234567890123: give auto, tapN as in tap0, or the path of a device"
    ],
    [["-t", "", address], "bad tap '': give auto, tapN as in tap0, or the path of a device"],
    [["-i", "/x", "--log-file", "/a/../x", address], "-i and --log-file are one path, /x; give each its own"],
    [["-i", "/x", "-p", "/x", address], "-p and -i are one path, /x; give each its own"],
    [["-i", "/s.ctl", "-p", "/s", address], "-p's control socket and -i are one path, /s.ctl; give each its own"],
    [["--trunk", "/s", "-p", "/s", address], "-p and --trunk are one path, /s; give each its own"],
    [["--trunk", "/x", "-i", "/x", address], "--trunk and -i are one path, /x; give each its own"],
    [
      ["--web", "127.0.0.1:1", "--web-token", "/x", "--log-file", "/x", address],
      "--log-file and --web-token are one path, /x; give each its own"
    ],
    [["-p", "/x\n", "--trunk", "/x\n", address], "-p and --trunk are one path, /x\\u{a}; give each its own"],
    [["-b", "a/b", address], "bad bridge a/b: give the name of an interface, as bridge0"],
    [["-b", "br%d", address], "bad bridge br%d: give the name of an interface, as bridge0"],
    [["-b", "a234567890123456", address], "bad bridge a234567890123456: give the name of an interface, as bridge0"],
    [["-b", "a\nb", address], "bad bridge a\\u{a}b: give the name of an interface, as bridge0"],
    [["-p", "", address], "-p '': give a path"],
    [["-i", "", address], "-i '': give a path"],
    [["--group", "a b", address], "bad group a b: give the name or the number of a group, as vknet"],
    [["--group", "4294967295", address], "bad group 4294967295: give the name or the number of a group, as vknet"],
    [["--mode", "888", address], "bad mode 888: give three octal digits, as 660"],
    [["--mode", "0o660", address], "bad mode 0o660: give three octal digits, as 660"],
    [["--mode", "1777", address], "bad mode 1777: give three octal digits, as 660"],
    [["--max-clients", "0", address], "bad --max-clients 0: give a number from 1 to 16384"],
    [["--max-clients", "16385", address], "bad --max-clients 16385: give a number from 1 to 16384"],
    [
      ["--max-macs", "257", address],
      "--max-macs 257 for each of --max-clients 1024 are more than 262144 MAC addresses, so that some could leave "
      + "others none; try --max-macs 256 or --max-clients 1020"
    ],
    [
      ["--max-clients", "8192", "--max-ips", "33", address],
      "--max-ips 33 for each of --max-clients 8192 are more than 262144 IP addresses, so that some could leave "
      + "others none; try --max-ips 32 or --max-clients 7943"
    ],
    [["--max-clients-per-uid", "1e3", address], "bad --max-clients-per-uid 1e3: give a number from 1 to 16384"],
    [["--mtu", "67", address], "bad --mtu 67: give a number from 68 to 16366"],
    [["--mtu=", address], "bad --mtu '': give a number from 68 to 16366"],
    [["--mac-age", "0", address], "bad --mac-age 0: give a number from 1 to 604800"],
    [["--mac-age", "604801", address], "bad --mac-age 604801: give a number from 1 to 604800"],
    [["--hold", "3601", address], "bad --hold 3601: give a number from 0 to 3600"],
    [["--storm-rate", "10000001", address], "bad --storm-rate 10000001: give a number from 1 to 10000000"],
    [["--arp-rate", "10000001", address], "bad --arp-rate 10000001: give a number from 1 to 10000000"],
    [["--simulate", "--seed", "-1"], "bad --seed -1: give a number from 0 to 4294967295"],
    [["--simulate", "--seed", "4294967296"], "bad --seed 4294967296: give a number from 0 to 4294967295"],
    [["--seed", "1", address], "--seed is the simulation's; give --simulate too"],
    [["--simulate", "-t", "tap0"], `--simulate and -t exclude each other: ${clash}`],
    [["--simulate", "-b", "br0"], `--simulate and -b exclude each other: ${clash}`],
    [["--simulate", "--no-tap"], `--simulate and --no-tap exclude each other: ${clash}`],
    [["--simulate", "-c"], "--simulate and -c exclude each other: dump a simulated switch with -c -p its socket"],
    [["--no-tap", "-t", "tap0", address], `--no-tap and -t exclude each other: ${noTap}`],
    [["--no-tap", "-b", "br0", address], `--no-tap and -b exclude each other: ${noTap}`],
    [["--user", "", address], "bad --user '': give a user and, if need be, a group, as vknetd:vknetd"],
    [["--user", "a:b:c", address], "bad --user a:b:c: give a user and, if need be, a group, as vknetd:vknetd"],
    [["--user", "a:", address], "bad --user a:: give a user and, if need be, a group, as vknetd:vknetd"],
    [["--keep-net-admin", address], "--keep-net-admin is for --user; give that too"],
    [["--metrics", "x", address], "bad --metrics x: give an address and a port, as 127.0.0.1:9100"],
    ...["x", "", "localhost:80", "127.0.0.1", "1.2.3:4", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80", "[::1]"].map(
      (given): [ReadonlyArray<string>, string] => [
        ["--web", given, address],
        `bad --web ${given || "''"}: give an address and a port, as 127.0.0.1:9180`
      ]
    ),
    ...["0.0.0.0:1", "[::]:1", "10.1.0.1:1", "[::ffff:10.1.0.1]:1"].map((given): [ReadonlyArray<string>, string] => [
      ["--web", given, address],
      `--web ${given} is open to other machines: give --web-token FILE too, or an address of the loopback interface`
    ]),
    [["--web-token", "t", address], "--web-token is for --web; give that too"],
    [["--web", "1", "--web-token", "", address], "--web-token '': give a file"],
    [["--ready-fd", "2", address], "bad --ready-fd 2: give a number from 3 to 1023"],
    [["--log-level", "trace", address], "bad --log-level trace: give error, warning, info or debug"],
    [["--log-format", "xml", address], "bad --log-format xml: give logfmt, json, journal or syslog"],
    [["--log-format", "json", address], "--log-format json needs --log-file in the background, or -d"],
    [["--log-file", "", address], "--log-file '': give a path"],
    [
      ["-d", "--log-format", "journal", "--log-file", "l", address],
      "--log-format journal and --log-file exclude each other: a file takes logfmt or json"
    ]
  ])("%j", (argv, line) => {
    assert.strictEqual(refusal(...argv), line)
  })

  const word = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom(...allFlags.map(spell), address, "--", "1", "tap0", "-dU", "true", "--help=1")
  )

  it("whatever is given is understood or refused in one line", () =>
    fc.assert(fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (argv) => {
      const result = await Effect.runPromise(Effect.either(readCommandLine(argv, cwd)))
      if (Either.isRight(result)) return
      assert.isTrue(result.left instanceof UsageError || result.left instanceof ValueError)
      assert.match(result.left.message, /^\P{Cc}+$/u)
    })))

  const paths = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !text.includes("/"))

  it.prop("a value is never taken for anything else", [
    paths,
    paths,
    fc.integer({ min: 68, max: mtuBytesMax }),
    fc.integer({ min: 0, max: seedMax })
  ], ([socket, pidFile, mtuBytes, seed]) => {
    const numbers = ["--mtu", `${mtuBytes}`, "--simulate", "--seed", `${seed}`]
    const options = optionsOf("-p", `/a/${socket}`, ...numbers, "-i", `/${pidFile}`)
    assert.strictEqual(options.mtuBytes, mtuBytes)
    assert.strictEqual(options.seed, seed)
    if (socket !== "." && socket !== "..") assert.strictEqual(options.socketPath, `/a/${socket}`)
    if (pidFile !== "." && pidFile !== "..") assert.strictEqual(options.pidFilePath, `/${pidFile}`)
  })
})

describe("what is printed", () => {
  const help = printed("--help")
  const manual = readFileSync(new URL("../../share/man/vknetd.8", import.meta.url), "utf8")

  it("is the help on one screen, plain, wherever it is asked for", () => {
    assert.isAtMost(help.split("\n").length, 40)
    for (const line of help.split("\n")) assert.isAtMost(line.length, 90)
    assert.match(help, /^usage: vknetd \[-cdU\] [\x20-\x7e\n]+$/)
    const others = [["-h"], ["-d", "-h"], ["--help", address], ["--version", "--help"], ["10.1.0.1/33", "--help"]]
    for (const argv of others) {
      assert.strictEqual(printed(...argv), help)
    }
  })

  const spelledFlags = allFlags.map((flag) => [spell(flag), flag] as const)

  it.each(spelledFlags)("tells of %s, and so does the manual", (spelled, flag) => {
    const head = flag.value === undefined ? spelled : `${spelled} ${flag.value}`
    assert.match(help, new RegExp(`^  (?:.*  )?${head.replace("|", "\\|")}(?: |$)`, "m"))
    const item = manual.match(new RegExp(`^\\.It Fl ${spelled.slice(1)}(?: Ar (.*))?$`, "m"))
    assert.isNotNull(item)
    assert.strictEqual(item?.[1]?.replace(" Ns | Ns Ar ", "|"), flag.value)
  })

  it.each([...reasonNames.filter((name) => name !== "PASS"), ...refusalNames])("has %s in the manual", (name) => {
    assert.match(manual, new RegExp(`^\\.It Dv ${name}\n[^.]`, "m"))
  })

  it("is the version of the package", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    assert.strictEqual(printed("--version"), `vknetd ${version}`)
    assert.strictEqual(printed("-d", address, "--version"), `vknetd ${version}`)
  })
})
