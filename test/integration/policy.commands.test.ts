import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Writer from "../../src/domain/capture/CaptureWriter.ts"
import { address, ARP, arp, BROADCAST, concat, ethernet, IPV4, icmp, ipv4, mac } from "../property/frames.ts"
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
    Writer.frame({ interfaceIndex: 0, timeMs: 1000 * i, octets, direction: Writer.Direction.In, comment: "" })
  )
  writeFileSync(path, concat(Writer.sectionHeader("a test"), Writer.interfaceDescription("lan"), ...frames))
  return { directory, path }
})

const verdicts = (output: string) =>
  output.trim().split("\n").map((line) => (JSON.parse(line) as { reason: string | null }).reason)

describe("replay", () => {
  it.scopedLive("names the reason of each frame that the switch would deny, and where the others go", () =>
    Effect.gen(function*() {
      const { directory, path } = yield* recorded
      const out = join(directory, "out.pcapng")
      const lines = yield* succeed([...vknetd, "replay", "--json", path, "-w", out, "10.1.0.1/24"])
      assert.deepStrictEqual(verdicts(lines), reasons)
      const table = yield* succeed([...vknetd, "replay", path, "10.1.0.1/24"])
      assert.match(table, /^PORT {2}STATION +VERDICT +FRAMES\n1 +52:54:00:00:00:0b {2}forwarded +1\n/)
      // What was written is a capture again, with an interface for each port.
      const again = yield* succeed([...vknetd, "replay", "--json", out, "10.1.0.1/24"])
      assert.deepStrictEqual(verdicts(again), reasons)
      const shown = yield* succeed(["tcpdump", "-n", "-r", out])
      assert.include(shown, "Reply 10.1.0.1 is-at 52:54:00:00:00:0a")
    }))

  it.scopedLive("of a pure bridge denies nothing of it", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const lines = yield* succeed([...vknetd, "replay", "--json", "-U", path])
      assert.deepStrictEqual(verdicts(lines), [null, null, null, null, null])
    }))

  const mistakes: ReadonlyArray<readonly [words: ReadonlyArray<string>, told: RegExp]> = [
    [["replay", "/nonexistent", "10.1.0.1/24"], /cannot read \/nonexistent: ENOENT/],
    [["replay", "/etc/passwd", "10.1.0.1/24"], /neither a pcap nor a pcapng file/],
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

describe("explain", () => {
  it.scopedLive("tells rule by rule why a frame is denied", () =>
    Effect.gen(function*() {
      const { path } = yield* recorded
      const output = yield* succeed([...vknetd, "explain", "--frame", "2", path, "10.1.0.1/24"])
      const lines = output.trim().split("\n")
      assert.strictEqual(lines[0], "R1   passes  size=42")
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
      assert.match(output, /kept from the host: IP4_PROTO_DENIED\n$/)
    }))
})
