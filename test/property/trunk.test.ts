import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { Reason } from "../../src/domain/Reason.ts"
import * as Applied from "../../src/services/AppliedSettings.ts"
import {
  addressOf,
  advertise,
  datagram,
  dhcpFrame,
  dump,
  HOST,
  macOf,
  makeFast,
  packet6,
  request,
  solicit,
  tapMac
} from "./admissionWorld.ts"
import { patched } from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import * as World from "./switchWorld.ts"

const T0 = 1_000_000
const GUEST = 1
const OTHER = 2
const TRUNK = 3

/** Two guests of different users, and a trunk of a third. */
const world = (policy: Parameters<typeof makeFast>[0] = {}) => {
  const fast = makeFast(policy)
  fast.uid.set([0, 1001, 1002, 1003])
  fast.trunk[TRUNK] = 1
  const told = (expected: Reason) => (frame: Uint8Array, port: number, nowMs = T0) =>
    assert.strictEqual(fast.receive(frame, port, nowMs), expected)
  return { ...fast, accepted: told(Reason.PASS), told }
}

const hex = (octet: number) => octet.toString(16).padStart(2, "0")
const farMac = (n: number) => `52:54:00:03:${hex(n >> 8)}:${hex(n & 255)}`

describe("a trunk", () => {
  it("brings as many stations and addresses as another switch has, a second's worth at a time", () => {
    const { accepted, state, told } = world({ arpPerSecond: 1e9, stormPerSecond: 1e9, addressesPerTrunk: 100 })
    let nowMs = T0
    const most = Bounds.stationsPerTrunk
    for (let n = 0; n < most; n++) accepted(request(farMac(n), "0.0.0.0"), TRUNK, nowMs += 40)
    assert.strictEqual(state.stations.portCount[TRUNK], most)
    told(Reason.MAC_LIMIT)(request(farMac(most), "0.0.0.0"), TRUNK, nowMs)
    for (let n = 0; n < 100; n++) accepted(request(farMac(n), `10.1.0.${n + 3}`), TRUNK, nowMs += 40)
    told(Reason.IP_LIMIT)(request(farMac(0), "10.1.0.200"), TRUNK, nowMs)
    const usual = world()
    for (let n = 0; n < Bounds.stationsPerGuestSecure; n++) usual.accepted(request(farMac(n), "0.0.0.0"), GUEST)
    usual.told(Reason.MAC_LIMIT)(request(farMac(99), "0.0.0.0"), GUEST)
    usual.accepted(request(farMac(99), "0.0.0.0"), TRUNK)
  })

  it("takes neither the MAC nor the address of a guest that is there, and no guest takes its", () => {
    const { accepted, told } = world()
    accepted(request(macOf(1), addressOf(1)), GUEST)
    told(Reason.SRC_MAC_CONFLICT)(request(macOf(1), "0.0.0.0"), TRUNK)
    told(Reason.ARP_SPA_CONFLICT)(request(macOf(2), addressOf(1)), TRUNK)
    told(Reason.IP4_SRC_CONFLICT)(datagram(2, addressOf(1)), TRUNK)
    accepted(request(macOf(2), addressOf(2)), TRUNK)
    told(Reason.SRC_MAC_CONFLICT)(request(macOf(2), "0.0.0.0"), GUEST)
    told(Reason.IP4_SRC_CONFLICT)(datagram(1, addressOf(2)), GUEST)
  })

  it("speaks neither for the host nor by its MAC, nor out of the form of ARP and IPv4, whatever is bound to it", () => {
    const trunkBindings = [{ ip: networkOf("0.0.0.0/0"), mac: Mac.parse(tapMac) }]
    const { told } = world({ trunkBindings })
    told(Reason.SRC_MAC_TAP)(request(tapMac, addressOf(1)), TRUNK)
    told(Reason.ARP_SPA_HOST)(request(macOf(1), HOST), TRUNK)
    told(Reason.IP4_SRC_HOST)(datagram(1, HOST), TRUNK)
    told(Reason.ARP_SPA_OUTSIDE)(request(macOf(1), "192.0.2.1"), TRUNK)
    told(Reason.ARP_SHA_MISMATCH)(patched(request(macOf(1), addressOf(1)), 22, 2), TRUNK)
    told(Reason.IP4_MALFORMED)(patched(datagram(1, addressOf(1)), 14, 0x44), TRUNK)
  })

  it("sends from outside the subnet only what is bound to trunks, and that makes no claim", () => {
    const { accepted, state, told } = world({ trunkBindings: [{ ip: networkOf("192.0.2.0/24") }] })
    for (let n = 0; n < 200; n++) accepted(datagram(1, `192.0.2.${n}`), TRUNK)
    assert.deepStrictEqual(dump(state).claims, [])
    assert.strictEqual(dump(state).stations.length, 1)
    told(Reason.IP4_SRC_OUTSIDE)(datagram(1, "192.0.3.1"), TRUNK)
    told(Reason.IP4_SRC_OUTSIDE)(datagram(2, "192.0.2.1"), GUEST)
    world().told(Reason.IP4_SRC_OUTSIDE)(datagram(1, "192.0.2.1"), TRUNK)
  })

  it("has what is bound to trunks inside the subnet, which is nobody else's, and other addresses, too", () => {
    const trunkBindings = [{ mac: Mac.parse(macOf(7)), ip: networkOf("10.1.0.128/25") }]
    const { accepted, told } = world({ trunkBindings, learn: "static" })
    told(Reason.STATIC_MISMATCH)(request(macOf(7), "0.0.0.0"), GUEST)
    told(Reason.STATIC_MISMATCH)(request(macOf(1), "10.1.0.128"), GUEST)
    accepted(request(macOf(7), "10.1.0.128"), TRUNK)
    accepted(request(macOf(6), "10.1.0.254"), TRUNK)
    const free = world({ trunkBindings })
    free.accepted(request(macOf(1), "10.1.0.127"), GUEST)
    free.accepted(request(macOf(2), "10.1.0.126"), TRUNK)
  })

  it("sends from outside the IPv6 prefix only packets that are bound to trunks, and that makes no claim", () => {
    const { accepted, state, told } = world({ trunkBindings: [{ ip: networkOf("2001:db8::/32") }] })
    for (let n = 1; n < 200; n++) accepted(packet6(macOf(1), `2001:db8::${n}`), TRUNK)
    assert.deepStrictEqual(dump(state).claims, [])
    assert.strictEqual(dump(state).stations.length, 1)
    told(Reason.IP6_SRC_OUTSIDE)(packet6(macOf(1), "2001:db9::1"), TRUNK)
    told(Reason.IP6_SRC_OUTSIDE)(packet6(macOf(2), "2001:db8::1"), GUEST)
    told(Reason.IP6_SRC_OUTSIDE)(solicit(macOf(1), "2001:db8::1", "fd00:1::2"), TRUNK)
    told(Reason.ND_TARGET_CONFLICT)(advertise(macOf(1), "fd00:1::7", "2001:db8::1"), TRUNK)
    world().told(Reason.IP6_SRC_OUTSIDE)(packet6(macOf(1), "2001:db8::1"), TRUNK)
  })

  it("has what is bound to trunks inside the IPv6 prefix, which is nobody else's, and other addresses, too", () => {
    const trunkBindings = [{ ip: networkOf("fd00:1:0:0:8000::/65") }, { ip: networkOf("fe80::7") }]
    const { accepted, state, told } = world({ trunkBindings, learn: "static" })
    const [first, last, beyond] = ["fd00:1:0:0:8000::", "fd00:1::ffff:ffff:ffff:ffff", "fd00:1::7fff:ffff:ffff:ffff"]
    for (const text of [first, last, "fe80::7"]) {
      told(Reason.STATIC_MISMATCH)(packet6(macOf(1), text), GUEST)
      accepted(packet6(macOf(6), text), TRUNK)
      accepted(advertise(macOf(6), first, text), TRUNK)
      // Not the host's side's either.
      accepted(advertise(macOf(9), "fe80::99", text), 0)
      accepted(packet6(macOf(6), text), TRUNK)
    }
    told(Reason.STATIC_MISMATCH)(packet6(macOf(6), beyond), TRUNK)
    assert.strictEqual(state.claims.portCount[TRUNK], 3)
    const free = world({ trunkBindings })
    free.accepted(packet6(macOf(1), beyond), GUEST)
    free.accepted(packet6(macOf(2), "fd00:1::6"), TRUNK)
    free.accepted(packet6(macOf(1), "fe80::6"), GUEST)
  })

  it("has all of IPv6 by ::/0, and of IPv4 nothing by it, nor the other way round", () => {
    const six = world({ trunkBindings: [{ ip: networkOf("::/0") }] })
    six.told(Reason.STATIC_MISMATCH)(packet6(macOf(1), "fd00:1::5"), GUEST)
    six.told(Reason.STATIC_MISMATCH)(packet6(macOf(1), "fe80::5"), GUEST)
    six.accepted(request(macOf(1), addressOf(1)), GUEST)
    six.told(Reason.IP4_SRC_OUTSIDE)(datagram(2, "192.0.2.1"), TRUNK)
    const four = world({ trunkBindings: [{ ip: networkOf("0.0.0.0/0") }] })
    four.told(Reason.STATIC_MISMATCH)(request(macOf(1), addressOf(1)), GUEST)
    four.accepted(packet6(macOf(1), "fd00:1::5"), GUEST)
    four.told(Reason.IP6_SRC_OUTSIDE)(packet6(macOf(2), "2001:db8::1"), TRUNK)
  })

  it("is no guest of the user that opened it: what is bound to him is neither its own nor all that it may have", () => {
    const binding = { uid: 1003, mac: Mac.parse(macOf(1)), ip: networkOf(addressOf(1)) }
    const { accepted, told, uid } = world({ bindings: [binding] })
    told(Reason.STATIC_MISMATCH)(request(macOf(1), "0.0.0.0"), TRUNK)
    told(Reason.STATIC_MISMATCH)(request(macOf(2), addressOf(1)), TRUNK)
    accepted(request(macOf(2), addressOf(2)), TRUNK)
    uid[OTHER] = 1003
    accepted(request(macOf(1), addressOf(1)), OTHER)
  })

  it("is not locked to its first MAC and address", () => {
    const { accepted, told } = world({ lock: true })
    for (const n of [1, 2, 3]) accepted(request(macOf(n), addressOf(n)), TRUNK)
    accepted(request(macOf(4), addressOf(4)), GUEST)
    told(Reason.MAC_LIMIT)(request(macOf(5), "0.0.0.0"), GUEST)
  })

  it("is asked for no user: what a closed port had it may bring at once, and of what it had nothing is kept", () => {
    const { accepted, state, told } = world()
    accepted(request(macOf(1), addressOf(1)), GUEST)
    Admission.forget(state, GUEST, T0)
    told(Reason.SRC_MAC_CONFLICT)(request(macOf(1), "0.0.0.0"), OTHER)
    accepted(request(macOf(1), addressOf(1)), TRUNK)
    Admission.forget(state, TRUNK, T0)
    assert.strictEqual(state.held.facts.count, 0)
    accepted(request(macOf(1), addressOf(1)), OTHER)
  })

  it("serves DHCP only where that is allowed, and waits with 64 questions", () => {
    const offer = patched(dhcpFrame({ from: macOf(1), hardware: macOf(2), xid: 1, kind: 5 }), 26, 10, 1, 0, 9)
    world().told(Reason.DHCP_SERVER)(offer, TRUNK)
    const { accepted, state } = world({ stormPerSecond: 1e9 })
    for (let xid = 0; xid < 70; xid++) accepted(dhcpFrame({ from: macOf(1), hardware: macOf(1), xid, kind: 1 }), TRUNK)
    assert.strictEqual(state.snoop.pending.portCount[TRUNK], Bounds.pendingDhcpPerTrunk)
    for (let xid = 0; xid < 9; xid++) accepted(dhcpFrame({ from: macOf(2), hardware: macOf(2), xid, kind: 1 }), GUEST)
    assert.strictEqual(state.snoop.pending.portCount[GUEST], Bounds.pendingDhcpPerGuest)
  })
})

