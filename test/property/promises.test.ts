import { assert, describe, it } from "@effect/vitest"
import * as SimHost from "../../src/adapters/sim/SimHost.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { REASON_COUNT, reasonNames } from "../../src/domain/Reason.ts"
import * as Frames from "./frames.ts"
import { dhcpFrame, guestMac, viewOf } from "./sim.hostFrames.ts"
import { make } from "./switchWorld.ts"

/*
 * Promises of compatibility that concern a whole switch; the others are in admissionPromises.test.ts. Secure mode, no
 * option, three guests of three users, and a tap.
 */

const HOST = "10.1.0.1"
const HOST_NUMBER = 0x0a010001
const GUESTS = [1, 2, 3]
const addressOf = (n: number): string => `10.1.0.${n + 1}`
const GROUP_MAC = Frames.mac("01:00:5e:00:00:fb")

interface Ip {
  readonly from: number
  readonly to: Uint8Array
  readonly source?: string
  readonly target: string
  readonly protocol?: number
  readonly payload: Uint8Array
}

const ip = ({ from, payload, protocol = 17, source = addressOf(from), target, to }: Ip): Uint8Array =>
  Frames.ethernet({
    destination: to,
    source: guestMac(from),
    type: Frames.IPV4,
    payload: Frames.ipv4({ source: Frames.address(source), destination: Frames.address(target), protocol, payload })
  })

const udp = (source: string, destination: string, sourcePort: number, destinationPort: number, bytes = 16) =>
  Frames.udp({
    source: Frames.address(source),
    destination: Frames.address(destination),
    sourcePort,
    destinationPort,
    payload: new Uint8Array(bytes).fill(0xa5)
  })

const arp = (from: number, target: string) =>
  Frames.ethernet({
    destination: Frames.BROADCAST,
    source: guestMac(from),
    type: Frames.ARP,
    payload: Frames.arp({
      op: 1,
      senderMac: guestMac(from),
      sender: Frames.address(addressOf(from)),
      target: Frames.address(target)
    })
  })

const world = () => {
  const made = make({ secure: true })
  const guests = GUESTS.map((n) => made.guest(1000 + n))
  const host = made.host!
  const hostMac = Mac.toOctets(made.tapMac!)
  /** Who got what since it was last asked: guests by their number, the host as 0. */
  const arrived = () =>
    [[0, host.taken()] as const, ...guests.map((guest, i) => [i + 1, guest.received()] as const)]
      .flatMap(([n, frames]) => frames.map((octets) => [n, octets] as const))
  const lost = () => {
    const { counters } = made.forwarder
    const { Column, ROW } = Counters
    const found: Array<string> = []
    for (let row = 0; row < counters.rows; row++) {
      for (let reason = 0; reason < REASON_COUNT; reason++) {
        const at = (first: number) => counters.values[row * ROW + first + reason]!
        if (at(Column.denied) + at(Column.dropped) > 0) found.push(`${row} ${reasonNames[reason]}`)
      }
    }
    return found
  }
  const send = (from: number, octets: Uint8Array) => {
    if (from === 0) host.inject(octets)
    else guests[from - 1]!.send(octets)
    made.settle()
  }
  const reached = (from: number, octets: Uint8Array) => {
    arrived()
    send(from, octets)
    const got = arrived()
    for (const [, frame] of got) assert.deepStrictEqual(frame, octets)
    return got.map(([n]) => n)
  }
  return { ...made, guests, host, hostMac, arrived, lost, send, reached }
}

