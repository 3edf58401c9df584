import { assert, describe, it } from "@effect/vitest"
import { poolOf } from "../../src/adapters/sim/LeaseTable.ts"
import type * as SimHost from "../../src/adapters/sim/SimHost.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import * as Frames from "./frames.ts"
import { type DhcpAsk, dhcpFrame, EVERYBODY, guestMac, HOST_NUMBER, hostOf, ipOf, viewOf } from "./sim.hostFrames.ts"

/** The answer, taken apart; its sums and fixed fields are asserted. */
const dhcpReplyOf = (frames: ReadonlyArray<Uint8Array>) => {
  assert.strictEqual(frames.length, 1)
  const frame = frames[0]!
  const packet = ipOf(frame)
  const udp = packet.slice(20)
  const pseudo = Frames.concat(packet.slice(12, 20), Uint8Array.of(0, 17), udp.slice(4, 6))
  assert.strictEqual(Frames.checksum(Frames.concat(pseudo, udp)), 0)
  assert.deepStrictEqual([viewOf(udp).getUint16(0), viewOf(udp).getUint16(2)], [67, 68])
  assert.strictEqual(viewOf(udp).getUint16(4), udp.length)
  const message = udp.slice(8)
  assert.isAtLeast(message.length, 300)
  assert.deepStrictEqual(message.slice(0, 3), Uint8Array.of(2, 1, 6))
  assert.deepStrictEqual(message.slice(236, 240), Uint8Array.of(0x63, 0x82, 0x53, 0x63))
  const options = new Map<number, ReadonlyArray<number>>()
  let at = 240
  for (; message[at] !== 255; at += 2 + message[at + 1]!) {
    options.set(message[at]!, Array.from(message.slice(at + 2, at + 2 + message[at + 1]!)))
  }
  return {
    to: frame.slice(0, 6),
    address: packet.slice(16, 20),
    type: options.get(53)?.[0],
    yours: viewOf(message).getUint32(16),
    transaction: viewOf(message).getUint32(4),
    options
  }
}

const DISCOVER = 1
const OFFER = 2
const REQUEST = 3
const DECLINE = 4
const ACK = 5
const NAK = 6
const RELEASE = 7
const INFORM = 8
const HOUR = 3_600_000

type Host = SimHost.SimHost

const say = (host: Host, message: DhcpAsk, nowMs = 0) => dhcpReplyOf(host.answer(dhcpFrame(message), nowMs))

/** DISCOVER, OFFER, REQUEST, ACK: the address. */
const lease = (host: Host, mac: Uint8Array, nowMs = 0): number => {
  const offer = say(host, { type: DISCOVER, mac }, nowMs)
  assert.strictEqual(offer.type, OFFER)
  const ack = say(host, { type: REQUEST, mac, requested: offer.yours, server: HOST_NUMBER }, nowMs)
  assert.deepStrictEqual([ack.type, ack.yours], [ACK, offer.yours])
  return ack.yours
}