describe("a switch with a trunk", () => {
  it("knows trunks by the socket they came in on, and admits no more than its bound", () => {
    const { forwarder, guest, notices, trunk } = World.make({ trunkPorts: 2 })
    guest()
    trunk()
    guest()
    trunk()
    assert.isTrue(trunk().gone)
    const opened = notices.flatMap((notice) => notice.kind === "opened" ? [[notice.port, notice.trunk]] : [])
    assert.deepStrictEqual(opened, [[1, false], [2, true], [3, false], [4, true]])
    assert.deepStrictEqual(Array.from(forwarder.policy.trunks.subarray(0, 6)), [0, 0, 1, 0, 1, 0])
    assert.strictEqual(forwarder.counters.refused.reduce((sum, count) => sum + count, 0), 1)
  })

  it("gives the number of a trunk that left to a guest that is none, and room to the next trunk", () => {
    const { forwarder, guest, settle, trunk } = World.make({ trunkPorts: 1 })
    const first = trunk()
    first.close()
    settle()
    guest()
    assert.deepStrictEqual(Array.from(forwarder.policy.trunks.subarray(0, 3)), [0, 0, 0])
    assert.isFalse(trunk().gone)
    assert.deepStrictEqual(Array.from(forwarder.policy.trunks.subarray(0, 3)), [0, 0, 1])
  })

  it("keeps its marks when settings change", () => {
    const { forwarder, guest, trunk } = World.make({ secure: true, trunkPorts: 1 })
    guest()
    trunk()
    Applied.configure(forwarder, { ...forwarder.settings, policy: { lock: true } })
    assert.deepStrictEqual(Array.from(forwarder.policy.trunks.subarray(0, 3)), [0, 0, 1])
  })

  it("with -U a trunk at its cap loses its own stations, and no guest loses any", () => {
    const world = World.make({ secure: false, trunkPorts: 1, policy: { stationsPerTrunk: 8, stormPerSecond: 1e9 } })
    const [guest, trunk] = [world.guest(), world.trunk()]
    world.send(guest, World.frame(255, 1))
    for (let n = 10; n < 60; n++) world.send(trunk, World.frame(255, n))
    const { portCount } = world.forwarder.memory.stations
    assert.deepStrictEqual([portCount[1], portCount[2]], [1, 8])
    assert.strictEqual(world.forwarder.counters.values[2 * Counters.ROW + Counters.Column.denied + Reason.MAC_LIMIT], 0)
    world.assertSums()
  })
})
