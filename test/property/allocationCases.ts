/** What guests and the host send at the forwarding loop while its memory is watched; for `allocationChild.ts`. */
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { Reason } from "../../src/domain/Reason.ts"
import {
  address, ARP, arp, BROADCAST, concat, dhcp, ethernet, IPV4, ipv4, mac, udp
} from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import * as six from "./policyFrames6.ts"

export const GUESTS = 16

/** One way to use the switch: the same batch again and again, or one that differs each time. */
export interface AllocationCase {
  /** A batch's frames, in turns, and from where. */
  readonly frames: ReadonlyArray<{ readonly octets: Uint8Array; readonly port: number }>
  /** What becomes of nearly every frame. */
  readonly reason: number
  readonly secure?: boolean
  readonly policy?: Partial<PolicySettings>
  /** The first guests are trunks. */
  readonly trunks?: number
  /** Ports that take nothing. */
  readonly full?: ReadonlyArray<number>
  readonly isCaptured?: boolean
  /** What stands in each frame that no batch had before: octets from its start, how many, and for how many frames. */
  readonly number?: { readonly at: number; readonly bytes: 2 | 4; readonly frames: number }
}

// With high first bits: a word that is no small number is where V8 makes an object of it.
export const prefix = Prefixes.make(0xc0a80101, 16)
export const host = "192.168.1.1"
export const hostMac = Mac.toOctets(Mac.parse("02:00:00:ff:00:01")!)
const guestMac = (guest: number) => mac(`52:54:00:ff:ff:${guest.toString(16).padStart(2, "0")}`)
const guestAddress = (guest: number) => `192.168.1.${guest + 1}`
const host6 = six.address6("fd00:1::1")
const guest6 = (guest: number) => six.address6(`fd00:1::8000:0:ffff:ff${guest.toString(16).padStart(2, "0")}`)
const ipv6 = { address: host6, bits: 64 }
/** Rates are another case's. */
const unlimited = { stormPerSecond: 1e9, arpPerSecond: 1e9 }

const DhcpPort = { SERVER: 67, CLIENT: 68 } as const
/** The last four octets of the source's MAC, the last two of its IPv4 address, and a DHCP message's transaction. */
const inMac = { at: 8, bytes: 4, frames: 1 } as const
const inIpv4 = { at: 28, bytes: 2, frames: 1 } as const
const inXid = { at: 14 + 20 + 8 + 4, bytes: 4, frames: 1 } as const

interface Datagram {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly source: string
  readonly destination: string
  readonly ports?: readonly [number, number]
  readonly payload?: Uint8Array
}

const datagram = (of: Datagram): Uint8Array => {
  const source = address(of.source)
  const destination = address(of.destination)
  const [sourcePort, destinationPort] = of.ports ?? [5000, 5001]
  const payload = udp({ source, destination, sourcePort, destinationPort, payload: of.payload ?? new Uint8Array(20) })
  return ethernet({
    destination: of.to,
    source: of.from,
    type: IPV4,
    payload: ipv4({ source, destination, protocol: 17, payload })
  })
}

const between = (from: number, to: number) => ({
  octets: datagram({
    from: guestMac(from),
    to: guestMac(to),
    source: guestAddress(from),
    destination: guestAddress(to)
  }),
  port: from
})

const toAll = (from: number) => ({
  octets: datagram({
    from: guestMac(from),
    to: BROADCAST,
    source: guestAddress(from),
    destination: "255.255.255.255"
  }),
  port: from
})

const toHost = (from: number, source = guestAddress(from)) => ({
  octets: datagram({ from: guestMac(from), to: hostMac, source, destination: host }),
  port: from
})

/** @param senderMac of a guest, of the host, or behind it. */
const arpFrame = (op: 1 | 2, senderMac: Uint8Array, sender: string, to: Uint8Array, port: number) => ({
  octets: ethernet({
    destination: to,
    source: senderMac,
    type: ARP,
    payload: arp({ op, sender: address(sender), senderMac, target: address("192.168.1.99"), targetMac: to })
  }),
  port
})

