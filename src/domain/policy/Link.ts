import { Reason } from "../Reason.ts"
import { EtherType, isTag } from "./EtherType.ts"
import { u16 } from "./Octets.ts"
import type { Policy } from "./Policy.ts"

/**
 * Judges the two MAC addresses, in every mode and before anything else is read: what
 * cannot be attributed is not parsed. Reads octets 0 … 11, which R1 made sure of.
 *
 * @param start octet where the frame begins, even. @param fromTap whether the host sent it.
 */
export const judgeAddresses = (
  bytes: Uint8Array,
  halves: Uint16Array,
  start: number,
  policy: Policy,
  fromTap: boolean
): Reason => {
  // L1 SRC_MAC_GROUP: learning a group, or broadcast, would steal what is sent to it. IEEE 802.1Q,
  // 8.7.
  if ((bytes[start + 6]! & 1) !== 0) return Reason.SRC_MAC_GROUP

  const half = start >> 1
  const sourceHi = halves[half + 3]! | (halves[half + 4]! << 16)
  const sourceLo = halves[half + 5]!

  // L2 SRC_MAC_ZERO: nobody's address, which tables use for "empty". No standard forbids it;
  // Linux bridges drop it too.
  if (sourceHi === 0 && sourceLo === 0) return Reason.SRC_MAC_ZERO

  // L3 SRC_MAC_TAP: a guest that speaks as the host takes the host's traffic. IEEE 802.1Q, 8.7.
  if (!fromTap && isHosts(policy, sourceHi, sourceLo)) return Reason.SRC_MAC_TAP

  // L4 DST_MAC_RESERVED: spanning tree, LACP, pause, 802.1X, LLDP: taking over the root, or the
  // host's own links. No bridge relays 01-80-C2-00-00-00 … -0F. IEEE 802.1Q, table 8-1.
  if (isReservedGroup(bytes, start)) return Reason.DST_MAC_RESERVED

  return Reason.PASS
}

const isHosts = ({ bridgeMacHi, bridgeMacLo, tapMacHi, tapMacLo }: Policy, hi: number, lo: number): boolean =>
  (lo === tapMacLo && hi === tapMacHi) || (lo === bridgeMacLo && hi === bridgeMacHi)

const isReservedGroup = (bytes: Uint8Array, start: number): boolean =>
  bytes[start] === 0x01 &&
  bytes[start + 1] === 0x80 &&
  bytes[start + 2] === 0xc2 &&
  bytes[start + 3] === 0 &&
  bytes[start + 4] === 0 &&
  bytes[start + 5]! < 0x10

/**
 * Judges the destination and the type in secure mode, from every port. Reads octets 0 … 13.
 *
 * No tag and no LLC header is stepped over to find a type behind it: the verdict must
 * not depend on how a receiver un-nests them (CERT VU#855201).
 */
export const judgeType = (
  bytes: Uint8Array,
  halves: Uint16Array,
  start: number,
  policy: Policy,
  fromTap: boolean
): Reason => {
  const half = start >> 1
  // L5 DST_MAC_ZERO: nobody's address, which would be flooded to everybody. Our own rule.
  if ((halves[half]! | halves[half + 1]! | halves[half + 2]!) === 0) return Reason.DST_MAC_ZERO

  const type = u16(bytes, start + 12)
  if (type === EtherType.IPV4 || type === EtherType.ARP) return Reason.PASS

  // L6 LLC_DENIED: LLC and SNAP hide ARP and IP from every later rule. IEEE 802.3, 3.2.6.
  if (type < EtherType.FIRST) return Reason.LLC_DENIED

  // L7 VLAN_DENIED: hopping to another VLAN, and hiding behind a priority tag. IEEE 802.1Q, 9.6.
  if (isTag(type)) return Reason.VLAN_DENIED

  // L8 IP6_DISABLED: router advertisements, neighbour discovery and DHCPv6 that nothing judges.
  // RFC 6105, 1.
  if (type === EtherType.IPV6) return policy.ipv6 === undefined ? Reason.IP6_DISABLED : Reason.PASS

  // L9 ETHERTYPE_DENIED: what is not understood cannot be attributed. RARP is among it (RFC 903).
  // Types that were asked for pass between guests; `TapPolicy` keeps them from the tap.
  return !fromTap && policy.allowedEtherTypes.includes(type) ? Reason.PASS : Reason.ETHERTYPE_DENIED
}
