import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { POOL_ADDRESSES_MAX, poolOf } from "../../src/adapters/sim/LeaseTable.ts"
import * as SimHost from "../../src/adapters/sim/SimHost.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import * as Frames from "./frames.ts"

const HOST_MAC = Frames.mac("02:00:00:00:00:fe")
const HOST = Frames.address("10.1.0.1")
const HOST_NUMBER = 0x0a010001
const NOBODY = Frames.address("0.0.0.0")
const EVERYBODY = Frames.address("255.255.255.255")

const hostOf = (address = HOST_NUMBER, bits = 24) =>
  SimHost.make({ mac: Mac.fromOctets(HOST_MAC), prefix: Prefixes.make(address, bits) })

const guestMac = (n: number): Uint8Array => Uint8Array.of(0x52, 0x54, 0, 0, n >>> 8, n & 255)

const viewOf = (octets: Uint8Array) => new DataView(octets.buffer, octets.byteOffset, octets.byteLength)

/** Asserts what every IPv4 frame of the host has: addresses of Ethernet, lengths, and a right sum. */
const ipOf = (frame: Uint8Array): Uint8Array => {
  assert.deepStrictEqual(frame.slice(6, 12), HOST_MAC)
  assert.strictEqual(viewOf(frame).getUint16(12), Frames.IPV4)
  const packet = frame.slice(14)
  assert.strictEqual(viewOf(packet).getUint16(2), packet.length)
  assert.strictEqual(Frames.checksum(packet.slice(0, 20)), 0)
  return packet
}

const ask = (fields: Frames.Ipv4Fields, source = guestMac(1), destination = HOST_MAC) =>
  Frames.ethernet({ destination, source, type: Frames.IPV4, payload: Frames.ipv4(fields) })

const echo = (payload: Uint8Array, from = Frames.address("10.1.0.9"), to = HOST): Frames.Ipv4Fields => ({
  source: from,
  destination: to,
  protocol: 1,
  payload: Frames.icmp({ type: 8, payload })
})

describe("the simulated host and ARP", () => {
  it("answers who asks for its address, also who has none yet, and nobody else", () => {
    const host = hostOf()
    const request = (target: string, sender: string, op = 1) =>
      Frames.ethernet({
        destination: Frames.BROADCAST,
        source: guestMac(1),
        type: Frames.ARP,
        payload: Frames.arp({
          op,
          senderMac: guestMac(1),
          sender: Frames.address(sender),
          target: Frames.address(target)
        })
      })
    for (const sender of ["10.1.0.9", "0.0.0.0"]) {
      const expected = Frames.ethernet({
        destination: guestMac(1),
        source: HOST_MAC,
        type: Frames.ARP,
        payload: Frames.arp({
          op: 2,
          senderMac: HOST_MAC,
          sender: HOST,
          targetMac: guestMac(1),
          target: Frames.address(sender)
        })
      })
      assert.deepStrictEqual(host.answer(request("10.1.0.1", sender), 0), [expected])
      assert.deepStrictEqual(host.answer(Frames.padded(request("10.1.0.1", sender), 60), 0), [expected])
    }
    assert.deepStrictEqual(host.answer(request("10.1.0.2", "10.1.0.9"), 0), [])
    assert.deepStrictEqual(host.answer(request("10.1.0.1", "10.1.0.9", 2), 0), [])
  })

  it("says nothing when it has no address", () => {
    const host = hostOf(0, 32)
    const request = Frames.arp({ op: 1, senderMac: guestMac(1), sender: NOBODY, target: NOBODY })
    const frame = Frames.ethernet({
      destination: Frames.BROADCAST,
      source: guestMac(1),
      type: Frames.ARP,
      payload: request
    })
    assert.deepStrictEqual(host.answer(frame, 0), [])
  })
})

