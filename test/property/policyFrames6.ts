/** Builders of IPv6 frames, and honest ones of a guest at fd00:1::2 behind a host at fd00:1::1/64. */
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import * as frames from "./frames.ts"
import * as world from "./policyWorld.ts"

const { concat, ethernet, mac } = frames

export const IPV6 = 0x86dd
export const Next = {
  HOP_BY_HOP: 0,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ESP: 50,
  AH: 51,
  ICMP: 58,
  NONE: 59,
  OPTIONS: 60
} as const

const u16 = (value: number): Uint8Array => Uint8Array.of((value >>> 8) & 255, value & 255)

/** `fd00:1::2` in sixteen octets. */
export const address6 = (text: string): Uint8Array => {
  const [head = "", tail] = text.split("::")
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle = new Array<number>(8 - left.length - right.length).fill(0)
  return concat(...[...left, ...middle, ...right].map(u16))
}

export const host6 = address6("fd00:1::1")
export const guest6 = address6("fd00:1::2")
export const other6 = address6("fd00:1::3")
export const nobody6 = address6("::")
export const guestLinkLocal = address6("fe80::201:5eff:fe10:a22c")
/** Of the tap's MAC, 02:00:00:aa:bb:cc. */
export const hostLinkLocal = address6("fe80::ff:feaa:bbcc")
/** The same where the tap is in a bridge. */
export const bridgeLinkLocal = address6("fe80::5054:ff:fe00:5")
export const allNodes = address6("ff02::1")
export const groupMac6 = mac("33:33:00:00:00:01")

export const ipv6On: Allowances = { ipv6: { address: host6, bits: 64 } }

/** An extension header that a chain can hold, without its next header. */
export type Extension = (next: number) => Uint8Array

/** One of options, routing or hop-by-hop: `units` times 8 octets and 8 more. */
export const extension = (units = 0, ...first: ReadonlyArray<number>): Extension => (next) => {
  const octets = new Uint8Array((units + 1) * 8)
  octets.set([next, units, ...first])
  return octets
}

export const fragmentHeader = (offsetBytes: number, more: boolean): Extension => (next) =>
  concat(Uint8Array.of(next, 0), u16(offsetBytes | (more ? 1 : 0)), Uint8Array.of(0, 0, 0, 9))

/** RFC 4302, with `units` plus 2 words. */
export const authentication = (units = 4): Extension => (next) => {
  const octets = new Uint8Array((units + 2) * 4)
  octets.set([next, units])
  return octets
}

export interface Fields6 {
  readonly to?: Uint8Array
  readonly from?: Uint8Array
  readonly source?: Uint8Array
  readonly destination?: Uint8Array
  readonly hopLimit?: number
  /** Extension headers, each with its type. */
  readonly chain?: ReadonlyArray<readonly [type: number, header: Extension]>
  readonly protocol?: number
  readonly payload?: Uint8Array
}

const filling: Uint8Array = new Uint8Array(16).fill(0xa5)

const udp6 = (sourcePort: number, destinationPort: number, content = filling): Uint8Array =>
  concat(u16(sourcePort), u16(destinationPort), u16(8 + content.length), u16(0x1234), content)

/** An IPv6 packet of the guest in a frame to the other guest; any field may be changed. */
export const packet6 = (fields: Fields6 = {}): Uint8Array => {
  const { chain = [], payload = udp6(5000, 53), protocol = Next.UDP } = fields
  const types = [...chain.map(([type]) => type), protocol]
  const headers = chain.map(([, header], i) => header(types[i + 1]!))
  const content = concat(...headers, payload)
  return ethernet({
    destination: fields.to ?? world.otherMac,
    source: fields.from ?? world.guestMac,
    type: IPV6,
    payload: concat(
      Uint8Array.of(0x60, 0, 0, 0),
      u16(content.length),
      Uint8Array.of(types[0]!, fields.hopLimit ?? 64),
      fields.source ?? guest6,
      fields.destination ?? other6,
      content
    )
  })
}

/** A datagram; its payload is what follows the UDP header. */
export const udpTo = (sourcePort: number, destinationPort: number, fields: Fields6 = {}): Uint8Array =>
  packet6({ ...fields, payload: udp6(sourcePort, destinationPort, fields.payload) })

const tcp6 = concat(u16(40000), u16(22), new Uint8Array(8), Uint8Array.of(0x50, 0x10), new Uint8Array(38))

export interface IcmpFields6 extends Fields6 {
  readonly code?: number
}

/** An ICMPv6 message: type, code, and what follows the checksum. */
export const icmp6 = (type: number, content: Uint8Array, fields: IcmpFields6 = {}): Uint8Array =>
  packet6({
    hopLimit: 255,
    ...fields,
    protocol: Next.ICMP,
    payload: concat(Uint8Array.of(type, fields.code ?? 0, 0xbe, 0xef), content)
  })

/** An option of neighbour discovery that carries a MAC. */
export const linkLayer = (type: number, octets: Uint8Array): Uint8Array => concat(Uint8Array.of(type, 1), octets)

const none = new Uint8Array(0)
const zeros = new Uint8Array(4)
const own = (type: number): Uint8Array => linkLayer(type, world.guestMac)
const solicitedNode = address6("ff02::1:ff00:3")
const solicitedMac = mac("33:33:ff:00:00:03")

export interface NeighbourFields extends IcmpFields6 {
  /** The address that it is about. */
  readonly target?: Uint8Array
}

