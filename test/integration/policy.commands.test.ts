import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Writer from "../../src/domain/capture/PcapngWriter.ts"
import { pcap, readAll } from "../property/captureFiles.ts"
import { address, ARP, arp, BROADCAST, concat, ethernet, IPV4, icmp, ipv4, mac } from "../property/frames.ts"
import { icmp6 } from "../property/policyFrames6.ts"
import { runProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { vknetd } from "./guests/SwitchUnderTest.ts"

const victim = "52:54:00:00:00:0b"
const rogue = "52:54:00:00:00:0a"

const speaks = (from: string, op: number, sender: string) =>
  ethernet({
    destination: BROADCAST,
    source: mac(from),
    type: ARP,
    payload: arp({
      op,
      sender: address(sender),
      senderMac: mac(from),
      target: address("10.1.0.9"),
      targetMac: mac("00:00:00:00:00:00")
    })
  })

const pings = (from: string, source: string) =>
  ethernet({
    destination: mac(victim),
    source: mac(from),
    type: IPV4,
    payload: ipv4({
      source: address(source),
      destination: address("10.1.0.3"),
      protocol: 1,
      payload: icmp({ type: 8, payload: new Uint8Array(8) })
    })
  })

/** An attack on a neighbour, seen on one interface. */
const attack = [
  speaks(victim, 1, "10.1.0.3"),
  speaks(rogue, 2, "10.1.0.1"),
  speaks(rogue, 2, "10.1.0.3"),
  pings(rogue, "10.1.0.4"),
  pings(rogue, "192.0.2.1")
]

const reasons = [null, "ARP_SPA_HOST", "ARP_SPA_CONFLICT", null, "IP4_SRC_OUTSIDE"]

const recorded = Effect.map(scratchDirectory(), (directory) => {
  const path = join(directory, "attack.pcapng")
  const frames = attack.map((octets, i) =>
    Writer.packetBlock({
      interfaceNumber: 0,
      timeNs: 1_000_000_000n * BigInt(i) + 123_456_789n,
      octets,
      originalBytes: octets.length,
      direction: "inbound",
      comment: undefined
    })
  )
  writeFileSync(path, concat(Writer.sectionHeader(), Writer.interfaceBlock("lan"), ...frames))
  return { directory, path }
})

const verdicts = (output: string) =>
  output.trim().split("\n").map((line) => (JSON.parse(line) as { reason: string | null }).reason)

describe("replay", () => {
  it.scopedLive("names the reason of each frame that the switch would deny, and where the others go", () =>
    Effect.gen(function*() {
      const { directory, path } = yield* recorded
      const out = join(directory, "out.pcapng")
      const nowhere = yield* runProcess([...vknetd, "replay", path, "-w", join(out, "x"), "10.1.0.1/24"])
      assert.strictEqual(nowhere.output, `vknetd: cannot write ${join(out, "x")}: ENOENT (name another file with -w)\n`)
      const lines = yield* succeed([...vknetd, "replay", "--json", path, "-w", out, "10.1.0.1/24"])
      assert.deepStrictEqual(verdicts(lines), reasons)
      const table = yield* succeed([...vknetd, "replay", path, "10.1.0.1/24"])
      assert.deepStrictEqual(table.split("\n"), [
        "PORT  STATION            VERDICT           FRAMES",
        "1     52:54:00:00:00:0b  forwarded              1",
        "2     52:54:00:00:00:0a  ARP_SPA_HOST           1",
        "2     52:54:00:00:00:0a  ARP_SPA_CONFLICT       1",
        "2     52:54:00:00:00:0a  forwarded              1",
        "2     52:54:00:00:00:0a  IP4_SRC_OUTSIDE        1",
        "",
        "REASON            FRAMES  FIRST  AT",
        "ARP_SPA_HOST           1      2  1.123456789",
        "ARP_SPA_CONFLICT       1      3  2.123456789",
        "IP4_SRC_OUTSIDE        1      5  4.123456789",
        "",
        "5 frames in 4 s: 2 forwarded, 3 denied; the host is in none of them (see --host-mac)",
        ""
      ])
      // What was written is a capture again, with an interface for each port.
      const again = yield* succeed([...vknetd, "replay", "--json", out, "10.1.0.1/24"])
      assert.deepStrictEqual(verdicts(again), reasons)
      const shown = yield* succeed(["tcpdump", "-n", "-tt", "--time-stamp-precision=nano", "-r", out])
      assert.include(shown, "1.123456789 ARP, Reply 10.1.0.1 is-at 52:54:00:00:00:0a")
      // The verdicts are its comments.
      const comments = readAll(readFileSync(out)).frames.map(({ comment }) => comment)
      assert.deepStrictEqual(comments, [
        "forwarded to tap, 2",
        "denied: ARP_SPA_HOST",
        "denied: ARP_SPA_CONFLICT",
        "forwarded to 1",
        "denied: IP4_SRC_OUTSIDE"
      ])
    }))

  it.scopedLive("of a pure bridge denies nothing of it", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const lines = yield* succeed([...vknetd, "replay", "--json", "-U", path])
      assert.deepStrictEqual(verdicts(lines), [null, null, null, null, null])
    }))

  it.scopedLive("of a classic capture knows the host by its address, and tells what it read before a fault", () =>
    Effect.gen(function*() {
      const { directory } = yield* recorded
      const path = join(directory, "cut.pcap")
      const host = "52:54:00:00:00:01"
      const file = pcap([
        { time: [1, 0], octets: speaks(host, 1, "10.1.0.1") },
        { time: [2, 0], octets: speaks(victim, 1, "10.1.0.3"), originalBytes: 60 },
        { time: [3, 0], octets: speaks(victim, 1, "10.1.0.3") }
      ])
      writeFileSync(path, file.subarray(0, file.length - 1))
      const { output, status } = yield* runProcess([...vknetd, "replay", "--json", path, "10.1.0.1/24"])
      const [first, second, ...rest] = output.trim().split("\n")
      assert.strictEqual(
        first,
        `{"n":1,"time":"1.000000000","ingress":"tap","station":"${host}","egress":["1"],"reason":null,` +
          `"tapReason":null,"skipped":null}`
      )
      assert.match(second!, /"egress":\[\],"reason":null,"tapReason":null,"skipped":"cut"\}$/)
      assert.deepStrictEqual(rest, [`vknetd: cannot read ${path}: a frame is cut, at octet 140`])
      assert.strictEqual(status, 1)
    }))

  const mistakes: ReadonlyArray<readonly [words: ReadonlyArray<string>, told: RegExp]> = [
    [["replay", "/nonexistent", "10.1.0.1/24"], /cannot read \/nonexistent: ENOENT \(name another capture\)$/m],
    [["replay", "/etc/passwd", "10.1.0.1/24"], /neither pcap nor pcapng/],
    [["replay", "/", "10.1.0.1/24"], /cannot read \/: EISDIR \(name another capture\)$/m],
    [["replay", "--host-mac", "x", "/dev/null", "-U"], /bad --host-mac x: give it as/],
    [["replay", "--guests", "2", "/dev/null", "-U"], /bad --guests 2: give station, interface or one/],
    [["replay", "--json=yes", "/dev/null", "-U"], /option --json takes no value \(usage: vknetd replay /],
    [["replay", "-U", "/dev/null", "10.1.0.1/24", "x"], /surplus operand x \(usage: vknetd replay /],
    [["replay", "-b", "bridge0", "/dev/null", "-U"], /unknown option -b \(usage: vknetd replay /],
    [["replay", "--isolate", "some", "/dev/null", "-U"], /bad --isolate some: give none, users or all/],
    [["replay"], /something is missing \(usage: vknetd replay /],
    [["explain", "-U"], /something is missing/],
    [["explain", "-U", "/dev/null"], /say which frame/],
    [["explain", "-U", "--hex"], /option --hex needs a value/],
    [["explain", "-U", "--hex", "00", "--frame", "1"], /exclude each other/],
    [["explain", "-U", "--from", "afar", "--hex", "00"], /bad --from afar: give guest, trunk or tap/],
    [["explain", "-U", "--frame", "0", "/dev/null"], /bad --frame 0: give its number/],
    [["explain", "-U", "--ipv6", "fe80::1/64", "--hex", "00"], /no host can have that linkLocal address/],
    [["explain", "-U", "--ipv6", "fd00::1", "--hex", "00"], /the bits of the prefix must be 8 to 128/],
    [["replay", "--config", "/nonexistent", "x"], /cannot read \/nonexistent: ENOENT \(name another with --config\)$/m],
    [["replay", "--bogus", "x", "10.1.0.1/24"], /unknown option --bogus/],
    [["replay", "x"], /secure mode needs address/],
    [["explain", "--hex", "zz", "10.1.0.1/24"], /bad --hex zz/],
    [["explain", "--hex", "00", "10.1.0.1/33"], /bits must be 0 to 32/]
  ]
  for (const [words, told] of mistakes) {
    it.scopedLive(`tells in one line what is wrong with ${words.join(" ")}`, () =>
      Effect.gen(function*() {
        const { output, status } = yield* runProcess([...vknetd, ...words])
        assert.strictEqual(status, 1)
        assert.match(output, /^vknetd: [^\n]+\n$/)
        assert.match(output, told)
      }))
  }
})

/** A settings file of a switch that has a trunk, and bounds for guests. */
const lab = Effect.map(scratchDirectory(), (directory) => {
  const path = join(directory, "lab.toml")
  writeFileSync(path, 'address = "10.1.0.1/24"\nsocket = "lab.sock"\nlearn = "static"\nmax-clients = 1\n')
  return path
})

describe("a switch's settings file", () => {
  it.scopedLive("says what replay lets through", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const denied = yield* succeed([...vknetd, "replay", "--json", "--config", yield* lab, path])
      const verdicts = denied.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.strictEqual(verdicts[0]!["reason"], "STATIC_MISMATCH")
      assert.deepStrictEqual(new Set(verdicts.map(({ ingress }) => ingress)), new Set(["1"]))
    }))

  it.scopedLive("says how explain takes a frame, and is overruled by the command line", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const words = [...vknetd, "explain", "--config", yield* lab, "--frame", "2", path]
      assert.match(yield* succeed(words), /\ndenied: ARP_SPA_HOST /)
      assert.notInclude(yield* succeed([...words, "10.1.0.7/24"]), "ARP_SPA_HOST")
    }))

  it.scopedLive("is found from where the command was given", () =>
    Effect.gen(function*() {
      const file = yield* lab
      const words = ["sh", "-c", `cd ${join(file, "..")} && exec "$@"`, "sh", ...vknetd]
      assert.match(yield* succeed([...words, "explain", "--config", "lab.toml", "--hex", "00"]), /^R1 /)
    }))
})

