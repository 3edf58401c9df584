import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { replay } from "../../src/adapters/sim/Replay.ts"
import * as Capture from "../../src/domain/capture/Capture.ts"
import { type CaptureReader, isFault } from "../../src/domain/capture/CapturedFrame.ts"
import * as Writer from "../../src/domain/capture/PcapngWriter.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import * as Survey from "../../src/services/CaptureSurvey.ts"
import { jsonOf, type ReplayedFrame, verdictOf } from "../../src/services/ReplayedFrame.ts"
import { ReplayTally } from "../../src/services/ReplayTally.ts"
import { pcap, sourceOf, type Stamped } from "./captureFiles.ts"
import { BROADCAST, concat, mac, patched } from "./frames.ts"
import { frame } from "./policyArbitrary.ts"
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

const verdicts = (told: ReadonlyArray<ReplayedFrame>) => told.map((one) => `${one.ingress}: ${verdictOf(one)}`)

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
const ports = (names: ReadonlyArray<string>, frames: ReadonlyArray<readonly [number, number, Uint8Array]>): Uint8Array =>
  concat(
    Writer.sectionHeader(),
    ...names.map(Writer.interfaceBlock),
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
    assert.deepStrictEqual(survey.guests, ["guest1", "guest2"])
    assert.deepStrictEqual(verdicts(told), [
      "guest1: PASS to tap, guest2",
      "tap: PASS to guest1, guest2",
      "guest2: PASS to tap, guest1",
      "guest2: ARP_SPA_HOST"
    ])
  })

  it("is no host if it has spoken for another address before", () => {
    const { survey, told } = replayed(pcap(each(ofOther, poison, ofHost())))
    assert.strictEqual(survey.hostMac, "02:00:00:aa:bb:cc")
    assert.deepStrictEqual(told.map(({ ingress, reason }) => [ingress, reason]), [
      ["guest1", null],
      ["guest1", "ARP_SPA_HOST"],
      ["tap", null]
    ])
  })

  it("is the host if it has the MAC that was given, whoever else speaks for it", () => {
    const { survey, told } = replayed(pcap(each(poison, ofHost())), {}, { hostMac: "02:00:00:aa:bb:cc" })
    assert.strictEqual(survey.hostMac, "02:00:00:aa:bb:cc")
    assert.deepStrictEqual(verdicts(told), ["guest1: ARP_SPA_HOST", "tap: PASS to guest1"])
  })

  it("is unknown of a frame without a source, and of one port if there are too many", () => {
    const runt = world.packet({}).slice(0, 11)
    const many = Array.from({ length: 20 }, (_, i) => sentBy(Uint8Array.of(2, 0, 0, 0, 1, i), world.packet({ to: BROADCAST })))
    const { survey, told } = replayed(pcap(each(runt, ...many)), { guestPorts: 4, guestPortsPerUid: 4 }, { guestPorts: 4 })
    assert.isTrue(survey.isCrowded)
    assert.strictEqual(survey.guests.length, 4)
    assert.strictEqual(verdicts(told)[0], "guest1: RUNT")
    assert.deepStrictEqual(told.slice(4).map(({ ingress }) => ingress), new Array(17).fill("guest4"))
  })

  it("is the interface where there are several; tap or host is the host's", () => {
    const file = ports(["eve", "tap0", "alice"], [[2, 1, ofGuest], [0, 2, sentBy(world.guestMac, ofGuest)], [1, 3, ofHost()], [0, 4, ofOther]])
    const { survey, told } = replayed(file)
    assert.strictEqual(survey.by, "interface")
    assert.deepStrictEqual(survey.guests, ["alice", "eve"])
    assert.deepStrictEqual(verdicts(told), [
      "alice: PASS to tap, eve",
      "eve: SRC_MAC_CONFLICT",
      "tap: PASS to alice, eve",
      "eve: PASS to tap, alice"
    ])
  })

  it("is the interface that the host speaks on, where no name says so", () => {
    const file = ports(["a", "b"], [[0, 1, ofGuest], [1, 2, ofHost()]])
    assert.deepStrictEqual(verdicts(replayed(file).told), ["a: PASS to tap", "tap: PASS to a"])
  })
})

describe("a replay", () => {
  it("goes by the capture's own times: what was silent for 300 seconds may be taken", () => {
    const file = ports(["tap", "a", "b"], [[1, 0, ofGuest], [2, 299, ofGuest], [2, 302, ofGuest], [1, 303, ofGuest], [0, 100, ofHost()]])
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
    assert.deepStrictEqual(verdicts(cut.told), ["guest1: not replayed: cut when it was captured"])
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
    const { told } = replayed(pcap(each(ofHost(), ofGuest, ofOther, world.honest["IGMP with router alert"]!)))
    assert.strictEqual(verdicts(told)[3], "guest1: PASS to guest2; kept from the tap: IP4_PROTO_DENIED")
    assert.deepStrictEqual(JSON.parse(jsonOf(told[3]!)), {
      n: 4,
      time: "1700000003.000000000",
      ingress: "guest1",
      egress: ["guest2"],
      reason: null,
      tapReason: "IP4_PROTO_DENIED",
      skipped: null
    })
  })

  it("has the settings of the switch: isolation, a plain bridge, IPv6", () => {
    const file = pcap(each(ofHost(), ofGuest, ofOther, world.packet({})))
    assert.strictEqual(verdicts(replayed(file, { policy: { isolate: "all" } }).told)[3], "guest1: ISOLATED")
    assert.strictEqual(verdicts(replayed(pcap(each(poison, ofGuest)), { secure: false }).told)[0], "tap: PASS to guest1")
  })

  it("adds up by port, station and reason", () => {
    const tally = new ReplayTally()
    for (const one of replayed(pcap(each(ofHost(), ofGuest, ofOther, poison, poison))).told) tally.add(one)
    assert.strictEqual(tally.summary, "5 frames in 4 s: 3 passed, 2 denied")
    assert.deepStrictEqual(tally.stations.map(({ denied, passed, port }) => [port, passed, denied]), [
      ["tap", 1, 0],
      ["guest1", 1, 0],
      ["guest2", 1, 2]
    ])
    assert.deepStrictEqual(tally.reasons, [{
      reason: "ARP_SPA_HOST",
      frames: 2,
      first: 4,
      firstTime: "1700000003.000000000",
      station: "52:54:00:12:34:56 at guest2"
    }])
  })

  it("does not grow with the number of sources", () => {
    const tally = new ReplayTally()
    const flood = Array.from({ length: 300 }, (_, i) => sentBy(mac(`02:00:00:00:0${i >> 8}:${(i & 255).toString(16).padStart(2, "0")}`), ofGuest))
    for (const one of replayed(pcap(each(...flood))).told) tally.add(one)
    assert.isAtMost(tally.stations.length, 8 + 65)
    assert.strictEqual(tally.stations.reduce((sum, { denied, passed }) => sum + denied + passed, 0), 300)
    assert.strictEqual(tally.stations.at(-1)?.station, "others")
  })

  const captures = fc.array(fc.tuple(fc.nat(2), fc.nat(400), frame(world.secure.prefix)), { minLength: 1, maxLength: 20 })

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
