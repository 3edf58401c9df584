import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { stringify } from "smol-toml"
import { afterAll } from "vitest"
import { readCommandLine } from "../../src/cli/Command.ts"
import { configKeys } from "../../src/cli/ConfigKeys.ts"
import { type Flag, flags, spell } from "../../src/cli/Flags.ts"
import type { Options } from "../../src/cli/Options.ts"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "vk-"))
const file = path.join(directory, "vknetd.toml")
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

const read = (...argv: ReadonlyArray<string>) => Effect.runPromise(Effect.either(readCommandLine(argv, directory)))

const optionsOf = async (...argv: ReadonlyArray<string>): Promise<Options> => {
  const request = Either.getOrThrowWith(await read(...argv), (error) => new Error(error.message))
  if (request.kind !== "run") throw new Error(`printed ${request.text}`)
  return request.options
}

const withFile = (toml: string | Uint8Array, ...argv: ReadonlyArray<string>) => {
  fs.writeFileSync(file, toml)
  return optionsOf("--config", file, ...argv)
}

const refusal = async (toml: string | Uint8Array, ...argv: ReadonlyArray<string>): Promise<string> => {
  fs.writeFileSync(file, toml)
  const request = await read("--config", file, ...argv)
  if (Either.isRight(request)) throw new Error(`taken as ${JSON.stringify(request.right)}`)
  return request.left.message.replaceAll(file, "FILE")
}

const whole = (min: number, max: number) => fc.integer({ min, max }).map((n) => [`${n}`, BigInt(n)] as const)
const words = (...choices: ReadonlyArray<string>) => fc.constantFrom(...choices).map((word) => [word, word] as const)
const toggle = fc.constant([true, true] as const)
const either = (...choices: ReadonlyArray<string>) =>
  fc.tuple(fc.constantFrom(...choices), fc.boolean()).map(([word, asNumber]) =>
    [word, asNumber && /^\d+$/.test(word) ? BigInt(word) : word] as const
  )
const ethertypes = fc.array(fc.constantFrom("88b5", "0x8863", "88B6"), { minLength: 1, maxLength: 3 })
  .map((types) => [types.join(","), types] as const)

const facts = {
  mac: fc.constantFrom("52:54:00:00:00:01", "00:00:00:00:00:02"),
  ip: fc.constantFrom("10.1.0.5", "10.1.0.6", "fd00:1::5", "fe80::5054:ff:fe00:1")
}
const uid = fc.integer({ min: 0, max: 2 ** 32 - 2 }).map(BigInt)
const binding: fc.Arbitrary<{ uid?: bigint; trunk?: true; mac?: string; ip?: string }> = fc.oneof(
  fc.record({ uid, ...facts }, { requiredKeys: ["uid"] }),
  fc.record({ trunk: fc.constant(true as const), ...facts }, { requiredKeys: ["trunk"] })
).filter(({ ip, mac }) => ip !== undefined || mac !== undefined)
const bindings = fc.array(binding, { minLength: 1, maxLength: 4 }).map((rows) =>
  [
    rows.map(({ ip, mac, trunk, uid }) =>
      [
        trunk === undefined ? `uid:${uid}` : "trunk",
        ...(mac === undefined ? [] : [`mac=${mac}`]),
        ...(ip === undefined ? [] : [`ip=${ip}`])
      ].join(",")
    ).join(";"),
    rows
  ] as const
)

