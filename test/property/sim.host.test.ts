import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { POOL_ADDRESSES_MAX, poolOf } from "../../src/adapters/sim/LeaseTable.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import * as Frames from "./frames.ts"
import {
  ask,
  dhcpFrame,
  guestMac,
  HOST,
  HOST_MAC,
  HOST_NUMBER,
  hostOf,
  ipOf,
  NOBODY,
  viewOf
} from "./sim.hostFrames.ts"

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
    assert.isTrue(pool.every((each) => Prefixes.contains(net, each)))
    const reserved = bits < 31 ? [address, net.network, broadcast] : [address]
    assert.isFalse(pool.some((each) => reserved.includes(each)))
    assert.strictEqual(new Set(pool).size, pool.length)
    const usable = bits === 32 ? 0 : bits === 31 ? 1 : Math.min(2 ** (32 - Math.max(bits, 8)) - 2, POOL_ADDRESSES_MAX)
    assert.isAtLeast(pool.length, Math.min(usable, POOL_ADDRESSES_MAX) - (bits < 31 ? 1 : 0))
  })
})
