import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { replay } from "../../src/adapters/sim/Replay.ts"
import * as Capture from "../../src/domain/capture/Capture.ts"
import { type CaptureReader, isFault } from "../../src/domain/capture/CapturedFrame.ts"
import * as Writer from "../../src/domain/capture/PcapngWriter.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import * as Survey from "../../src/services/CaptureSurvey.ts"
import { commentOf, jsonOf, type ReplayedFrame } from "../../src/services/ReplayedFrame.ts"
import { ReplayTally } from "../../src/services/ReplayTally.ts"
import { pcap, sourceOf, type Stamped } from "./captureFiles.ts"
import { BROADCAST, concat, patched } from "./frames.ts"
import { frame } from "./policyArbitrary.ts"
import { icmp6, ipv6On, packet6 } from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const runs = (numRuns: number) => ({ fastCheck: { numRuns } })
const SECOND = 1_000_000_000n

const opened = (octets: Uint8Array): CaptureReader => {
  const reader = Capture.open(sourceOf(octets))
  if (isFault(reader)) throw new Error(reader.fault)
  return reader
}

const options = (more: Partial<Survey.SurveyOptions> = {}): Survey.SurveyOptions => ({
  prefix: world.secure.prefix,
  hostMac: undefined,
  by: undefined,
  guestPorts: 8,
  ...more
})

const settings = (more: Partial<SwitchSettings> = {}): SwitchSettings => ({
  ...world.secure,
  tapMac: undefined,
  guestPorts: 8,
  guestPortsPerUid: 8,
  ...more
})

const replayed = (octets: Uint8Array, more: Partial<SwitchSettings> = {}, how: Partial<Survey.SurveyOptions> = {}) => {
  const { survey } = Survey.survey(opened(octets), options(how))
  const told: Array<ReplayedFrame> = []
  const fault = replay(opened(octets), survey, settings(more), (one) => told.push(one))
  return { survey, told, fault }
}

const verdicts = (told: ReadonlyArray<ReplayedFrame>) => told.map((one) => `${one.ingress}: ${commentOf(one)}`)

/** Frames a second apart. */
const each = (...frames: ReadonlyArray<Uint8Array>): ReadonlyArray<Stamped> =>
  frames.map((octets, i) => ({ time: [1_700_000_000 + i, 0] as const, octets }))

const sentBy = (source: Uint8Array, frame: Uint8Array): Uint8Array => patched(frame, 6, ...source)
const ofHost = (target = world.guest): Uint8Array =>
  sentBy(world.tapMac, world.arpFrame({ senderMac: world.tapMac, sender: world.host, target }))
const ofGuest = world.arpFrame({})
const ofOther = sentBy(world.otherMac, world.arpFrame({ senderMac: world.otherMac, sender: world.other }))
/** The other guest says that it has the host's address. */
const poison = sentBy(world.otherMac, world.arpFrame({ senderMac: world.otherMac, sender: world.host, op: 2 }))

/** Frames on interfaces, at seconds. */
const ports = (
  names: ReadonlyArray<string>,
  frames: ReadonlyArray<readonly [interfaceNumber: number, seconds: number, octets: Uint8Array]>
): Uint8Array =>
  concat(
    Writer.sectionHeader(),
    ...names.map((name) => Writer.interfaceBlock(name)),
    ...frames.map(([interfaceNumber, seconds, octets]) =>
      Writer.packetBlock({
        interfaceNumber,
        octets,
        originalBytes: octets.length,
        timeNs: BigInt(seconds) * SECOND,
        direction: undefined,
        comment: undefined
      })
    )
  )