describe("the simulated host and ping", () => {
  it.prop("an echo request of any size comes back with the same payload and right sums", [
    fc.uint8Array({ maxLength: 1472 }),
    fc.nat(60)
  ], ([payload, padding]) => {
    const request = ask(echo(payload))
    const [reply, ...more] = hostOf().answer(Frames.concat(request, new Uint8Array(padding)), 0)
    assert.deepStrictEqual(more, [])
    const packet = ipOf(reply!)
    assert.deepStrictEqual(reply!.slice(0, 6), guestMac(1))
    assert.deepStrictEqual([packet.slice(12, 16), packet.slice(16, 20)], [HOST, Frames.address("10.1.0.9")])
    const message = packet.slice(20)
    assert.strictEqual(Frames.checksum(message), 0)
    assert.deepStrictEqual(message, Frames.icmp({ type: 0, payload }))
  })

  it.prop("one in fragments comes back in fragments that fit together", [
    fc.uint8Array({ minLength: 1500, maxLength: 4000 }),
    fc.constantFrom(64, 576, 1480)
  ], ([payload, fragmentBytes]) => {
    const host = hostOf()
    const pieces = Frames.fragments(echo(payload), fragmentBytes).map((fragment) =>
      host.answer(
        Frames.ethernet({ destination: HOST_MAC, source: guestMac(1), type: Frames.IPV4, payload: fragment }),
        0
      )
    )
    const whole = new Uint8Array(payload.length + 8)
    for (const [piece] of pieces) {
      const packet = ipOf(piece!)
      whole.set(packet.slice(20), (viewOf(packet).getUint16(6) & 0x1fff) * 8)
    }
    assert.deepStrictEqual(whole, Frames.icmp({ type: 0, payload }))
  })

  it("is silent to wrong sums, other types, other addresses and senders that it has no route to", () => {
    const host = hostOf()
    const right = ask(echo(new Uint8Array(9)))
    assert.strictEqual(host.answer(right, 0).length, 1)
    const silent: ReadonlyArray<readonly [string, Uint8Array]> = [
      ["a wrong header sum", Frames.patched(right, 24, 1, 2)],
      ["a wrong message sum", Frames.patched(right, 36, 1, 2)],
      ["a payload changed", Frames.patched(right, 42, 0xaa)],
      ["an echo reply", ask({ ...echo(NOBODY), payload: Frames.icmp({ type: 0, payload: NOBODY }) })],
      ["another host", ask(echo(NOBODY, Frames.address("10.1.0.9"), Frames.address("10.1.0.7")))],
      ["a broadcast", ask(echo(NOBODY, Frames.address("10.1.0.9"), Frames.address("10.1.0.255")))],
      ["from outside", ask(echo(NOBODY, Frames.address("10.2.0.9")))],
      ["from itself", ask(echo(NOBODY, HOST))],
      ["from the network", ask(echo(NOBODY, Frames.address("10.1.0.0")))],
      ["from a group", ask(echo(NOBODY), Frames.mac("01:00:5e:00:00:01"))],
      ["to another station", ask(echo(NOBODY), guestMac(1), guestMac(2))]
    ]
    for (const [why, frame] of silent) assert.deepStrictEqual(host.answer(frame, 0), [], why)
  })
})

