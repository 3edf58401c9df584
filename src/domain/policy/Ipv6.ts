import { Reason } from "../Reason.ts"
import * as NeighbourDiscovery from "./NeighbourDiscovery.ts"
import { type Ipv6Policy, isHosts, isNobodys, isOfLink } from "./Ipv6Policy.ts"
import { u16 } from "./Octets.ts"
import { isTrunkSource6, type Policy } from "./Policy.ts"
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
/** A bit for each type of message that a DHCPv6 client sends (RFC 8415, 7.3). */
const DHCP6_ASKING = [1, 3, 4, 5, 6, 8, 9, 11].reduce((bits, type) => bits | 1 << type, 0)

/** Whether a packet is a fragment, and which. */
const Fragment = { NONE: 0, FIRST: 1, LATER: 2 } as const

/**
 * Judges an IPv6 packet of a guest, wherever it is going. Header fields are those of RFC 8200, 3.
 *
 * Nothing beyond the payload length is read. Fragments are not put together: a first one has
 * to show the whole chain and what the rules read behind it, and of later ones nothing is read.
 *
 * @param port where it came from: V6 and V11 ask what is there.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  size: number,
  policy: Policy,
  port: number
): Reason => {
  const { ipv6 } = policy
  // L8 has kept IPv6 back then.
  if (ipv6 === undefined) return Reason.PASS
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
    const mayServe = policy.dhcpServers[port] === 1
    if (protocol === Protocol.UDP && !mayServe && isOfDhcpServer(bytes, start + upper, start + end)) {
      return Reason.DHCP6_SERVER
    }
  }
  return judgeAddresses(bytes, start, chain, end, policy, ipv6, policy.trunks[port] === 1)
}

/**
 * V6 DHCP6_SERVER: a rogue server tells guests name servers and addresses, and a rogue relay asks in another's name.
 * Either port is enough; and a server is sent nothing but what a client says, or what does not show what it says.
 * RFC 7610, 5; RFC 8415, 7.3 and 19.
 *
 * @param datagram octet where the UDP header begins; all of it is there. @param end octet after the packet.
 */
const isOfDhcpServer = (bytes: Uint8Array, datagram: number, end: number): boolean => {
  const to = u16(bytes, datagram + 2)
  if (u16(bytes, datagram) === DHCP6_SERVER || to === DHCP6_CLIENT) return true
  if (to !== DHCP6_SERVER) return false
  const message = datagram + UDP_BYTES
  return message >= end || bytes[message]! > 31 || (DHCP6_ASKING >>> bytes[message]! & 1) === 0
}

/**
 * Whether the host may have what a packet carries behind its extension headers: TCP, UDP, and ICMPv6 other than
 * what routers of groups say. Of a later fragment its fragment header says what it carries, and a first one shows the
 * type. Only for packets that passed `judge`.
 */
export const isForHost = (bytes: Uint8Array, start: number): boolean => {
  const next = bytes[start + 20]!
  // Nearly always there is no chain, and it need not be walked a second time.
  if (next === Protocol.TCP || next === Protocol.UDP) return true
  const chain = walk(bytes, start, CHAIN_START + u16(bytes, start + 18))
  const protocol = protocolOf(chain)
  if (protocol !== Protocol.ICMPV6) return protocol === Protocol.TCP || protocol === Protocol.UDP
  return fragmentOf(chain) === Fragment.LATER || !NeighbourDiscovery.isOfGroupRouters(bytes, start + upperOf(chain))
}

/**
 * The octet at which a neighbour advertisement has its target, from the start of the frame; -1 if the packet is none.
 * Only for packets that passed `judge`.
 */
export const advertisedAt = (bytes: Uint8Array, start: number): number => {
  const upper = messageAt(bytes, start)
  return upper >= 0 && NeighbourDiscovery.isAdvertisement(bytes, start + upper)
    ? upper + NeighbourDiscovery.TARGET_AT
    : -1
}

/** The same of a neighbour solicitation. */
export const solicitedAt = (bytes: Uint8Array, start: number): number => {
  const upper = messageAt(bytes, start)
  return upper >= 0 && NeighbourDiscovery.isSolicitation(bytes, start + upper)
    ? upper + NeighbourDiscovery.TARGET_AT
    : -1
}

/** The octet at which a whole message of ICMPv6 begins, from the start of the frame; -1 if there is none. */
const messageAt = (bytes: Uint8Array, start: number): number => {
  const next = bytes[start + 20]!
  if (isUpper(next) && next !== Protocol.ICMPV6) return -1
  const chain = walk(bytes, start, CHAIN_START + u16(bytes, start + 18))
  return protocolOf(chain) === Protocol.ICMPV6 && fragmentOf(chain) === Fragment.NONE ? upperOf(chain) : -1
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

/**
 * Judges who sends and to whom, for every protocol and every fragment (RFC 2827).
 *
 * @param isTrunk whether the far side of a trunk may route.
 */
const judgeAddresses = (
  bytes: Uint8Array,
  start: number,
  chain: number,
  end: number,
  policy: Policy,
  ipv6: Ipv6Policy,
  isTrunk: boolean
): Reason => {
  const isMessage = fragmentOf(chain) === Fragment.NONE && protocolOf(chain) === Protocol.ICMPV6
  const message = start + upperOf(chain)

  // V9 ND_TARGET_CONFLICT: answering for the host, or for an address that nobody on the link has.
  // RFC 4861, 11.1.
  if (isMessage && isTargetWrong(bytes, start, message, ipv6)) return Reason.ND_TARGET_CONFLICT

  // V10 IP6_SRC_HOST: speaking for the host, by its address or its link-local one. RFC 2827, 3.
  if (isHosts(ipv6, bytes, start + 22)) return Reason.IP6_SRC_HOST

  // V11 IP6_SRC_OUTSIDE: every other spoofed source, and nobody's, save where neighbour discovery
  // needs it. RFC 2827, 3; RFC 4291, 2.5.2. What a trunk routes comes by packets; neighbour discovery, as
  // ARP, would bind it to a MAC of this link.
  if (!isOfLink(ipv6, bytes, start + 22)) {
    const mayAsk = isMessage && isNobodys(bytes, start + 22) &&
      NeighbourDiscovery.needsNoSource(bytes, start, message, start + end)
    const isRouted = isTrunk && isTrunkSource6(policy, bytes, start + 22) &&
      !(isMessage && NeighbourDiscovery.isDiscovery(bytes, message))
    if (!mayAsk && !isRouted) return Reason.IP6_SRC_OUTSIDE
  }

  // V12 L2_L3_MISMATCH: a packet for one host, sent to all, gets past what guards each. RFC 2464, 7.
  if ((bytes[start]! & 1) !== 0 && bytes[start + 38] !== 0xff) return Reason.L2_L3_MISMATCH
  return Reason.PASS
}

/**
 * Whether an advertisement is for an address that no guest has; or a probe for one of the host's, which, while the
 * host probes for it itself, takes it away as an answer does (RFC 4862, 5.4.3). To probe for another guest's
 * is how one learns that it is another's.
 */
const isTargetWrong = (bytes: Uint8Array, start: number, message: number, policy: Ipv6Policy): boolean => {
  const target = message + NeighbourDiscovery.TARGET_AT
  if (NeighbourDiscovery.isAdvertisement(bytes, message)) {
    return isHosts(policy, bytes, target) || !isOfLink(policy, bytes, target)
  }
  return NeighbourDiscovery.isSolicitation(bytes, message) && isNobodys(bytes, start + 22) &&
    isHosts(policy, bytes, target)
}