describe("promises of compatibility", () => {
  it("7: unknown unicast floods, learned unicast goes to one port, broadcast and multicast go to all others", () => {
    const { lost, reached } = world()
    const toSecond = ip({ from: 1, to: guestMac(2), target: addressOf(2), payload: udp("10.1.0.2", "10.1.0.3", 9, 9) })
    assert.deepStrictEqual(reached(1, toSecond), [0, 2, 3])
    assert.deepStrictEqual(reached(2, arp(2, HOST)), [0, 1, 3])
    assert.deepStrictEqual(reached(1, toSecond), [2])
    const all = { payload: udp("10.1.0.2", "10.1.0.255", 9, 9) }
    assert.deepStrictEqual(reached(1, ip({ from: 1, to: Frames.BROADCAST, target: "10.1.0.255", ...all })), [0, 2, 3])
    assert.deepStrictEqual(reached(1, ip({ from: 1, to: GROUP_MAC, target: "224.0.0.251", ...all })), [0, 2, 3])
    assert.deepStrictEqual(reached(0, Frames.patched(arp(1, addressOf(2)), 6, 2, 0, 0, 9, 9, 9)), [1, 2, 3])
    assert.deepStrictEqual(lost(), [])
  })

  it("7: a silent station's frames are not flooded, and those of one that has left are", () => {
    const { guests, kernel, reached, settle } = world()
    const toSecond = ip({ from: 1, to: guestMac(2), target: addressOf(2), payload: udp("10.1.0.2", "10.1.0.3", 9, 9) })
    reached(2, arp(2, HOST))
    kernel.advance((Bounds.stationAgeSeconds + 1) * 1000)
    settle()
    assert.deepStrictEqual(reached(1, toSecond), [2])
    guests[1]!.close()
    settle()
    assert.deepStrictEqual(reached(1, toSecond), [0, 3])
  })

  it("8: frames shorter than 60 octets pass unpadded and those padded to 60 as they are, octet by octet", () => {
    const { arrived, hostMac, lost, send } = world()
    const short = [
      arp(1, HOST),
      ...[0, 1, 17].map((bytes) => {
        const payload = udp("10.1.0.2", "10.1.0.3", 9, 9, bytes)
        return ip({ from: 1, to: guestMac(2), target: addressOf(2), payload })
      })
    ]
    const filled = (octets: Uint8Array, size: number) => {
      const longer = Frames.padded(octets, size)
      return longer.fill(0x5a, octets.length)
    }
    const frames = short.flatMap((octets) => [
      octets,
      ...[octets.length + 1, 59, 60, 61, 64].map((size) => Frames.padded(octets, size)),
      ...[59, 60, 1514].map((size) => filled(octets, size))
    ])
    for (const octets of frames) {
      send(1, octets)
      const got = arrived()
      assert.isAtLeast(got.length, 1)
      for (const [, frame] of got) assert.deepStrictEqual(frame, octets)
    }
    // The same from the host, down to a header alone.
    const fromHost = [14, 15, 42, 59, 60].map((size) => Frames.padded(Frames.patched(arp(1, HOST), 6, ...hostMac), size)
      .slice(0, size))
    for (const octets of fromHost) {
      send(0, octets)
      assert.deepStrictEqual(arrived().map(([n, frame]) => [n, frame]), GUESTS.map((n) => [n, octets]))
    }
    assert.deepStrictEqual(lost(), [])
  })

  it("10: the host's DHCP server leases with no option, and what it leased is its guest's", () => {
    const { guests, host, lost, send, settle, tapMac } = world()
    const stack = SimHost.make({ mac: tapMac!, prefix: Prefixes.make(HOST_NUMBER, 24) })
    const exchanged = (frame: Uint8Array): Uint8Array => {
      guests[0]!.received()
      send(1, frame)
      host.serve(stack)
      settle()
      const answers = guests[0]!.received()
      assert.strictEqual(answers.length, 1)
      return answers[0]!
    }
    const messageOf = (frame: Uint8Array) => ({ type: frame[14 + 20 + 8 + 242], yours: viewOf(frame).getUint32(58) })
    const offer = messageOf(exchanged(dhcpFrame({ type: 1 })))
    assert.strictEqual(offer.type, 2)
    const taken = dhcpFrame({ type: 3, requested: offer.yours, server: HOST_NUMBER })
    assert.deepStrictEqual(messageOf(exchanged(taken)), { type: 5, yours: offer.yours })
    const leased = Prefixes.formatAddress(offer.yours)
    const asks = Frames.patched(arp(1, HOST), 28, ...Frames.addressOf(offer.yours))
    const answer = exchanged(asks)
    assert.deepStrictEqual([...answer.slice(28, 32)], [10, 1, 0, 1])
    const ping = {
      from: 1,
      to: Mac.toOctets(tapMac!),
      source: leased,
      target: HOST,
      protocol: 1,
      payload: Frames.icmp({ type: 8, payload: new Uint8Array(8) })
    }
    assert.strictEqual(exchanged(ip(ping))[34], 0)
    const renewed = dhcpFrame({ type: 3, ciaddr: offer.yours })
    assert.strictEqual(messageOf(exchanged(renewed)).type, 5)
    assert.deepStrictEqual(lost(), [])
  })

  it("10: the host's DNS and what it routes work with no option, errors and all", () => {
    const { hostMac, lost, reached } = world()
    reached(1, arp(1, HOST))
    const toHost = (target: string, protocol: number, payload: Uint8Array) =>
      assert.deepStrictEqual(reached(1, ip({ from: 1, to: hostMac, target, protocol, payload })), [0])
    const toGuest = (source: string, protocol: number, payload: Uint8Array) => {
      const octets = ip({ from: 9, to: guestMac(1), source, target: addressOf(1), protocol, payload })
      assert.deepStrictEqual(reached(0, Frames.patched(octets, 6, ...hostMac)), [1])
    }
    const own = addressOf(1)
    const tcp = (source: string, destination: string) =>
      Frames.tcp({
        source: Frames.address(source),
        destination: Frames.address(destination),
        sourcePort: 40_000,
        destinationPort: 53,
        payload: new Uint8Array(8)
      })
    toHost(HOST, 17, udp(own, HOST, 5353, 53))
    toGuest(HOST, 17, udp(HOST, own, 53, 5353, 1200))
    toHost(HOST, 6, tcp(own, HOST))
    toGuest(HOST, 6, tcp(HOST, own))
    const far = "192.0.2.7"
    toHost(far, 17, udp(own, far, 123, 123))
    toGuest(far, 17, udp(far, own, 123, 123))
    toHost(far, 6, tcp(own, far))
    toGuest(far, 6, tcp(far, own))
    toHost(far, 1, Frames.icmp({ type: 8, payload: new Uint8Array(8) }))
    // Unreachable, redirect, time exceeded: a router's to say.
    for (const type of [0, 3, 5, 11]) toGuest(HOST, 1, Frames.icmp({ type, payload: new Uint8Array(28) }))
    assert.deepStrictEqual(lost(), [])
  })

  it("11: between guests all 256 IP protocols pass if the source is honest, whole and in fragments", () => {
    const { lost, reached } = world()
    reached(1, arp(1, HOST))
    reached(2, arp(2, HOST))
    const honest = new Map([
      [1, Frames.icmp({ type: 8, payload: new Uint8Array(32) })],
      [6, Frames.tcp({
        source: Frames.address(addressOf(1)),
        destination: Frames.address(addressOf(2)),
        sourcePort: 40_000,
        destinationPort: 22,
        payload: new Uint8Array(32)
      })],
      [17, udp(addressOf(1), addressOf(2), 5000, 5001, 32)]
    ])
    for (let protocol = 0; protocol < 256; protocol++) {
      const payload = honest.get(protocol) ?? new Uint8Array(40).fill(protocol)
      const whole = ip({ from: 1, to: guestMac(2), target: addressOf(2), protocol, payload })
      assert.deepStrictEqual(reached(1, whole), [2], `protocol ${protocol}`)
      const later = Frames.patched(whole, 20, 0, 5)
      assert.deepStrictEqual(reached(1, later), [2], `a later fragment of protocol ${protocol}`)
      assert.deepStrictEqual(reached(1, Frames.patched(whole, 26, 192, 0, 2, 1)), [], `a liar's protocol ${protocol}`)
    }
    assert.deepStrictEqual(lost(), ["1 IP4_SRC_OUTSIDE"])
  })
})