describe("the simulated host", () => {
  const damaged = fc.tuple(
    fc.constantFrom(
      ask(echo(new Uint8Array(40))),
      dhcpFrame({ type: 1 }),
      dhcpFrame({ type: 3, requested: HOST_NUMBER + 1 }),
      Frames.ethernet({
        destination: Frames.BROADCAST,
        source: guestMac(1),
        type: Frames.ARP,
        payload: Frames.arp({ op: 1, senderMac: guestMac(1), sender: NOBODY, target: HOST })
      })
    ),
    fc.array(fc.tuple(fc.nat(350), fc.nat(255)), { maxLength: 6 }),
    fc.nat(400)
  ).map(([frame, changes, size]) => {
    const copy = frame.slice(0, size)
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value
    return copy
  })
  const prefix = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(32))

  it.prop("is total: any octets get a list of frames, whatever its prefix", [
    fc.array(fc.oneof(damaged, fc.uint8Array({ maxLength: 2000 })), { maxLength: 20 }),
    prefix
  ], ([frames, [address, bits]]) => {
    const host = hostOf(address, bits)
    frames.forEach((frame, i) => {
      const before = frame.slice()
      const answers = host.answer(frame, i)
      assert.isAtMost(answers.length, 1)
      assert.isTrue(answers.every((answer) => answer.length >= 42))
      assert.deepStrictEqual(frame, before)
    })
  })

  it.prop("leases no address twice and none but the pool's, whatever clients say", [
    fc.array(
      fc.record({
        type: fc.integer({ min: 1, max: 8 }),
        client: fc.nat(5),
        requested: fc.integer({ min: HOST_NUMBER - 1, max: HOST_NUMBER + 7 }),
        ciaddr: fc.constantFrom(0, HOST_NUMBER + 1, HOST_NUMBER + 2),
        passMs: fc.constantFrom(0, 1000, 60_000, 3_600_000)
      }),
      { maxLength: 60 }
    )
  ], ([steps]) => {
    const host = hostOf(HOST_NUMBER, 29)
    const pool = poolOf(Prefixes.make(HOST_NUMBER, 29))
    let nowMs = 0
    for (const { ciaddr, client, passMs, requested, type } of steps) {
      nowMs += passMs
      host.answer(dhcpFrame({ type, mac: guestMac(client), requested, ciaddr }), nowMs)
      const addresses = [...host.leases(nowMs).values()]
      assert.strictEqual(new Set(addresses).size, addresses.length)
      assert.isTrue(addresses.every((address) => pool.includes(address)))
    }
  })

  it.prop("its pool is inside the prefix, bounded, and without host, network and broadcast address", [prefix], ([
    [address, bits]
  ]) => {
    const net = Prefixes.make(address, bits)
    const pool = poolOf(net)
    assert.isAtMost(pool.length, POOL_ADDRESSES_MAX)
    const broadcast = (net.network | ~net.mask) >>> 0
    for (const each of pool) {
      assert.isTrue(Prefixes.contains(net, each))
      assert.notStrictEqual(each, address)
      if (bits < 31) assert.notInclude([net.network, broadcast], each)
    }
    const usable = bits === 32 ? 0 : bits === 31 ? 1 : Math.min(2 ** (32 - Math.max(bits, 8)) - 2, POOL_ADDRESSES_MAX)
    assert.isAtLeast(pool.length, Math.min(usable, POOL_ADDRESSES_MAX) - (bits < 31 ? 1 : 0))
  })
})

interface DhcpAsk {
  readonly type: number
  readonly mac?: Uint8Array
  readonly requested?: number
  readonly server?: number
  readonly ciaddr?: number
  readonly broadcast?: boolean
  readonly relay?: Uint8Array
}

/** A client's message, as udhcpc sends it. */
function dhcpFrame({ broadcast, ciaddr = 0, mac = guestMac(1), relay, requested, server, type }: DhcpAsk): Uint8Array {
  const options = Frames.concat(
    Uint8Array.of(53, 1, type),
    requested === undefined ? new Uint8Array(0) : Frames.concat(Uint8Array.of(50, 4), Frames.addressOf(requested)),
    server === undefined ? new Uint8Array(0) : Frames.concat(Uint8Array.of(54, 4), Frames.addressOf(server)),
    Uint8Array.of(55, 3, 1, 3, 6, 255)
  )
  const message = Frames.dhcp({ hardwareAddress: mac, options, ...(relay === undefined ? {} : { relay }) })
  message.set(Frames.addressOf(ciaddr), 12)
  if (broadcast === true) message[10] = 0x80
  const between = { source: ciaddr === 0 ? NOBODY : Frames.addressOf(ciaddr), destination: EVERYBODY }
  return ask({
    ...between,
    protocol: 17,
    payload: Frames.udp({ ...between, sourcePort: 68, destinationPort: 67, payload: message })
  }, mac, Frames.BROADCAST)
}

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