describe("explain", () => {
  it.scopedLive("tells rule by rule why a frame is denied", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const output = yield* succeed([...vknetd, "explain", "--frame", "2", path, "10.1.0.1/24"])
      const lines = output.trim().split("\n")
      assert.strictEqual(lines[0], "R1   passes  size=42")
      assert.strictEqual(lines[12], "A2   passes  op@20=2")
      assert.match(lines.at(-2)!, /^A6 +denies ARP_SPA_HOST {2}sender address@28=10\.1\.0\.1$/)
      assert.strictEqual(lines.at(-1), "denied: ARP_SPA_HOST (posing as the gateway)")
    }))

  it.scopedLive("tells what is kept from the host", () =>
    Effect.gen(function*() {
      const hex = Buffer.from(ethernet({
        destination: BROADCAST,
        source: mac(victim),
        type: IPV4,
        payload: ipv4({
          source: address("10.1.0.3"),
          destination: address("224.0.0.1"),
          protocol: 2,
          payload: new Uint8Array(8)
        })
      })).toString("hex").replace(/^ffffffffffff/, "01005e000001")
      const output = yield* succeed([...vknetd, "explain", "--hex", hex, "10.1.0.1/24"])
      assert.match(output, /kept from the host: IP4_PROTO_DENIED \(parts of the host that nobody watches\)\n$/)
      assert.include(output, "\npasses, to every other port\n")
    }))

  it.scopedLive("tells of IPv6, of the host's own frames, and of what they need to know", () =>
    Effect.gen(function*() {
      const hex = (octets: Uint8Array) => Buffer.from(octets).toString("hex").replace(/../g, "$& ").trim()
      const advertised = hex(icmp6(134, new Uint8Array(12)))
      const words = [...vknetd, "explain", "--hex", advertised, "10.1.0.1/24"]
      assert.match(yield* succeed(words), /\nL8 +denies IP6_DISABLED {2}type@12=86dd\n/)
      const denied = yield* succeed([...words, "--ipv6", "fd00:1::1/64"])
      assert.match(denied, /\nV4 +denies IP6_RA_DENIED {2}ICMPv6 type@54=134\ndenied: IP6_RA_DENIED \(posing/)
      const host = yield* succeed([...words, "--ipv6", "fd00:1::1/64", "--from", "tap"])
      assert.match(host, /\npasses, to the port of 52:54:00:12:34:56, and to every other port while that is not/)
      assert.match(yield* succeed([...vknetd, "explain", "-h"]), /^usage: vknetd explain /)
    }))
})
