import { Reason } from "../Reason.ts"
import * as NeighbourDiscovery from "./NeighbourDiscovery.ts"
import { u16, u32 } from "./Octets.ts"
import type { Ipv6Policy, Words } from "./Policy.ts"
import { Extension, Protocol } from "./Protocol.ts"

/** Octets of the Ethernet header. */
const LINK_BYTES = 14
/** Octets up to the first extension header or what stands in its place (RFC 8200, 3). */
const CHAIN_START = LINK_BYTES + 40
const CHAIN_HEADERS_MAX = 8
const CHAIN_BYTES_MAX = 256
const FRAGMENT_BYTES = 8
/** Octets of the upper layer that a first fragment has to show. */
const UPPER_BYTES_MIN = 8
const TCP_BYTES_MIN = 20
const UDP_BYTES = 8
const ICMPV6_BYTES_MIN = 4
/** The one type of routing header that leads past nobody else: RFC 6275, 6.4. */
const ROUTING_HOME_ADDRESS = 2
const DHCP6_CLIENT = 546
const DHCP6_SERVER = 547

/** Whether a packet is a fragment, and which. */
export const Fragment = { NONE: 0, FIRST: 1, LATER: 2 } as const

/**
 * Judges an IPv6 packet of a guest, wherever it is going. Header fields are those of RFC 8200, 3.
 *
 * Nothing beyond the payload length is read. Fragments are not put together: a first one has
 * to show the whole chain and what the rules read behind it, and of later ones nothing is read.
 *
 * @param mayServe whether V6 does not apply to the port.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  size: number,
  policy: Ipv6Policy,
  mayServe: boolean
): Reason => {
  // V1 IP6_MALFORMED: lengths that two parsers read differently. RFC 8200, 3. A payload of 0 would
  // be a jumbogram (RFC 2675).
  if (size < CHAIN_START || bytes[start + 14]! >> 4 !== 6) return Reason.IP6_MALFORMED
  const payloadBytes = u16(bytes, start + 18)
  if (payloadBytes === 0 || payloadBytes > size - CHAIN_START) return Reason.IP6_MALFORMED

  const end = CHAIN_START + payloadBytes
  const chain = walk(bytes, start, end)
  if (chain < 0) return -chain as Reason
  const protocol = protocolOf(chain)
  const fragment = fragmentOf(chain)
  const upper = upperOf(chain)

  if (fragment !== Fragment.LATER) {
    const cut = judgeUpperSize(protocol, fragment, end - upper)
    if (cut !== Reason.PASS) return cut
    if (protocol === Protocol.ICMPV6) {
      const isFragment = fragment !== Fragment.NONE
      const verdict = NeighbourDiscovery.judge(bytes, start, start + upper, start + end, isFragment)
      if (verdict !== Reason.PASS) return verdict
    }
    // V6 DHCP6_SERVER: a rogue server tells guests name servers and addresses. Either port is
    // enough. RFC 7610, 5.
    if (
      protocol === Protocol.UDP && !mayServe &&
      (u16(bytes, start + upper) === DHCP6_SERVER || u16(bytes, start + upper + 2) === DHCP6_CLIENT)
    ) return Reason.DHCP6_SERVER
  }
  return judgeAddresses(bytes, start, chain, end, policy)
}

/**
 * What a packet carries behind its extension headers; of a later fragment, what its fragment
 * header says of it. Only for packets that passed `judge`.
 */
export const upperProtocol = (bytes: Uint8Array, start: number): number => {
  const next = bytes[start + 20]!
  // Nearly always there is no chain, and it need not be walked a second time.
  if (isUpper(next)) return next
  return protocolOf(walk(bytes, start, CHAIN_START + u16(bytes, start + 18)))
}

const protocolOf = (chain: number): number => chain & 0xff
const fragmentOf = (chain: number): number => (chain >> 8) & 3
/** Octets from the start of the frame to the upper layer. */
const upperOf = (chain: number): number => chain >> 10

const isUpper = (next: number): boolean =>
  next === Protocol.TCP || next === Protocol.UDP || next === Protocol.ICMPV6 ||
  next === Protocol.ESP || next === Protocol.NO_NEXT_HEADER

/**
 * Walks the chain of headers, up to what is no extension header. RFC 8200, 4; RFC 7045.
 *
 * V1 IP6_MALFORMED: a chain so long, or cut so, that a guard along the way does not see its
 * end (RFC 7113, 2.1). V2 IP6_EXT_DENIED: routes that the sender chooses (RFC 5095), a second
 * fragment header, and headers that nothing here can step over. V3 IP6_FRAG_DENIED: a chain
 * that goes on in a later fragment (RFC 7112, 5).
 *
 * @param end octets from the start of the frame to the end of the payload.
 * @returns protocol, fragment and place of the upper layer in one number; or a reason, negated.
 */
