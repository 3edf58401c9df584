import { EtherType } from "../policy/EtherType.ts"
import { Extension, Protocol } from "../policy/Protocol.ts"
import type { FilterAddress } from "./FilterAddress.ts"

// What a filter's primitives mean, in the words of pcap-filter(7): each reads the octets that libpcap's own code reads,
// in the same order.

/** The frame that is tested. Whoever reads behind its end makes the whole filter say no, as BPF does. */
export class FilteredFrame {
  octets: Uint8Array
  /** Octets that the frame had before it was cut. */
  readonly originalBytes: number
  isShort = false

  constructor(octets: Uint8Array, originalBytes: number) {
    this.octets = octets
    this.originalBytes = originalBytes
  }

  u8(at: number): number {
    if (at < this.octets.length) return this.octets[at]!
    this.isShort = true
    return 0
  }

  u16(at: number): number {
    if (at + 2 > this.octets.length) this.isShort = true
    return (this.u8(at) << 8) | this.u8(at + 1)
  }
}

export type FilterTest = (frame: FilteredFrame) => boolean

/** Which of a frame's two addresses or ports is meant: pcap-filter(7), dir; undefined: either. */
export type Side = "src" | "dst" | undefined

const TYPE_AT = 12
const IP_AT = 14
const SCTP = 132

export const and = (one: FilterTest, other: FilterTest): FilterTest => (frame) => one(frame) && other(frame)
export const or = (one: FilterTest, other: FilterTest): FilterTest => (frame) => one(frame) || other(frame)
export const not = (test: FilterTest): FilterTest => (frame) => !test(frame)

export const etherType = (type: number): FilterTest => (frame) => frame.u16(TYPE_AT) === type

const ipv4 = etherType(EtherType.IPV4)
const ipv6 = etherType(EtherType.IPV6)

/** IPv4 of that protocol. */
const over4 = (protocol: number): FilterTest => and(ipv4, (frame) => frame.u8(IP_AT + 9) === protocol)

/** IPv6 of that next header, also behind one fragment header. */
const over6 = (protocol: number): FilterTest =>
  and(ipv6, (frame) => {
    const next = frame.u8(IP_AT + 6)
    return next === Extension.FRAGMENT && frame.u8(IP_AT + 40) === protocol || next === protocol
  })

/** What a single word names. */
export const protocols: Readonly<Record<string, FilterTest>> = {
  ip: ipv4,
  ip6: ipv6,
  arp: etherType(EtherType.ARP),
  rarp: etherType(EtherType.RARP),
  icmp: over4(Protocol.ICMP),
  icmp6: over6(Protocol.ICMPV6),
  tcp: or(over4(Protocol.TCP), over6(Protocol.TCP)),
  udp: or(over4(Protocol.UDP), over6(Protocol.UDP))
}

export const multicast: FilterTest = (frame) => (frame.u8(0) & 1) !== 0
export const broadcast: FilterTest = (frame) => [0, 1, 2, 3, 4, 5].every((at) => frame.u8(at) === 0xff)
export const atMost = (bytes: number): FilterTest => (frame) => frame.originalBytes <= bytes
export const atLeast = (bytes: number): FilterTest => (frame) => frame.originalBytes >= bytes

/** One place or the other, or either. */
const either = (side: Side, test: (at: number) => FilterTest, src: number, dst: number): FilterTest => {
  if (side === undefined) return or(test(src), test(dst))
  return test(side === "src" ? src : dst)
}

/** Word by word, as BPF loads them: of a word none of which counts nothing is loaded, of another all. */
const addressAt = ({ mask, octets }: FilterAddress) => (at: number): FilterTest => (frame) => {
  for (let word = 0; word < octets.length; word += 4) {
    const end = Math.min(word + 4, octets.length)
    if (mask.subarray(word, end).every((octet) => octet === 0)) continue
    let isEqual = true
    for (let i = word; i < end; i++) isEqual = (frame.u8(at + i) & mask[i]!) === octets[i] && isEqual
    if (!isEqual) return false
  }
  return true
}

const places = { ip: [26, 30], ip6: [22, 38], arp: [28, 38], rarp: [28, 38], ether: [6, 0] } as const

/** Frames from or to an address, spoken of in a protocol; undefined if that protocol has no such addresses. */
export const address = (
  protocol: string | undefined,
  side: Side,
  value: FilterAddress
): FilterTest | undefined => {
  const of = (name: keyof typeof places): FilterTest =>
    either(side, addressAt(value), places[name][0], places[name][1])
  const within = (name: "ip" | "ip6" | "arp" | "rarp"): FilterTest => and(protocols[name]!, of(name))
  if (value.kind === "ether") return protocol === "ether" ? of("ether") : undefined
  if (value.kind === "ipv6") return protocol === undefined || protocol === "ip6" ? within("ip6") : undefined
  if (protocol === undefined) return or(or(within("ip"), within("arp")), within("rarp"))
  return protocol === "ip" || protocol === "arp" || protocol === "rarp" ? within(protocol) : undefined
}

const portProtocols: Readonly<Record<string, ReadonlyArray<number>>> = {
  tcp: [Protocol.TCP],
  udp: [Protocol.UDP]
}

/** First fragments, and packets that are none, of TCP, UDP and SCTP; undefined if the protocol has no ports. */
export const ports = (
  protocol: string | undefined,
  side: Side,
  least: number,
  most: number
): FilterTest | undefined => {
  const wanted = protocol === undefined ? [SCTP, Protocol.TCP, Protocol.UDP] : portProtocols[protocol]
  if (wanted === undefined) return undefined
  const at = (start: (frame: FilteredFrame) => number) => (offset: number): FilterTest => (frame) => {
    const port = frame.u16(start(frame) + offset)
    return port >= least && port <= most
  }
  const in4 = either(side, at((frame) => IP_AT + 4 * (frame.u8(IP_AT) & 15)), 0, 2)
  const in6 = either(side, at(() => IP_AT + 40), 0, 2)
  return or(
    and(ipv6, (frame) => wanted.includes(frame.u8(IP_AT + 6)) && in6(frame)),
    and(ipv4, (frame) =>
      wanted.includes(frame.u8(IP_AT + 9)) && (frame.u16(IP_AT + 6) & 0x1fff) === 0 && in4(frame))
  )
}
