import { Reason } from "../Reason.ts"
import * as Dhcp from "./Dhcp.ts"
import { UDP_HEADER_BYTES } from "./DhcpFormat.ts"
import * as Igmp from "./Igmp.ts"
import { i32, u16 } from "./Octets.ts"
import { isGuestSource, isReserved, isSubnetBroadcast, isTrunkSource, type Policy } from "./Policy.ts"
import { Protocol } from "./Protocol.ts"

/** Octets of the Ethernet header. */
const LINK_BYTES = 14
const HEADER_BYTES_MIN = 20
const PACKET_BYTES_MAX = 65_535
const MORE_FRAGMENTS = 0x2000
const OFFSET_MASK = 0x1fff
/** 255.255.255.255, signed as all that is read of a frame. */
const LIMITED_BROADCAST = -1
const END_OF_OPTIONS = 0
const NO_OPERATION = 1
const ROUTER_ALERT = 148
const TCP_HEADER_BYTES_MIN = 20
const ICMP_REDIRECT = 5
const ICMP_ROUTER_ADVERTISEMENT = 9

/**
 * Judges an IPv4 packet of a guest, in secure mode, wherever it is going.
 *
 * Header fields are those of RFC 791, 3.1. Nothing beyond the total length is read:
 * octets after it are padding. Fragments are not put together: ports lie in the first
 * eight octets of data and offsets are multiples of eight, so that no later fragment can
 * change them, and I11 takes care of TCP's flags. Checksums, TTL, identification and the
 * reserved flag are the receiver's business, and no rule depends on them.
 *
 * @param port where it came from: D1 and I6 ask what is there.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  size: number,
  policy: Policy,
  port: number
): Reason => {
  // I1 IP4_MALFORMED: lengths that two parsers read differently. RFC 791, 3.1; RFC 1122, 3.2.1.1.
  if (size < LINK_BYTES + HEADER_BYTES_MIN) return Reason.IP4_MALFORMED
  const first = bytes[start + 14]!
  const headerBytes = (first & 15) * 4
  if (first >> 4 !== 4 || headerBytes < HEADER_BYTES_MIN) return Reason.IP4_MALFORMED
  const totalBytes = u16(bytes, start + 16)
  if (totalBytes < headerBytes || totalBytes > size - LINK_BYTES) return Reason.IP4_MALFORMED

  if (headerBytes > HEADER_BYTES_MIN) {
    const options = judgeOptions(bytes, start + 34, start + LINK_BYTES + headerBytes)
    if (options !== Reason.PASS) return options
  }

  const fragment = u16(bytes, start + 20)
  const offsetBytes = (fragment & OFFSET_MASK) * 8
  const dataBytes = totalBytes - headerBytes
  // I3 IP4_FRAG_OVERFLOW: longer than any packet when put together, the "ping of death".
  // RFC 791, 3.2.
  if (offsetBytes + totalBytes > PACKET_BYTES_MAX) return Reason.IP4_FRAG_OVERFLOW
  // I1 again: only a last fragment may end between two multiples of eight. RFC 791, 3.2.
  if ((fragment & MORE_FRAGMENTS) !== 0 && (dataBytes & 7) !== 0) return Reason.IP4_MALFORMED

  const data = start + LINK_BYTES + headerBytes
  const addresses = judgeAddresses(bytes, start, data, dataBytes, fragment, policy, policy.trunks[port] === 1)
  if (addresses !== Reason.PASS) return addresses
  return judgeData(bytes, start, data, dataBytes, fragment, policy.dhcpServers[port] === 1)
}

/**
 * I1 IP4_MALFORMED: an option without a length, or one that ends outside the header.
 * I2 IP4_OPTION_DENIED: source routing, recorded routes and timestamps steer packets past
 * the host's rules. End, no-operation and router alert (RFC 2113, 4 octets) may be.
 *
 * The whole list is walked before an option is denied. RFC 791, 3.1; RFC 7126, 4.
 *
 * @param from first octet of the options. @param end octet after the last.
 */
const judgeOptions = (bytes: Uint8Array, from: number, end: number): Reason => {
  let verdict: Reason = Reason.PASS
  let at = from
  while (at < end) {
    const type = bytes[at]!
    if (type === END_OF_OPTIONS) break
    if (type === NO_OPERATION) {
      at += 1
      continue
    }
    if (at + 1 >= end) return Reason.IP4_MALFORMED
    const optionBytes = bytes[at + 1]!
    if (optionBytes < 2 || at + optionBytes > end) return Reason.IP4_MALFORMED
    if (type !== ROUTER_ALERT || optionBytes !== 4) verdict = Reason.IP4_OPTION_DENIED
    at += optionBytes
  }
  return verdict
}

/**
 * Judges who sends and to whom, for every protocol and every fragment (RFC 2827).
 *
 * @param data octet after the header. @param dataBytes octets from there to the end of the packet.
 * @param fragment flags and fragment offset as they are in the header.
 * @param isTrunk  whether the far side of a trunk may route.
 */
