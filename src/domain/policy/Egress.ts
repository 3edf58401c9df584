import { Reason } from "../Reason.ts"
import { EtherType, isTag } from "./EtherType.ts"
import { u16 } from "./Octets.ts"
import type { Policy } from "./Policy.ts"
import { Protocol } from "./Protocol.ts"

/**
 * Judges whether a guest's frame that passed every other rule is kept from the tap alone;
 * other guests may still get it.
 */
export const judgeTap = (
  bytes: Uint8Array,
  start: number,
  size: number,
  policy: Policy
): Reason => {
  const type = u16(bytes, start + 12)

  // E2 IP4_PROTO_DENIED: IGMP, GRE, ESP, SCTP and the like reach parts of the host that nobody
  // watches. Secure mode as vknetd(8) has it. I1 made sure that the header is there.
  if (policy.secure && type === EtherType.IPV4 && !isForHost(bytes[start + 23]!)) {
    return Reason.IP4_PROTO_DENIED
  }

  // E4 EGRESS_MTU: the tap would refuse it or cut it. A tag does not count. IEEE 802.3, 3.2.7.
  const frameBytesMax = isTag(type) ? policy.tapTaggedFrameBytesMax : policy.tapFrameBytesMax
  return size > frameBytesMax ? Reason.EGRESS_MTU : Reason.PASS
}

const isForHost = (protocol: number): boolean =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.ICMP