const walk = (bytes: Uint8Array, start: number, end: number): number => {
  let next = bytes[start + 20]!
  let at = CHAIN_START
  let fragment: number = Fragment.NONE
  for (let headers = 0; !isUpper(next); headers++) {
    const isHopByHop = next === Extension.HOP_BY_HOP
    if (!isHopByHop && !isExtension(next)) return -Reason.IP6_EXT_DENIED
    if (headers === CHAIN_HEADERS_MAX || (isHopByHop && headers > 0)) return -Reason.IP6_MALFORMED
    const cut = fragment === Fragment.NONE ? Reason.IP6_MALFORMED : Reason.IP6_FRAG_DENIED
    if (at + FRAGMENT_BYTES > end) return -cut
    const headerBytes = extensionBytes(bytes, start + at, next)
    if (at + headerBytes > end) return -cut
    if (at + headerBytes - CHAIN_START > CHAIN_BYTES_MAX) return -Reason.IP6_MALFORMED
    if (next === Extension.ROUTING && bytes[start + at + 2] !== ROUTING_HOME_ADDRESS) {
      return -Reason.IP6_EXT_DENIED
    }
    const following = bytes[start + at]!
    if (next === Extension.FRAGMENT) {
      if (fragment !== Fragment.NONE) return -Reason.IP6_EXT_DENIED
      const isFirst = u16(bytes, start + at + 2) >> 3 === 0
      fragment = isFirst ? Fragment.FIRST : Fragment.LATER
    }
    at += headerBytes
    next = following
    if (fragment === Fragment.LATER) break
  }
  return (at << 10) | (fragment << 8) | next
}

const isExtension = (next: number): boolean =>
  next === Extension.DESTINATION || next === Extension.ROUTING ||
  next === Extension.FRAGMENT || next === Extension.AUTHENTICATION

/** Octets of an extension header, by its length field. RFC 8200, 4; RFC 4302, 2.2. */
const extensionBytes = (bytes: Uint8Array, at: number, type: number): number => {
  if (type === Extension.FRAGMENT) return FRAGMENT_BYTES
  const length = bytes[at + 1]!
  return type === Extension.AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
}

/**
 * V1 again: the upper layer's header ends outside the packet. V3 again: a first fragment
 * shows less of it than the rules read (RFC 7112, 5).
 */
const judgeUpperSize = (protocol: number, fragment: number, upperBytes: number): Reason => {
  if (fragment !== Fragment.NONE) {
    return upperBytes < UPPER_BYTES_MIN ? Reason.IP6_FRAG_DENIED : Reason.PASS
  }
  const least = protocol === Protocol.TCP
    ? TCP_BYTES_MIN
    : protocol === Protocol.UDP
    ? UDP_BYTES
    : protocol === Protocol.ICMPV6
    ? ICMPV6_BYTES_MIN
    : 0
  return upperBytes < least ? Reason.IP6_MALFORMED : Reason.PASS
}

/** Judges who sends and to whom, for every protocol and every fragment (RFC 2827). */
const judgeAddresses = (
  bytes: Uint8Array,
  start: number,
  chain: number,
  end: number,
  policy: Ipv6Policy
): Reason => {
  const source0 = u32(bytes, start + 22)
  const source1 = u32(bytes, start + 26)
  const source2 = u32(bytes, start + 30)
  const source3 = u32(bytes, start + 34)

  // V10 IP6_SRC_HOST: speaking for the host, by its address or its link-local one. RFC 2827, 3.
  if (
    isEqual(policy.host, source0, source1, source2, source3) ||
    isEqual(policy.hostLinkLocal, source0, source1, source2, source3)
  ) return Reason.IP6_SRC_HOST

  // V11 IP6_SRC_OUTSIDE: every other spoofed source, and nobody's, save where neighbour discovery
  // needs it. RFC 2827, 3; RFC 4291, 2.5.2.
  if (source0 === 0 && source1 === 0 && source2 === 0 && source3 <= 1) {
    const mayAsk = source3 === 0 && fragmentOf(chain) === Fragment.NONE &&
      protocolOf(chain) === Protocol.ICMPV6 &&
      NeighbourDiscovery.needsNoSource(bytes, start, start + upperOf(chain), start + end)
    if (!mayAsk) return Reason.IP6_SRC_OUTSIDE
  } else if (!isLinkLocal(source0) && !isInside(policy, source0, source1, source2, source3)) {
    return Reason.IP6_SRC_OUTSIDE
  }

  // V12 L2_L3_MISMATCH: a packet for one host, sent to all, gets past what guards each. RFC 2464, 7.
  if ((bytes[start]! & 1) !== 0 && bytes[start + 38] !== 0xff) return Reason.L2_L3_MISMATCH
  return Reason.PASS
}

const isEqual = (words: Words, a: number, b: number, c: number, d: number): boolean =>
  words[3] === d && words[2] === c && words[1] === b && words[0] === a

/** fe80::/10 (RFC 4291, 2.4). */
const isLinkLocal = (first: number): boolean => first >>> 22 === 0xfe80 >> 6

/** Inside the guests' prefix; groups, ff00::/8, are in no prefix. */
const isInside = ({ mask, network }: Ipv6Policy, a: number, b: number, c: number, d: number): boolean =>
  ((a & mask[0]) >>> 0) === network[0] && ((b & mask[1]) >>> 0) === network[1] &&
  ((c & mask[2]) >>> 0) === network[2] && ((d & mask[3]) >>> 0) === network[3] &&
  a >>> 24 !== 0xff