const judgeAddresses = (
  bytes: Uint8Array,
  start: number,
  data: number,
  dataBytes: number,
  fragment: number,
  policy: Policy,
  isTrunk: boolean
): Reason => {
  const source = i32(bytes, start + 26)
  const destination = i32(bytes, start + 30)

  // I4 IP4_SRC_HOST: speaking for the host. RFC 2827, 3.
  if (source >>> 0 === policy.hostAddress) return Reason.IP4_SRC_HOST

  if (source === 0) {
    // I5 IP4_SRC_ZERO: nobody's address serves a guest that asks for one, or that tells its groups,
    // and nothing else. RFC 2131, 4.1; RFC 3376, 4.2.13; RFC 1122, 3.2.1.3.
    const asks = bytes[start + 23] === Protocol.UDP &&
      (fragment & (MORE_FRAGMENTS | OFFSET_MASK)) === 0 &&
      destination === LIMITED_BROADCAST &&
      Dhcp.isFromClient(bytes, data, dataBytes)
    const tells = bytes[start + 23] === Protocol.IGMP && Igmp.isMembership(bytes, start)
    if (!asks && !tells) return Reason.IP4_SRC_ZERO
  } else {
    // I6 IP4_SRC_OUTSIDE: every other spoofed source: loopback, groups, the networks behind the
    // host. RFC 2827, 3.
    const mayBe = isGuestSource(policy, source) || (isTrunk && isTrunkSource(policy, source))
    if (!mayBe) return Reason.IP4_SRC_OUTSIDE

    // I7 IP4_SRC_RESERVED: answers would go to everybody, as in "smurf". RFC 2644, 1; RFC 1122,
    // 3.2.1.3.
    if (isReserved(policy, source)) return Reason.IP4_SRC_RESERVED
  }

  // I8 IP4_LAND: a receiver that answers itself. CERT CA-1997-28.
  if (source === destination) return Reason.IP4_LAND

  // I9 IP4_DST_MARTIAN: 0/8, 127/8 and 240/4 reach services that the host binds to its loopback.
  // RFC 1122, 3.2.1.3.
  const net = bytes[start + 30]!
  if (net === 0 || net === 127 || (net >= 240 && destination !== LIMITED_BROADCAST)) {
    return Reason.IP4_DST_MARTIAN
  }

  // I10 L2_L3_MISMATCH: a packet for one host, sent to all, gets past what guards each.
  // RFC 1122, 3.3.6.
  if (
    (bytes[start]! & 1) !== 0 &&
    net < 224 &&
    !isSubnetBroadcast(policy, destination)
  ) return Reason.L2_L3_MISMATCH

  return Reason.PASS
}

/**
 * Judges what IPv4 carries: TCP, UDP and ICMP; others are not looked into. Parameters as above.
 *
 * @param mayServe whether D1 does not apply to the port.
 */
const judgeData = (
  bytes: Uint8Array,
  start: number,
  data: number,
  dataBytes: number,
  fragment: number,
  mayServe: boolean
): Reason => {
  const protocol = bytes[start + 23]!
  const more = (fragment & MORE_FRAGMENTS) !== 0
  const offset = fragment & OFFSET_MASK
  const isTcp = protocol === Protocol.TCP

  // I11 IP4_FRAG_TINY: a second fragment that writes over TCP's flags. RFC 1858, 4; RFC 3128.
  if (isTcp && offset === 1) return Reason.IP4_FRAG_TINY
  if (offset !== 0) return Reason.PASS

  if (isTcp) {
    // I11 again: flags left to a later fragment. RFC 1858, 3. Without one it is I12.
    if (dataBytes < TCP_HEADER_BYTES_MIN) return more ? Reason.IP4_FRAG_TINY : Reason.L4_MALFORMED
    // I12 L4_MALFORMED: a header that ends before its fields, or behind the packet. RFC 9293, 3.1.
    const headerBytes = (bytes[data + 12]! >> 4) * 4
    if (headerBytes < TCP_HEADER_BYTES_MIN) return Reason.L4_MALFORMED
    return !more && headerBytes > dataBytes ? Reason.L4_MALFORMED : Reason.PASS
  }

  if (protocol !== Protocol.UDP && protocol !== Protocol.ICMP) return Reason.PASS
  // I11, I12: as for TCP, of 8 octets. RFC 768; RFC 792.
  if (dataBytes < UDP_HEADER_BYTES) return more ? Reason.IP4_FRAG_TINY : Reason.L4_MALFORMED
  if (protocol === Protocol.ICMP) return judgeIcmp(bytes[data]!)

  // I12 L4_MALFORMED: the length of a whole datagram lies inside the packet. RFC 768.
  const udpBytes = u16(bytes, data + 4)
  if (!more && (udpBytes < UDP_HEADER_BYTES || udpBytes > dataBytes)) {
    return Reason.L4_MALFORMED
  }
  return Dhcp.judge(bytes, start, data, udpBytes, more, mayServe)
}

/**
 * I13 ICMP_DENIED: redirects and router advertisements move other hosts' routes to the sender.
 * RFC 1122, 3.2.2.2; RFC 1256, 7.
 */
const judgeIcmp = (type: number): Reason =>
  type === ICMP_REDIRECT || type === ICMP_ROUTER_ADVERTISEMENT ? Reason.ICMP_DENIED : Reason.PASS