const all = Array.from({ length: GUESTS }, (_, i) => i + 1)
const neighbour = (guest: number): number => 1 + (guest % GUESTS)

const seconds = Uint8Array.of(51, 4, 0xff, 0xff, 0xff, 0xff)
const dhcpMessage = (of: {
  readonly hardwareAddress: Uint8Array
  readonly kind: number
  readonly yours?: string
  readonly client?: string
}): Uint8Array => {
  const isReply = of.kind === 5
  const options = concat(Uint8Array.of(53, 1, of.kind), isReply ? seconds : Uint8Array.of(), Uint8Array.of(255))
  const message = dhcp({ hardwareAddress: of.hardwareAddress, op: isReply ? 2 : 1, options })
  if (of.yours !== undefined) message.set(address(of.yours), 16)
  if (of.client !== undefined) message.set(address(of.client), 12)
  return message
}

const fromClient = [DhcpPort.CLIENT, DhcpPort.SERVER] as const
const fromServer = [DhcpPort.SERVER, DhcpPort.CLIENT] as const

const dhcpToAll = (guest: number, kind = 1) => ({
  octets: datagram({
    from: guestMac(guest),
    to: BROADCAST,
    source: "0.0.0.0",
    destination: "255.255.255.255",
    ports: fromClient,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind })
  }),
  port: guest
})

const dhcpToHost = (guest: number, kind = 3) => ({
  octets: datagram({
    from: guestMac(guest),
    to: hostMac,
    source: guestAddress(guest),
    destination: host,
    ports: fromClient,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind, client: guestAddress(guest) })
  }),
  port: guest
})

const ack = (guest: number, isToAll: boolean) => ({
  octets: datagram({
    from: hostMac,
    to: isToAll ? BROADCAST : guestMac(guest),
    source: host,
    destination: isToAll ? "255.255.255.255" : guestAddress(guest),
    ports: fromServer,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind: 5, yours: guestAddress(guest) })
  }),
  port: TAP_PORT
})

const packet6 = (from: number, to: number) => ({
  octets: six.packet6({ from: guestMac(from), to: guestMac(to), source: guest6(from), destination: guest6(to) }),
  port: from
})

const solicit = (from: number) => ({
  octets: six.solicitation(six.linkLayer(1, guestMac(from)), { from: guestMac(from), source: guest6(from) }),
  port: from
})

const advertise = (from: number, to: number, target = guest6(from)) => ({
  octets: six.advertisement(six.linkLayer(2, guestMac(from)), {
    from: guestMac(from),
    to: guestMac(to),
    source: guest6(from),
    destination: guest6(to),
    target
  }),
  port: from
})

/** A host behind the tap. */
const farMac = mac("52:54:00:ff:fe:ff")
const far6 = six.address6("fd00:1::ffff:ffff:ffff:fffe")
const farFields = { from: farMac, source: far6 }
const fromFar = [
  six.advertisement(six.linkLayer(2, farMac), { ...farFields, to: guestMac(1), target: far6 }),
  six.solicitation(six.linkLayer(1, farMac), farFields),
  six.packet6({ ...farFields, to: guestMac(1) })
].map((octets) => ({ octets, port: TAP_PORT }))

const bindings = [
  { uid: 2001, mac: Mac.parse("52:54:00:ff:00:77"), ip: networkOf("192.168.1.77") },
  ...[1, 2, 3].map((n) => ({ uid: 2001, ip: networkOf(`192.168.1.${100 + n}`) })),
  { uid: 2001, ip: networkOf("fd00:1::ffff:1") }
]

const RARP = 0x8035
/** A migrated guest's, in which it speaks for itself (rule L10). */
const announcement = (guest: number) => ({
  octets: ethernet({
    destination: BROADCAST,
    source: guestMac(guest),
    type: RARP,
    payload: arp({
      op: 3,
      senderMac: guestMac(guest),
      sender: address("0.0.0.0"),
      target: address("0.0.0.0"),
      targetMac: guestMac(guest)
    })
  }),
  port: guest
})