describe("who sent a frame of a capture", () => {
  it("is its source MAC; the host is the first who speaks for its address", () => {
    const { survey, told } = replayed(pcap(each(ofGuest, ofHost(), ofOther, poison)))
    assert.strictEqual(survey.hostMac, "02:00:00:aa:bb:cc")
    assert.deepStrictEqual(survey.guests, ["1", "2"])
    assert.deepStrictEqual(verdicts(told), [
      "1: forwarded to tap, 2",
      "tap: forwarded to 1, 2",
      "2: forwarded to tap, 1",
      "2: denied: ARP_SPA_HOST"
    ])
  })

  it("is no host if it has spoken for another address before", () => {
    const { survey, told } = replayed(pcap(each(ofOther, poison, ofHost())))
    assert.strictEqual(survey.hostMac, "02:00:00:aa:bb:cc")
    assert.deepStrictEqual(told.map(({ ingress, reason }) => [ingress, reason]), [
      ["1", null],
      ["1", "ARP_SPA_HOST"],
      ["tap", null]
    ])
  })

  it("is no host if it speaks for another address later, and there need not be one", () => {
    const { survey, told } = replayed(pcap(each(poison, ofOther)))
    assert.isUndefined(survey.hostMac)
    assert.deepStrictEqual(verdicts(told), ["1: denied: ARP_SPA_HOST", "1: forwarded to tap"])
  })

  it("is the host if it has the MAC that was given, whoever else speaks for it; or none is", () => {
    const file = pcap(each(poison, ofHost()))
    const { survey, told } = replayed(file, {}, { hostMac: "02:00:00:aa:bb:cc" })
    assert.strictEqual(survey.hostMac, "02:00:00:aa:bb:cc")
    assert.deepStrictEqual(verdicts(told), ["1: denied: ARP_SPA_HOST", "tap: forwarded to 1"])
    const none = replayed(file, {}, { hostMac: "none" })
    assert.deepStrictEqual(verdicts(none.told), ["1: denied: ARP_SPA_HOST", "2: denied: ARP_SPA_HOST"])
  })

  it("is one guest, or the host, if that is said", () => {
    const { told } = replayed(pcap(each(ofHost(), ofGuest, ofOther, poison)), {}, { by: "one" })
    assert.deepStrictEqual(told.map(({ ingress, reason }) => [ingress, reason]), [
      ["tap", null],
      ["1", null],
      ["1", null],
      ["1", "ARP_SPA_HOST"]
    ])
  })

  it("is unknown of a frame without a source, and of one port if there are too many", () => {
    const runt = world.packet({}).slice(0, 11)
    const packet = world.packet({ to: BROADCAST })
    const many = Array.from({ length: 20 }, (_, i) => sentBy(Uint8Array.of(2, 0, 0, 0, 1, i), packet))
    const few = { guestPorts: 4 }
    const { survey, told } = replayed(pcap(each(runt, ...many)), few, few)
    assert.isTrue(survey.isCrowded)
    assert.strictEqual(survey.guests.length, 4)
    assert.strictEqual(verdicts(told)[0], "1: denied: RUNT")
    assert.deepStrictEqual(told.slice(4).map(({ ingress }) => ingress), new Array(17).fill("4"))
  })

  it("is the interface where there are several; tap or host is the host's", () => {
    const file = ports(["eve", "tap0", "alice"], [
      [2, 1, ofGuest],
      [0, 2, sentBy(world.guestMac, ofGuest)],
      [1, 3, ofHost()],
      [0, 4, ofOther]
    ])
    const { survey, told } = replayed(file)
    assert.strictEqual(survey.by, "interface")
    assert.deepStrictEqual(survey.guests, ["alice", "eve"])
    assert.deepStrictEqual(verdicts(told), [
      "alice: forwarded to tap, eve",
      "eve: denied: SRC_MAC_CONFLICT",
      "tap: forwarded to alice, eve",
      "eve: forwarded to tap, alice"
    ])
  })

  it("is the interface that the host speaks on, where no name says so", () => {
    const file = ports(["a", "b"], [[0, 1, ofGuest], [1, 2, ofHost()]])
    assert.deepStrictEqual(verdicts(replayed(file).told), ["a: forwarded to tap", "tap: forwarded to a"])
  })

  it("is the port that the switch itself named: who lies from there is not taken for the host", () => {
    const { survey, told } = replayed(ports(["port7"], [[0, 1, poison], [0, 2, ofHost()]]))
    assert.isUndefined(survey.hostMac)
    assert.deepStrictEqual(survey.guests, ["port7"])
    assert.deepStrictEqual(told.map(({ ingress, reason }) => [ingress, reason]), [
      ["port7", "ARP_SPA_HOST"],
      ["port7", "ARP_SPA_HOST"]
    ])
  })
})