export const solicitation = (options: Uint8Array = own(1), fields: NeighbourFields = {}): Uint8Array =>
  icmp6(135, concat(zeros, fields.target ?? other6, options), {
    to: solicitedMac,
    destination: solicitedNode,
    ...fields
  })

export const advertisement = (options: Uint8Array = own(2), fields: NeighbourFields = {}): Uint8Array =>
  icmp6(136, concat(Uint8Array.of(0x60, 0, 0, 0), fields.target ?? guest6, options), fields)

export const routerQuestion = (options: Uint8Array = own(1), fields: IcmpFields6 = {}): Uint8Array =>
  icmp6(133, concat(zeros, options), { to: mac("33:33:00:00:00:02"), destination: address6("ff02::2"), ...fields })

export const probe = (options: Uint8Array = none, fields: NeighbourFields = {}): Uint8Array =>
  solicitation(options, { source: nobody6, ...fields })

const routerAlert: Extension = (next) => Uint8Array.of(next, 0, 5, 2, 0, 0, 1, 0)
const report = concat(Uint8Array.of(0, 0, 0, 1, 4, 0, 0, 0), solicitedNode)
/** A report of groups by MLD (RFC 3810, 5.2), or what the type says. */
export const listenerReport = (fields: Fields6 & { readonly type?: number } = {}): Uint8Array =>
  icmp6(fields.type ?? 143, report, {
    to: mac("33:33:00:00:00:16"),
    destination: address6("ff02::16"),
    hopLimit: 1,
    chain: [[Next.HOP_BY_HOP, routerAlert]],
    ...fields
  })

/** The question who listens to which group (RFC 3810, 5.1), from a low address, as who wants to ask alone sends it. */
export const listenerQuery = (fields: Fields6 = {}): Uint8Array =>
  icmp6(130, concat(Uint8Array.of(0, 100, 0, 0), nobody6, Uint8Array.of(2, 125, 0, 0)), {
    to: groupMac6,
    source: address6("fe80::1"),
    destination: allNodes,
    hopLimit: 1,
    chain: [[Next.HOP_BY_HOP, routerAlert]],
    ...fields
  })

export const echo6 = (fields: Fields6 = {}): Uint8Array => icmp6(128, new Uint8Array(40), { hopLimit: 64, ...fields })

/** Frames of an honest guest, by name. Each passes with `--ipv6`, and may reach every guest. */
export const honest6: Readonly<Record<string, Uint8Array>> = {
  "UDP": packet6(),
  "UDP, padded": frames.padded(packet6({ payload: udp6(1, 2, new Uint8Array(0)) }), 90),
  "TCP": packet6({ protocol: Next.TCP, payload: tcp6 }),
  "TCP to the host": packet6({ to: world.tapMac, destination: host6, protocol: Next.TCP, payload: tcp6 }),
  "TCP of a whole MTU": packet6({ protocol: Next.TCP, payload: concat(tcp6, new Uint8Array(1402)) }),
  "echo": echo6(),
  "UDP to a group": packet6({ to: groupMac6, destination: allNodes }),
  "link-local UDP": packet6({ source: guestLinkLocal, destination: address6("fe80::3") }),
  "neighbour solicitation": solicitation(),
  "neighbour solicitation without option": solicitation(none, { to: world.otherMac, destination: other6 }),
  "neighbour advertisement": advertisement(),
  "neighbour advertisement to all": advertisement(own(2), { to: groupMac6, destination: allNodes }),
  "probe for an address": probe(),
  "probe with a nonce": probe(Uint8Array.of(14, 1, 1, 2, 3, 4, 5, 6)),
  "router solicitation": routerQuestion(own(1), { source: guestLinkLocal }),
  "router solicitation from nobody": routerQuestion(none, { source: nobody6 }),
  "listener report": listenerReport({ source: guestLinkLocal }),
  "listener report from nobody": listenerReport({ source: nobody6 }),
  "listener query": listenerQuery(),
  "DHCPv6 request": udpTo(546, 547, {
    payload: Uint8Array.of(1, 0x12, 0x34, 0x56),
    to: mac("33:33:00:01:00:02"),
    destination: address6("ff02::1:2"),
    source: guestLinkLocal
  }),
  "destination options": packet6({ chain: [[Next.OPTIONS, extension()]] }),
  "options of 256 octets": packet6({ chain: [[Next.OPTIONS, extension(31)]] }),
  "eight headers": packet6({ chain: Array.from({ length: 8 }, () => [Next.OPTIONS, extension()] as const) }),
  "authentication": packet6({ chain: [[Next.AH, authentication()]] }),
  "home address route": packet6({ chain: [[Next.ROUTING, extension(2, 2, 1)]] }),
  "whole fragment": packet6({ chain: [[Next.FRAGMENT, fragmentHeader(0, false)]] }),
  "first fragment": packet6({ chain: [[Next.FRAGMENT, fragmentHeader(0, true)]] }),
  "first fragment behind options": packet6({
    chain: [[Next.HOP_BY_HOP, routerAlert], [Next.FRAGMENT, fragmentHeader(0, true)], [Next.OPTIONS, extension()]]
  }),
  "later fragment": packet6({ chain: [[Next.FRAGMENT, fragmentHeader(16, true)]], payload: Uint8Array.of(1, 2) }),
  "fragment of echo": echo6({ chain: [[Next.FRAGMENT, fragmentHeader(0, true)]] }),
  "ESP": packet6({ protocol: Next.ESP, payload: new Uint8Array(16) }),
  "nothing behind": packet6({ protocol: Next.NONE, payload: new Uint8Array(1) })
}