/** What two hosts behind a trunk route here, of networks that are bound to trunks. */
const routed = [
  toHost(1, "203.0.113.7"),
  toHost(1, "203.0.113.8"),
  { ...packet6(1, 3), octets: six.packet6({ from: guestMac(1), to: hostMac, source: six.address6("fd00:2::8000:1") }) }
]
const trunkBindings = ["203.0.113.0/24", "fd00:2::/64"].map((network) => ({ ip: networkOf(network) }))

const { ETHERTYPE_DENIED, IP_LIMIT, ISOLATED, LEARN_RATE, MAC_LIMIT, PASS, SRC_MAC_CONFLICT, STATIC_MISMATCH, STORM_RATE } = Reason

export const cases: Readonly<Record<string, AllocationCase>> = {
  "UDP, some of it to all": {
    frames: all.map((guest) => guest % 8 === 0 ? toAll(guest) : between(guest, neighbour(guest))),
    reason: PASS,
    policy: unlimited
  },
  "UDP, while all of it is captured": {
    frames: all.map((guest) => guest % 8 === 0 ? toAll(guest) : between(guest, neighbour(guest))),
    reason: PASS,
    policy: unlimited,
    isCaptured: true
  },
  "UDP from two addresses in turn": {
    frames: [toHost(1), toHost(1, "192.168.1.201"), toHost(2), toHost(2, "192.168.1.202")],
    reason: PASS
  },
  "ARP requests": {
    frames: all.map((guest) => arpFrame(1, guestMac(guest), guestAddress(guest), BROADCAST, guest)),
    reason: PASS,
    policy: unlimited
  },
  "ARP replies": {
    frames: all.map((guest) =>
      arpFrame(2, guestMac(guest), guestAddress(guest), guestMac(neighbour(guest)), guest)
    ),
    reason: PASS,
    policy: unlimited
  },
  "ARP from behind the tap": {
    frames: [arpFrame(1, farMac, "192.168.1.250", BROADCAST, TAP_PORT),
      arpFrame(2, farMac, "192.168.1.250", guestMac(1), TAP_PORT)],
    reason: PASS
  },
  "IPv6": {
    frames: all.map((guest) => packet6(guest, neighbour(guest))),
    reason: PASS,
    policy: { ipv6 }
  },
  "neighbour discovery": {
    frames: all.map((guest) => guest % 2 === 0 ? solicit(guest) : advertise(guest, neighbour(guest))),
    reason: PASS,
    policy: { ipv6, ...unlimited }
  },
  "neighbours answered for": {
    frames: [advertise(1, 2, six.address6("fd00:1::8000:1")), advertise(2, 1, six.address6("fd00:1::8000:2"))],
    reason: PASS,
    policy: { ipv6, ...unlimited }
  },
  "neighbour discovery from the tap": { frames: fromFar, reason: PASS, policy: { ipv6 } },
  "neighbour discovery from the tap, with bindings": {
    frames: fromFar,
    reason: PASS,
    policy: { ipv6, bindings }
  },
  "new MAC addresses, too many": {
    frames: [toHost(1), toHost(2)],
    reason: MAC_LIMIT,
    number: inMac
  },
  "new IP addresses, too many": {
    frames: [toHost(1), toHost(2)],
    reason: IP_LIMIT,
    policy: { addressesPerGuest: 4 },
    number: inIpv4
  },
  "new MAC addresses, too fast": {
    frames: [toHost(1), toHost(2)],
    reason: LEARN_RATE,
    policy: { stationsPerGuest: 4096 },
    number: inMac
  },
  "a MAC address that is another's": {
    frames: all.map((port) => ({ ...toHost(1), port })),
    reason: SRC_MAC_CONFLICT
  },
  "addresses that are bound to another": {
    frames: [toHost(1, "192.168.1.77"), toHost(2, "192.168.1.101")],
    reason: STATIC_MISMATCH,
    policy: { bindings }
  },
  "a MAC address that is bound to another": {
    frames: [{ octets: concat(hostMac, mac("52:54:00:ff:00:77"), toHost(1).octets.slice(12)), port: 1 }],
    reason: STATIC_MISMATCH,
    policy: { bindings }
  },
  "addresses that nobody has bound, with --learn static": {
    frames: [toHost(1), toHost(2)],
    reason: STATIC_MISMATCH,
    policy: { learn: "static", bindings }
  },
  "DHCP requests to all": {
    frames: all.map((guest) => dhcpToAll(guest)),
    reason: PASS,
    policy: unlimited,
    number: inXid
  },
  "DHCP requests to the host": {
    frames: all.map((guest) => dhcpToHost(guest)),
    reason: PASS,
    number: inXid
  },
  "DHCP requests to the host, the same again": { frames: all.map((guest) => dhcpToHost(guest)), reason: PASS },
  "DHCP releases, each of which claims the address anew": {
    frames: all.map((guest) => dhcpToHost(guest, 7)),
    reason: LEARN_RATE
  },
  "DHCP answers to all": {
    frames: all.flatMap((guest) => [dhcpToAll(guest, 3), ack(guest, true)]),
    reason: PASS,
    policy: unlimited,
    number: { ...inXid, frames: 2 }
  },
  "DHCP answers to one": {
    frames: all.flatMap((guest) => [dhcpToHost(guest), ack(guest, false)]),
    reason: PASS,
    policy: unlimited,
    number: { ...inXid, frames: 2 }
  },
  "announcements by RARP": { frames: all.map(announcement), reason: ETHERTYPE_DENIED, policy: unlimited },
  "what a trunk routes": { frames: routed, reason: PASS, policy: { ipv6, trunkBindings }, trunks: 2 },
  "new MAC addresses of a trunk, too fast": {
    frames: [toHost(1), toHost(2)],
    reason: LEARN_RATE,
    trunks: 2,
    number: inMac
  },
  "guests that are kept apart": {
    frames: all.map((guest) => between(guest, neighbour(guest))),
    reason: ISOLATED,
    policy: { isolate: "users" }
  },
  "-U": { frames: all.map((guest) => between(guest, neighbour(guest))), reason: PASS, secure: false },
  "-U, new MAC addresses always": {
    frames: [between(1, 3), between(2, 3)],
    reason: PASS,
    secure: false,
    policy: unlimited,
    number: inMac
  },
  "-U, a MAC address that moves": {
    frames: [between(1, 2), { ...between(1, 2), port: 3 }, { ...between(1, 2), port: 4 }, between(2, 1)],
    reason: PASS,
    secure: false,
    policy: unlimited
  },
  "a storm that passes": { frames: all.map(toAll), reason: PASS, policy: unlimited },
  "a storm": { frames: all.map(toAll), reason: STORM_RATE },
  "a storm to unknown stations": { frames: all.map((guest) => between(guest, 99)), reason: STORM_RATE },
  "a port that is full": {
    frames: all.map((guest) => between(guest, guest === 2 ? 3 : 2)),
    reason: PASS,
    full: [2]
  },
  "a storm to ports that are full": { frames: all.map(toAll), reason: PASS, policy: unlimited, full: [2, 3, 0] }
}

/** Of a guest that leaves before all others begin. */
export const leaver = toHost(GUESTS + 1)

/** The first turn's frames, over the whole batch. */
export const fill = (batch: Batch.FrameBatch, { frames }: AllocationCase): void => {
  for (let slot = 0; slot < Bounds.batchFrames; slot++) {
    const { octets, port } = frames[slot % frames.length]!
    Batch.append(batch, octets, port)
  }
}

/** Gives a batch its next numbers. @param turn how many there were before. */
export const renumber = (batch: Batch.FrameBatch, { number }: AllocationCase, turn: number): void => {
  if (number === undefined) return
  for (let slot = 0; slot < batch.count; slot++) {
    const value = turn * batch.count + Math.floor(slot / number.frames)
    for (let octet = 0; octet < number.bytes; octet++) {
      batch.bytes[slot * batch.slotBytes + number.at + octet] = value >>> (8 * (number.bytes - 1 - octet))
    }
  }
}
