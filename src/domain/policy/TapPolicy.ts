import { Reason } from "../Reason.ts"
import { EtherType, isTag } from "./EtherType.ts"
import * as Igmp from "./Igmp.ts"
import * as Ipv6 from "./Ipv6.ts"
import { u16 } from "./Octets.ts"
import type { Policy } from "./Policy.ts"
import { Protocol } from "./Protocol.ts"

/**
 * Judges whether a guest's frame that passed every other rule is kept from the tap alone;
 * other guests may still get it.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  size: number,
  policy: Policy
): Reason => {
  const type = u16(bytes, start + 12)

  if (policy.secure) {
    const reason = judgeContent(bytes, start, type)
    if (reason !== Reason.PASS) return reason
  }

  // E4 EGRESS_MTU: the tap would refuse it or cut it. A tag does not count. IEEE 802.3, 3.2.7.
  const frameBytesMax = isTag(type) ? policy.tapTaggedFrameBytesMax : policy.tapFrameBytesMax
  return size > frameBytesMax ? Reason.EGRESS_MTU : Reason.PASS
}

const judgeContent = (bytes: Uint8Array, start: number, type: number): Reason => {
  if (type === EtherType.ARP) return Reason.PASS
  // E2 IP4_PROTO_DENIED: GRE, ESP, SCTP and the like reach parts of the host that nobody watches.
  // Secure mode as vknetd(8) has it, but that whoever forwards groups to the guests, behind or in
  // the host, hears who listens to them. I1 made sure that the header is there.
  if (type === EtherType.IPV4) {
    const protocol = bytes[start + 23]!
    if (protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.ICMP) return Reason.PASS
    return protocol === Protocol.IGMP && Igmp.isMembership(bytes, start) ? Reason.PASS : Reason.IP4_PROTO_DENIED
  }
  // E2 IP6_PROTO_DENIED: the same, behind all extension headers, which V1 to V3 walked; and here, too, what routers
  // of groups say: who asks from the lowest address silences the one behind the host (RFC 3810, 7.6.2), and a bridge
  // sends all groups to who says that it is one (RFC 4286).
  if (type === EtherType.IPV6) return Ipv6.isForHost(bytes, start) ? Reason.PASS : Reason.IP6_PROTO_DENIED
  // L9 again: a type that was asked for is between guests.
  return Reason.ETHERTYPE_DENIED
}