describe("the simulated host and DHCP", () => {
  it("offers and leases the first free address, with what a client needs to know", () => {
    const host = hostOf()
    const offer = say(host, { type: DISCOVER })
    assert.deepStrictEqual([offer.type, offer.yours, offer.transaction], [OFFER, HOST_NUMBER + 1, 0x3903f326])
    const ack = say(host, { type: REQUEST, requested: offer.yours, server: HOST_NUMBER })
    assert.deepStrictEqual([ack.type, ack.yours], [ACK, HOST_NUMBER + 1])
    for (const { options } of [offer, ack]) {
      assert.deepStrictEqual(options.get(54), [10, 1, 0, 1])
      assert.deepStrictEqual(options.get(51), [0, 0, 3600 >> 8, 3600 & 255])
      assert.deepStrictEqual(options.get(1), [255, 255, 255, 0])
      assert.deepStrictEqual(options.get(3), [10, 1, 0, 1])
    }
  })

  it("answers to the client's own address, or to all if the client asks for that; a renewal where it is", () => {
    const host = hostOf()
    const direct = say(host, { type: DISCOVER })
    assert.deepStrictEqual([direct.to, direct.address], [guestMac(1), Frames.address("10.1.0.2")])
    const loud = say(host, { type: DISCOVER, broadcast: true })
    assert.deepStrictEqual([loud.to, loud.address], [Frames.BROADCAST, EVERYBODY])
    lease(host, guestMac(1))
    const renewed = say(host, { type: REQUEST, ciaddr: HOST_NUMBER + 1, broadcast: true })
    assert.deepStrictEqual(
      [renewed.type, renewed.to, renewed.address],
      [ACK, guestMac(1), Frames.address("10.1.0.2")]
    )
  })

  it("gives each MAC an address of its own, and always the same", () => {
    const host = hostOf()
    const first = [1, 2, 3].map((n) => lease(host, guestMac(n)))
    assert.deepStrictEqual(first, [HOST_NUMBER + 1, HOST_NUMBER + 2, HOST_NUMBER + 3])
    assert.deepStrictEqual([3, 1, 2].map((n) => lease(host, guestMac(n), HOUR * 5)), [first[2], first[0], first[1]])
  })

  it("gives who asks for a free address that one", () => {
    const offer = say(hostOf(), { type: DISCOVER, requested: HOST_NUMBER + 40 })
    assert.strictEqual(offer.yours, HOST_NUMBER + 40)
  })

  it("refuses, to all, an address that is taken, reserved, its own, or of another network", () => {
    const host = hostOf()
    lease(host, guestMac(1))
    const others = [HOST_NUMBER + 1, HOST_NUMBER - 1, HOST_NUMBER, HOST_NUMBER + 254, 0xc0a80005]
    for (const requested of others) {
      const nak = say(host, { type: REQUEST, mac: guestMac(2), requested })
      assert.deepStrictEqual([nak.type, nak.yours, nak.to, nak.address], [NAK, 0, Frames.BROADCAST, EVERYBODY])
      assert.deepStrictEqual(nak.options.get(54), [10, 1, 0, 1])
    }
  })

  it("leaves alone who chose another server, came through a relay, or speaks for a group", () => {
    const host = hostOf()
    const quiet: ReadonlyArray<DhcpAsk> = [
      { type: REQUEST, requested: HOST_NUMBER + 1, server: HOST_NUMBER + 9 },
      { type: DISCOVER, relay: Frames.address("10.1.0.3") },
      { type: DISCOVER, mac: Frames.mac("03:00:00:00:00:01") },
      { type: OFFER },
      { type: RELEASE, ciaddr: HOST_NUMBER + 1 }
    ]
    for (const message of quiet) assert.deepStrictEqual(host.answer(dhcpFrame(message), 0), [])
    assert.strictEqual(host.leases(0).size, 0)
  })

  it("is silent when the pool is exhausted, until a lease ends; then the oldest goes", () => {
    const host = hostOf(HOST_NUMBER, 29)
    const count = poolOf(Prefixes.make(HOST_NUMBER, 29)).length
    assert.strictEqual(count, 5)
    for (let n = 0; n < count; n++) lease(host, guestMac(n), n)
    const late = dhcpFrame({ type: DISCOVER, mac: guestMac(99) })
    assert.deepStrictEqual(host.answer(late, HOUR - 1), [])
    assert.strictEqual(dhcpReplyOf(host.answer(late, HOUR)).yours, HOST_NUMBER + 1)
  })

  it("a lease that is renewed does not end; one that is released is free at once", () => {
    const host = hostOf(HOST_NUMBER, 30)
    const own = lease(host, guestMac(1))
    assert.strictEqual(say(host, { type: REQUEST, ciaddr: own }, HOUR - 1).type, ACK)
    const other = dhcpFrame({ type: DISCOVER, mac: guestMac(2) })
    assert.deepStrictEqual(host.answer(other, HOUR + 1), [])
    // Nobody else can release it.
    host.answer(dhcpFrame({ type: RELEASE, mac: guestMac(2), ciaddr: own }), HOUR + 1)
    assert.deepStrictEqual(host.answer(other, HOUR + 1), [])
    host.answer(dhcpFrame({ type: RELEASE, ciaddr: own }), HOUR + 1)
    assert.strictEqual(dhcpReplyOf(host.answer(other, HOUR + 1)).yours, own)
  })

  it("an offer that is not taken is free again after a minute; a declined address rests as long", () => {
    const host = hostOf(HOST_NUMBER, 30)
    assert.strictEqual(say(host, { type: DISCOVER }).yours, HOST_NUMBER + 1)
    const other = dhcpFrame({ type: DISCOVER, mac: guestMac(2) })
    assert.deepStrictEqual(host.answer(other, 59_999), [])
    assert.strictEqual(dhcpReplyOf(host.answer(other, 60_000)).yours, HOST_NUMBER + 1)
    host.answer(dhcpFrame({ type: DECLINE, mac: guestMac(2), requested: HOST_NUMBER + 1 }), 60_000)
    assert.deepStrictEqual(host.answer(other, 119_999), [])
    assert.strictEqual(dhcpReplyOf(host.answer(other, 120_000)).yours, HOST_NUMBER + 1)
  })

  it("tells who has an address from elsewhere the rest, without a lease", () => {
    const host = hostOf()
    const told = say(host, { type: INFORM, ciaddr: HOST_NUMBER + 50 })
    assert.deepStrictEqual([told.type, told.yours, told.options.has(51)], [ACK, 0, false])
    assert.deepStrictEqual(told.options.get(3), [10, 1, 0, 1])
    assert.strictEqual(host.leases(0).size, 0)
  })

  it("serves a /31's one other address and a /0's first ones; a /32 has nobody to serve", () => {
    assert.strictEqual(say(hostOf(HOST_NUMBER, 31), { type: DISCOVER }).yours, HOST_NUMBER - 1)
    assert.strictEqual(say(hostOf(HOST_NUMBER, 0), { type: DISCOVER }).yours, 0x0a000002)
    for (const type of [DISCOVER, REQUEST, INFORM]) {
      const message = dhcpFrame({ type, requested: HOST_NUMBER + 1 })
      assert.deepStrictEqual(hostOf(HOST_NUMBER, 32).answer(message, 0), [])
    }
  })
})