describe("a replay", () => {
  it("goes by the capture's own times: what was silent for 300 seconds may be taken", () => {
    const file = ports(["tap", "a", "b"], [
      [1, 0, ofGuest],
      [2, 299, ofGuest],
      [2, 302, ofGuest],
      [1, 303, ofGuest],
      [0, 100, ofHost()]
    ])
    assert.deepStrictEqual(replayed(file).told.map(({ ingress, reason }) => [ingress, reason]), [
      ["a", null],
      ["b", "SRC_MAC_CONFLICT"],
      ["b", null],
      ["a", "SRC_MAC_CONFLICT"],
      ["tap", null]
    ])
  })

  it("leaves out what was cut when it was captured, and what a switch had sent out", () => {
    const { octets } = each(ofGuest)[0]!
    const cut = replayed(pcap([{ time: [1, 0], octets, originalBytes: 1000 }]))
    assert.deepStrictEqual(verdicts(cut.told), ["1: not replayed: cut"])
    const out = Writer.packetBlock({
      interfaceNumber: 1,
      octets,
      originalBytes: octets.length,
      timeNs: 5n,
      direction: "outbound",
      comment: undefined
    })
    const { told } = replayed(concat(ports(["a", "b"], [[0, 0, ofGuest], [1, 0, ofOther]]), out))
    assert.deepStrictEqual(verdicts(told).at(-1), "null: not replayed: outbound")
  })

  it("tells what is kept from the tap alone", () => {
    const query = world.membership({ type: 0x11, from: "10.1.0.2" })
    const { told } = replayed(pcap(each(ofHost(), ofGuest, ofOther, query)))
    assert.strictEqual(verdicts(told)[3], "1: forwarded to 2, not to the tap: IP4_PROTO_DENIED")
    assert.deepStrictEqual(JSON.parse(jsonOf(told[3]!)), {
      n: 4,
      time: "1700000003.000000000",
      ingress: "1",
      station: "00:01:5e:10:a2:2c",
      egress: ["2"],
      reason: null,
      tapReason: "IP4_PROTO_DENIED",
      skipped: null
    })
  })

  it("has the settings of the switch: isolation, a plain bridge", () => {
    const file = pcap(each(ofHost(), ofGuest, ofOther, world.packet({})))
    assert.strictEqual(verdicts(replayed(file, { policy: { isolate: "all" } }).told)[3], "1: denied: ISOLATED")
    const bridge = replayed(pcap(each(poison, ofGuest)), { secure: false })
    assert.strictEqual(verdicts(bridge.told)[0], "tap: forwarded to 1")
  })

  it("lets IPv6 through where that is asked for, and judges it", () => {
    const advertised = icmp6(134, new Uint8Array(12))
    const file = pcap(each(packet6(), advertised))
    assert.deepStrictEqual(replayed(file).told.map(({ reason }) => reason), ["IP6_DISABLED", "IP6_DISABLED"])
    const { told } = replayed(file, { policy: ipv6On })
    assert.deepStrictEqual(told.map(({ reason }) => reason), [null, "IP6_RA_DENIED"])
  })

  it("adds up by port, station and verdict, and by reason", () => {
    const tally = new ReplayTally()
    for (const one of replayed(pcap(each(ofHost(), ofGuest, ofOther, poison, poison))).told) tally.add(one)
    assert.strictEqual(tally.summary, "5 frames in 4 s: 3 forwarded, 2 denied")
    assert.deepStrictEqual(tally.verdicts.map(({ frames, port, verdict }) => [port, verdict, frames]), [
      ["tap", "forwarded", 1],
      ["1", "forwarded", 1],
      ["2", "forwarded", 1],
      ["2", "ARP_SPA_HOST", 2]
    ])
    assert.deepStrictEqual(tally.reasons, [
      { reason: "ARP_SPA_HOST", frames: 2, first: 4, firstTime: "1700000003.000000000" }
    ])
  })

  it("does not grow with the number of sources", () => {
    const tally = new ReplayTally()
    const flood = Array.from({ length: 300 }, (_, i) => sentBy(Uint8Array.of(2, 0, 0, 0, i >> 8, i & 255), ofGuest))
    for (const one of replayed(pcap(each(...flood)), {}, { hostMac: "none" }).told) tally.add(one)
    assert.isAtMost(tally.verdicts.length, 100)
    assert.strictEqual(tally.verdicts.reduce((sum, { frames }) => sum + frames, 0), 300)
    assert.isTrue(tally.verdicts.some(({ station }) => station === "others"))
  })

  const captured = fc.tuple(fc.nat(2), fc.nat(400), frame(world.secure.prefix))
  const captures = fc.array(captured, { minLength: 1, maxLength: 20 })

  it.prop("is the same each time, says one thing of each frame, and never sends one back", [captures], ([frames]) => {
    const file = ports(["tap", "a", "b"], frames)
    const { fault, told } = replayed(file)
    assert.isUndefined(fault)
    assert.deepStrictEqual(verdicts(replayed(file).told), verdicts(told))
    assert.deepStrictEqual(told.map(({ number }) => number), frames.map((_, i) => i + 1))
    for (const { egress, ingress, reason, skipped } of told) {
      assert.isNull(skipped)
      assert.notInclude(egress, ingress)
      if (reason !== null) assert.deepStrictEqual(egress, [])
    }
  }, runs(200))
})