/** For each key what the command line is given, and the file. */
const values: Readonly<Record<string, fc.Arbitrary<readonly [string | true, unknown]>>> = {
  address: words("10.1.0.1/24", "192.168.7.1/0"),
  unsecure: toggle,
  bridge: words("bridge0", "br.1"),
  socket: words("/a/vknet", "rel/s", " "),
  trunk: words("/a/trunk", "t"),
  "pid-file": words("/a/pid", "pid"),
  tap: words("auto", "tap3", "./tap3", "/dev/tap3"),
  group: either("wheel", "85"),
  mode: words("660", "0600"),
  "max-clients": whole(1, 16_384),
  "max-clients-per-uid": whole(1, 16_384),
  mtu: whole(68, 16_366),
  "mac-age": whole(1, 604_800),
  isolate: words("none", "users", "all"),
  learn: words("fcfs", "dhcp", "static"),
  lock: toggle,
  bind: bindings,
  "max-macs": whole(1, 4096),
  "max-ips": whole(1, 1024),
  hold: whole(0, 3600),
  "storm-rate": whole(1, 10_000_000),
  "arp-rate": whole(1, 10_000_000),
  "dhcp-server": words("tap", "any", "uid:7"),
  "allow-ethertype": ethertypes,
  ipv6: words("fd00:1::1/64", "2001:db8::5/8"),
  metrics: either("9100", "[::1]:9100"),
  web: either("9180", "[::1]:0"),
  "web-token": words("/a/token", "token"),
  user: either("nobody", "65534", "a:b"),
  "keep-net-admin": toggle,
  "no-offload": toggle,
  "log-format": words("logfmt", "json"),
  "log-file": words("/a/log", "log"),
  "log-level": words("error", "warning", "info", "debug")
}

/** Goes with few others. */
const alone = ["no-tap"]

/** Whether secure mode has room for what each of so many guests may have. */
const fits = (given: Readonly<Record<string, readonly [unknown, unknown] | undefined>>): boolean =>
  given.unsecure !== undefined || ["max-macs", "max-ips"].every((share) =>
    Number(given[share]?.[1] ?? 16) * Number(given["max-clients"]?.[1] ?? 1024) <= 262_144
  )

/** Settings that go together: a subset of the keys with a value each, as a command line and as a file. */
const given = fc.record(values, { requiredKeys: ["address", "user", "log-file", "web"] }).filter(fits)
const settings = given.map((given) => {
  const argv: Array<string> = []
  const toml: Record<string, unknown> = {}
  for (const [name, pair] of Object.entries(given)) {
    if (pair === undefined) continue
    const { setting } = configKeys.get(name)!
    if (setting === "address") argv.push(pair[0] as string)
    else argv.push(spell(flags[setting] as Flag), ...(pair[0] === true ? [] : [pair[0]]))
    toml[name] = pair[1]
  }
  return { argv, toml }
})

describe("a file", () => {
  it("has a key for every option that is not about one start alone", () => {
    const others = ["monitor", "foreground", "simulate", "seed", "readyFd", "config", "check", "takeover"]
    const settings = [...configKeys.values()].map(({ setting }) => setting)
    assert.sameMembers(settings, ["address", ...Object.keys(flags).filter((name) => !others.includes(name))])
    assert.sameMembers([...configKeys.keys()], [...Object.keys(values), ...alone])
    for (const [name, { setting }] of configKeys) {
      const flag: Flag | undefined = setting === "address" ? undefined : flags[setting]
      if (flag !== undefined && flag.name.length > 1) assert.strictEqual(name, flag.name)
    }
  })

  it.effect.prop("means what the same command line means", [settings], ([{ argv, toml }]) =>
    Effect.promise(async () => {
      const options = await withFile(stringify(toml))
      assert.deepStrictEqual(options, { ...await optionsOf(...argv), configPath: file })
    }), { fastCheck: { numRuns: 100 } })

  it("may say that there is no host side", async () => {
    const plain = await optionsOf("--no-tap", "10.1.0.1/24")
    const options = await withFile("no-tap = true\naddress = \"10.1.0.1/24\"")
    assert.deepStrictEqual(options, { ...plain, configPath: file })
  })

  it("may say that nothing is so", async () => {
    const off = ["unsecure", "lock", "no-tap", "no-offload", "keep-net-admin"]
    const nothing = [...configKeys].filter(([name]) => off.includes(name))
    const toml = `${nothing.map(([name]) => `${name} = false\n`).join("")}bind = []\n`
    const plain = await optionsOf("10.1.0.1/24")
    assert.deepStrictEqual(await withFile(toml, "10.1.0.1/24"), { ...plain, configPath: file })
  })

  it("is overruled by the command line, key by key", async () => {
    const toml = "address = \"10.9.0.1/16\"\nmax-macs = 3\nmax-ips = 4\n[[bind]]\nuid = 1\nip = \"10.9.0.5\"\n"
    const options = await withFile(toml, "--max-macs", "5", "--bind", "uid:2,ip=10.9.0.6", "-U")
    assert.isFalse(options.secure)
    assert.strictEqual(options.policy.stationsPerGuest, 5)
    assert.strictEqual(options.policy.addressesPerGuest, 4)
    assert.deepStrictEqual(options.policy.bindings?.map(({ uid }) => uid), [2])
  })

  it("has paths that start from its own directory", async () => {
    fs.mkdirSync(path.join(directory, "etc"))
    const toml = "socket = \"../run/s\"\nlog-file = \"log\"\ntap = \"./tap1\"\n"
    fs.writeFileSync(path.join(directory, "etc/s.toml"), toml)
    const options = await optionsOf("--config", "etc/s.toml", "-i", "pid", "10.1.0.1/24")
    assert.deepStrictEqual(
      [options.configPath, options.socketPath, options.log.filePath, options.tapName, options.pidFilePath],
      ["etc/s.toml", "run/s", "etc/log", "etc/tap1", "pid"].map((name) => path.join(directory, name))
    )
  })

  it("is told to be in order, with what is on the command line", async () => {
    fs.writeFileSync(file, "address = \"10.1.0.1/24\"\n")
    const told = (text: string) => Either.right({ kind: "print" as const, text })
    assert.deepStrictEqual(await read("--check", "--config", file), told(`${file}: ok`))
    assert.deepStrictEqual(await read("--check", "10.1.0.1/24"), told("the command line: ok"))
  })
})

