/**
 * Why a frame, or one copy of it, was not delivered: a closed list.
 *
 * Names and numbers are stable. New ones are appended, none is used again. 0 means that the
 * frame goes on. The manual explains each under DIAGNOSTICS.
 */
export const Reason = {
  PASS: 0,
  RUNT: 1,
  OVERSIZE: 2,
  SRC_MAC_GROUP: 3,
  SRC_MAC_ZERO: 4,
  SRC_MAC_TAP: 5,
  SRC_MAC_CONFLICT: 6,
  MAC_LIMIT: 7,
  DST_MAC_RESERVED: 8,
  DST_MAC_ZERO: 9,
  LLC_DENIED: 10,
  VLAN_DENIED: 11,
  ETHERTYPE_DENIED: 12,
  ARP_MALFORMED: 13,
  ARP_OP_DENIED: 14,
  ARP_DST_MULTICAST: 15,
  LEARN_RATE: 16,
  ARP_SHA_MISMATCH: 17,
  ARP_SPA_ZERO: 18,
  ARP_SPA_HOST: 19,
  ARP_SPA_OUTSIDE: 20,
  ARP_SPA_CONFLICT: 21,
  ARP_THA_MISMATCH: 22,
  IP4_MALFORMED: 23,
  IP4_OPTION_DENIED: 24,
  IP4_SRC_HOST: 25,
  IP4_SRC_ZERO: 26,
  IP4_SRC_OUTSIDE: 27,
  IP4_SRC_RESERVED: 28,
  IP4_SRC_CONFLICT: 29,
  IP4_LAND: 30,
  IP4_DST_MARTIAN: 31,
  IP4_PROTO_DENIED: 32,
  IP4_FRAG_TINY: 33,
  IP4_FRAG_OVERFLOW: 34,
  L2_L3_MISMATCH: 35,
  L4_MALFORMED: 36,
  ICMP_DENIED: 37,
  DHCP_SERVER: 38,
  DHCP_MALFORMED: 39,
  DHCP_CHADDR: 40,
  DHCP_RELAY: 41,
  IP_LIMIT: 42,
  STATIC_MISMATCH: 43,
  IP6_DISABLED: 44,
  IP6_MALFORMED: 45,
  IP6_EXT_DENIED: 46,
  IP6_FRAG_DENIED: 47,
  IP6_RA_DENIED: 48,
  IP6_REDIRECT_DENIED: 49,
  DHCP6_SERVER: 50,
  ND_MALFORMED: 51,
  ND_LLA_MISMATCH: 52,
  ND_TARGET_CONFLICT: 53,
  IP6_SRC_HOST: 54,
  IP6_SRC_OUTSIDE: 55,
  IP6_SRC_CONFLICT: 56,
  IP6_PROTO_DENIED: 57,
  HAIRPIN: 58,
  ISOLATED: 59,
  EGRESS_FULL: 60,
  EGRESS_MTU: 61,
  TAP_WRITE_ERROR: 62,
  ARP_RATE: 63,
  STORM_RATE: 64,
  DHCP_CLIENT_CONFLICT: 65,
  PROBE_CONFLICT: 66
} as const

/** A reason's number. */
export type Reason = (typeof Reason)[keyof typeof Reason]

/** How many numbers there are, 0 (passed) included: the length of a row of counters. */
export const REASON_COUNT = 67

/** Names by number. */
export const reasonNames: ReadonlyArray<string> = Object.entries(Reason)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name)

/** Why a connection was refused: a closed list of its own. */
export const Refusal = { CONN_LIMIT: 0, CONN_UID_LIMIT: 1, CONN_DENIED: 2, CONN_ERROR: 3 } as const
export type Refusal = (typeof Refusal)[keyof typeof Refusal]
export const refusalNames = ["CONN_LIMIT", "CONN_UID_LIMIT", "CONN_DENIED", "CONN_ERROR"] as const
