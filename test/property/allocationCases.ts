/** What the forwarding loop is given while its memory is watched; for `allocationChild.ts`. */
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import { Reason } from "../../src/domain/Reason.ts"
import {
  ack, advertise, all, announcement, arpFrame, between, dhcpToAll, dhcpToHost, farMac, fromFar, guestAddress, guestMac,
  host6, hostMac, neighbour, packet6, routed, solicit, solicitFree, toAll, toHost
} from "./allocationFrames.ts"
import { BROADCAST, concat, mac } from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import * as six from "./policyFrames6.ts"

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

const ipv6 = { address: host6, bits: 64 }
/** Rates are another case's. */
const unlimited = { stormPerSecond: 1e9, arpPerSecond: 1e9 }

/**
 * The last four octets of the source's MAC, the last two of its IPv4 address and of what ARP asks for, and a DHCP
 * message's transaction.
 */
const inMac = { at: 8, bytes: 4, frames: 1 } as const
const inIpv4 = { at: 28, bytes: 2, frames: 1 } as const
const inArpTarget = { at: 14 + 26, bytes: 2, frames: 1 } as const
const inXid = { at: 14 + 20 + 8 + 4, bytes: 4, frames: 1 } as const
/** A client's name, in the first option. */
const inName = { at: 14 + 20 + 8 + 240 + 3, bytes: 4, frames: 1 } as const

const bindings = [
  { uid: 2001, mac: Mac.parse("52:54:00:ff:00:77"), ip: networkOf("192.168.1.77") },
  ...[1, 2, 3].map((n) => ({ uid: 2001, ip: networkOf(`192.168.1.${100 + n}`) })),
  { uid: 2001, ip: networkOf("fd00:1::ffff:1") }
]

const trunkBindings = ["203.0.113.0/24", "fd00:2::/64"].map((network) => ({ ip: networkOf(network) }))

const {
  ARP_RATE, DHCP_CLIENT_CONFLICT, ETHERTYPE_DENIED, IP_LIMIT, ISOLATED, LEARN_RATE, MAC_LIMIT, PASS, PROBE_CONFLICT,
  SRC_MAC_CONFLICT, STATIC_MISMATCH, STORM_RATE
} = Reason

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
  "ARP requests, too fast": {
    frames: [1, 2].map((guest) => arpFrame(1, guestMac(guest), guestAddress(guest), BROADCAST, guest)),
    reason: ARP_RATE,
    policy: { stormPerSecond: 1e9 }
  },
  "an address that one and all ask for": {
    frames: all.map((guest) => arpFrame(1, guestMac(guest), "0.0.0.0", BROADCAST, guest)),
    reason: PROBE_CONFLICT,
    policy: unlimited
  },
  "new addresses asked for, too many": {
    frames: [1, 2].map((guest) => arpFrame(1, guestMac(guest), "0.0.0.0", BROADCAST, guest)),
    reason: IP_LIMIT,
    policy: { ...unlimited, addressesPerGuest: 4 },
    number: inArpTarget
  },
  "an IPv6 address that one and all ask for": {
    frames: all.map(solicitFree),
    reason: PROBE_CONFLICT,
    policy: { ipv6, ...unlimited }
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
  "DHCP clients with names": {
    frames: all.map((guest) => dhcpToHost(guest, 3, Uint8Array.of(0xff, 0xff, 0xff, guest))),
    reason: PASS
  },
  "DHCP clients with new names, too many": {
    frames: all.map((guest) => dhcpToHost(guest, 3, new Uint8Array(4))),
    reason: IP_LIMIT,
    number: inName
  },
  "DHCP clients with others' names": {
    frames: all.map((guest) => dhcpToHost(guest, 3, new Uint8Array(4))),
    reason: DHCP_CLIENT_CONFLICT
  },
  "DHCP releases of what is another's": {
    frames: all.map((guest) => dhcpToHost(guest, 7, undefined, "192.168.9.9")),
    reason: DHCP_CLIENT_CONFLICT
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