describe("the example", () => {
  const example = fs.readFileSync(new URL("../../share/vknetd.toml", import.meta.url), "utf8")
  const uncommented = example.replace(/^#(?=[a-z[])/gm, "")
  /** What is an example, and not what holds otherwise. */
  const none = [
    "bind", "trunk", "bridge", "mtu", "ipv6", "metrics", "web", "web-token", "user", "log-format", "log-file"
  ]

  const namesIn = (text = "") => [...text.matchAll(/^(?:\[\[)?([a-z0-9-]+)(?: = |\]\])/gm)].map(([, name]) => name!)

  it("is a file like any other", async () => {
    assert.deepStrictEqual(await withFile(example), { ...await optionsOf("10.1.0.1/24"), configPath: file })
  })

  it("has every key, with its default if it has one", async () => {
    const named = namesIn(uncommented)
    assert.sameMembers(named.filter((name) => !["uid", "mac", "ip"].includes(name)), [...configKeys.keys()])
    const plain = await optionsOf("10.1.0.1/24")
    const options = await withFile(uncommented)
    for (const [name, { of }] of configKeys) {
      if (none.includes(name)) assert.notDeepEqual(of(options), of(plain), name)
      else assert.deepStrictEqual(of(options), of(plain), name)
    }
  })

  it("says of each key when it is taken over", () => {
    const [, running, start, tables] = uncommented.split("### ")
    for (const name of namesIn(running)) assert.notStrictEqual(configKeys.get(name)!.applies, "at-start", name)
    for (const name of namesIn(start)) assert.strictEqual(configKeys.get(name)!.applies, "at-start", name)
    assert.deepStrictEqual(namesIn(tables).slice(0, 1), ["bind"])
  })
})

describe("a mistake in a file is told with its line and key:", () => {
  const unfit = "give uid:N with mac=MAC, ip=ADDRESS or both, as uid:1000,ip=10.1.0.5"
  it.each<[string, string]>([
    ["\n\nmax-macs 3", "FILE:3: not TOML at column 10: illegal character in key"],
    ["a = 1\na = 2", "FILE:2: not TOML at column 1: trying to redefine an already defined table or value"],
    ["max-macs = 08", "FILE:1: not TOML at column 12: illegal leading zero"],
    ["\nmax-mac = 3", "FILE:2: max-mac: there is no such key; is it max-macs?"],
    ["frobnicate = 3", "FILE:1: frobnicate: there is no such key; vknetd(8) has all of them"],
    ["\n[log]\nlevel = \"info\"", "FILE:2: log: there is no such key; vknetd(8) has all of them"],
    ["seed = 1", "FILE:1: seed: there is no such key; vknetd(8) has all of them"],
    ["# \n  max-macs = \"16\" # x", "FILE:2: max-macs: it must be a whole number"],
    ["max-macs = 16.0", "FILE:1: max-macs: it must be a whole number"],
    ["isolate = true", "FILE:1: isolate: it must be a string, in quotes"],
    ["lock = \"yes\"", "FILE:1: lock: it must be true or false"],
    ["group = 8.5", "FILE:1: group: it must be a string, in quotes, or a whole number"],
    ["allow-ethertype = 0x88b5", "FILE:1: allow-ethertype: it must be an array of strings, as [\"88b5\"]"],
    ["allow-ethertype = [\n \"88b5\",\n 3 ]", "FILE:3: allow-ethertype: it must be a string, in quotes"],
    ["max-macs = 0", "FILE:1: max-macs: bad value 0: give a number from 1 to 4096"],
    [
      "max-macs = 99999999999999999999",
      "FILE:1: max-macs: bad value 99999999999999999999: give a number from 1 to 4096"
    ],
    [
      "max-clients = 512\nmax-macs = 513",
      "FILE:1: max-clients: --max-macs 513 for each of --max-clients 512 are more than 262144 MAC addresses, so that "
        + "some could leave others none; try --max-macs 512 or --max-clients 511"
    ],
    ["isolate = \"some\"", "FILE:1: isolate: bad value some: give none, users or all"],
    [
      "address = \"10.1.0.1\"",
      "FILE:1: address: bad value 10.1.0.1: the bits of the subnet are missing; give for example 10.1.0.1/24"
    ],
    ["tap = \"eth0\"", "FILE:1: tap: bad value eth0: give auto, tapN as in tap0, or the path of a device"],
    ["mode = \"9\"", "FILE:1: mode: bad value 9: give three octal digits, as 660"],
    ["socket = \"\"", "FILE:1: socket: bad value '': give a path"],
    ["log-file = \"\"", "FILE:1: log-file: bad value '': give a path"],
    ["group = \"a\\nb\"", "FILE:1: group: bad value a\\u{a}b: give the name or the number of a group, as vknet"],
    ["web-token = \"t\"", "FILE:1: web-token: --web-token is for --web; give that too"],
    [
      "web = \"0.0.0.0:1\"",
      "FILE:1: web: --web 0.0.0.0:1 is open to other machines: give --web-token FILE too, or an address of the "
        + "loopback interface"
    ],
    ["metrics = 99999", "FILE:1: metrics: bad value 99999: give an address and a port, as 127.0.0.1:9100"],
    [
      "allow-ethertype = [\"0800\"]",
      "FILE:1: allow-ethertype: bad value 0800: give four hexadecimal digits of a type without rules, as 8863"
    ],
    ["log-level = \"trace\"", "FILE:1: log-level: bad value trace: give error, warning, info or debug"],
    // The first in the file, whatever it is.
    ["mtu = 1\nmax-macs = 0", "FILE:1: mtu: bad value 1: give a number from 68 to 16366"],
    ["lock = 1\nzz = 0", "FILE:1: lock: it must be true or false"],
    ["zzzz = 1\nlock = 0", "FILE:1: zzzz: there is no such key; vknetd(8) has all of them"],
    // Bindings.
    [
      "bind = \"uid:1,ip=10.1.0.5\"",
      "FILE:1: bind: it must be tables: [[bind]] and below it uid or trunk, and mac or ip or both"
    ],
    ["\n[[bind]]\nip = \"10.1.0.5\"", "FILE:2: bind: it must have uid, or trunk = true"],
    ["[[bind]]\nuid = \"ann\"\nip = \"10.1.0.5\"", "FILE:2: bind.uid: it must be a whole number"],
    ["[[bind]]\nuid = 1\nip = \"10.1.0.5,mac=52:54:00:00:00:01\"", "FILE:3: bind.ip: it must be one address"],
    [
      "[[bind]]\nuid = 1\nip = \"10.1.0.5\"\nport = 3",
      "FILE:4: bind.port: there is no such key; there are uid, trunk, mac, ip"
    ],
    [
      "[[bind]]\nuid = 1\nip = \"10.1.0.5\"\nmtu = 1500",
      "FILE:4: bind.mtu: it belongs to the file; put it before the first [[bind]]"
    ],
    [
      "[[bind]]\nuid = 1\nip = \"10.1.0.5\"\n\n[[bind]]\nuid = 2\nip = \"10.1.0.256\"",
      `FILE:5: bind: bad value uid:2,ip=10.1.0.256: ${unfit}`
    ],
    [
      "[[bind]]\nuid = 1\nip = \"fd00:1::5\"\n\n[[bind]]\nuid = 2\nip = \"ff02::1\"",
      "FILE:5: bind: bad value uid:2,ip=ff02::1: no guest can have that multicast address; "
        + "give another, as ip=fd00:1::5"
    ],
    ["bind = [\n  { uid = 1, ip = \"10.1.0.5\" },\n  { uid = 2 }\n]", `FILE:3: bind: bad value uid:2: ${unfit}`],
    ["[[bind]]\nuid = -1\nip = \"10.1.0.5\"", `FILE:1: bind: bad value uid:-1,ip=10.1.0.5: ${unfit}`],
    // What does not go together.
    [
      "\nno-tap = true\nbridge = \"b\"",
      "FILE:2: no-tap: --no-tap and -b exclude each other: without a host side there is no tap; leave one of them out"
    ],
    ["\nkeep-net-admin = true", "FILE:2: keep-net-admin: --keep-net-admin is for --user; give that too"],
    ["log-format = \"json\"", "FILE:1: log-format: --log-format json needs --log-file in the background, or -d"]
  ])("%j", async (toml, line) => {
    assert.strictEqual(await refusal(toml, ...(toml.includes("address") ? [] : ["10.1.0.1/24"])), line)
  })

  it("which may be one that the command line has made", async () => {
    const message = "FILE:1: bridge: --simulate and -b exclude each other: "
    const why = "the simulation has a host of its own; leave one of them out"
    assert.strictEqual(await refusal("bridge = \"b\"", "--simulate"), message + why)
  })

  it("and one of the command line alone is told as ever", async () => {
    // It names -p, but the file's socket is not at fault.
    const dump = "--simulate and -c exclude each other: dump a simulated switch with -c -p its socket"
    assert.strictEqual(await refusal("socket = \"/s\"", "--simulate", "-c"), dump)
    assert.match(await refusal("max-macs = 3"), /^secure mode needs address\/cidrbits/)
    assert.strictEqual(await refusal("", "--mtu", "1", "-U"), "bad --mtu 1: give a number from 68 to 16366")
  })

  it("one that cannot be read is told by its name", async () => {
    const cannot = (why: string) => `cannot read FILE: ${why} (name another with --config)`
    assert.strictEqual(await refusal(Uint8Array.of(0x61, 0xff)), cannot("it is not UTF-8"))
    assert.strictEqual(await refusal("#".repeat(131_073)), cannot("it is longer than 131072 octets"))
    assert.isObject(await withFile("#".repeat(131_072), "-U"))
    const message = async (name: string) => Either.flip(await read("--config", name)).pipe(Either.getOrThrow).message
    assert.strictEqual(
      await message(`${directory}/none`),
      `cannot read ${directory}/none: ENOENT (name another with --config)`
    )
    assert.match(await message(directory), /: it is no regular file /)
    assert.match(await message("/dev/zero"), /: it is no regular file /)
    assert.strictEqual(await message(""), "--config '': give a path")
  })

  it.effect.prop("whatever is in it", [fc.string({ unit: "binary", maxLength: 40 })], ([text]) =>
    Effect.promise(async () => {
      fs.writeFileSync(file, text)
      const request = await read("--config", file, "-U")
      if (Either.isLeft(request)) assert.match(request.left.message, /^\P{Cc}+$/u)
    }))
})
