import { Reason } from "../Reason.ts"

/** One rule of the policy, as data. The code that applies it carries its number. */
export interface Rule {
  /** Family and number: `A4`. */
  readonly id: string
  /** What it counts under. */
  readonly reason: Reason
  /** The attack it stops, in one line. */
  readonly stops: string
}

/**
 * The rules that need no memory, in the order of their numbers; E rules, and L9 for types that were asked for,
 * deny the tap alone.
 */
export const rules: ReadonlyArray<Rule> = [
  { id: "R1", reason: Reason.RUNT, stops: "reading addresses that are not there" },
  { id: "R2", reason: Reason.OVERSIZE, stops: "frames that say other things once they are cut" },
  { id: "L1", reason: Reason.SRC_MAC_GROUP, stops: "taking what is sent to a group or to all" },
  { id: "L2", reason: Reason.SRC_MAC_ZERO, stops: "passing for an empty place in a table" },
  { id: "L3", reason: Reason.SRC_MAC_TAP, stops: "posing as the host and taking its traffic" },
  { id: "L4", reason: Reason.DST_MAC_RESERVED, stops: "taking over bridges and links" },
  { id: "L5", reason: Reason.DST_MAC_ZERO, stops: "flooding frames that are for nobody" },
  { id: "L6", reason: Reason.LLC_DENIED, stops: "hiding ARP and IP in LLC and SNAP" },
  { id: "L7", reason: Reason.VLAN_DENIED, stops: "hopping to another VLAN, hiding behind a tag" },
  { id: "L8", reason: Reason.IP6_DISABLED, stops: "IPv6 that nothing judges" },
  { id: "L9", reason: Reason.ETHERTYPE_DENIED, stops: "protocols that are not understood" },
  { id: "A1", reason: Reason.ARP_MALFORMED, stops: "a sender that two receivers read differently" },
  { id: "A2", reason: Reason.ARP_OP_DENIED, stops: "RARP, InARP and experiments" },
  { id: "A3", reason: Reason.ARP_DST_MULTICAST, stops: "poisoning unseen in broadcast" },
  { id: "A4", reason: Reason.ARP_SHA_MISMATCH, stops: "poisoning with a third party's MAC" },
  { id: "A5", reason: Reason.ARP_SPA_ZERO, stops: "answers in nobody's name" },
  { id: "A6", reason: Reason.ARP_SPA_HOST, stops: "posing as the gateway" },
  { id: "A7", reason: Reason.ARP_SPA_OUTSIDE, stops: "poisoning for hosts behind the host" },
  { id: "A8", reason: Reason.ARP_THA_MISMATCH, stops: "a forged answer to one guest in another's name" },
  { id: "I1", reason: Reason.IP4_MALFORMED, stops: "headers that two parsers read differently" },
  { id: "I2", reason: Reason.IP4_OPTION_DENIED, stops: "routes that the sender chooses" },
  { id: "I3", reason: Reason.IP4_FRAG_OVERFLOW, stops: "the ping of death" },
  { id: "I4", reason: Reason.IP4_SRC_HOST, stops: "speaking for the host" },
  { id: "I5", reason: Reason.IP4_SRC_ZERO, stops: "misusing the exception for who has no address yet" },
  { id: "I6", reason: Reason.IP4_SRC_OUTSIDE, stops: "every other spoofed source" },
  { id: "I7", reason: Reason.IP4_SRC_RESERVED, stops: "answers that go to everybody" },
  { id: "I8", reason: Reason.IP4_LAND, stops: "receivers that answer themselves" },
  { id: "I9", reason: Reason.IP4_DST_MARTIAN, stops: "reaching the host's loopback" },
  { id: "I10", reason: Reason.L2_L3_MISMATCH, stops: "packets for one that go to all" },
  { id: "I11", reason: Reason.IP4_FRAG_TINY, stops: "hiding flags in a later fragment" },
  { id: "I12", reason: Reason.L4_MALFORMED, stops: "lengths that reach out of the packet" },
  { id: "I13", reason: Reason.ICMP_DENIED, stops: "moving other hosts' routes" },
  { id: "D1", reason: Reason.DHCP_SERVER, stops: "rogue DHCP servers" },
  { id: "D2", reason: Reason.DHCP_MALFORMED, stops: "requests that hide their fields from D3 and D4" },
  { id: "D3", reason: Reason.DHCP_CHADDR, stops: "using up the DHCP server's addresses" },
  { id: "D4", reason: Reason.DHCP_RELAY, stops: "asking in another network's name" },
  { id: "D5", reason: Reason.DHCP_CLIENT_CONFLICT, stops: "asking for what another's MAC has" },
  { id: "V1", reason: Reason.IP6_MALFORMED, stops: "chains of headers that a guard does not see the end of" },
  { id: "V2", reason: Reason.IP6_EXT_DENIED, stops: "routes that the sender chooses, headers nobody knows" },
  { id: "V3", reason: Reason.IP6_FRAG_DENIED, stops: "neighbour discovery hidden in fragments" },
  { id: "V4", reason: Reason.IP6_RA_DENIED, stops: "posing as the router" },
  { id: "V5", reason: Reason.IP6_REDIRECT_DENIED, stops: "moving other hosts' IPv6 routes" },
  { id: "V6", reason: Reason.DHCP6_SERVER, stops: "rogue DHCPv6 servers and relays" },
  { id: "V7", reason: Reason.ND_MALFORMED, stops: "neighbour discovery from elsewhere, or read two ways" },
  { id: "V8", reason: Reason.ND_LLA_MISMATCH, stops: "binding an address to a third party's MAC" },
  { id: "V9", reason: Reason.ND_TARGET_CONFLICT, stops: "answering for the host's address" },
  { id: "V10", reason: Reason.IP6_SRC_HOST, stops: "speaking for the host over IPv6" },
  { id: "V11", reason: Reason.IP6_SRC_OUTSIDE, stops: "every other spoofed IPv6 source" },
  { id: "V12", reason: Reason.L2_L3_MISMATCH, stops: "IPv6 packets for one that go to all" },
  { id: "E2", reason: Reason.IP4_PROTO_DENIED, stops: "parts of the host that nobody watches" },
  { id: "E2", reason: Reason.IP6_PROTO_DENIED, stops: "the same over IPv6" },
  { id: "E4", reason: Reason.EGRESS_MTU, stops: "frames that the tap would refuse or cut" }
]

/** The rules that need to know what went before, or who is at the ports. */
export const rulesWithMemory: ReadonlyArray<Rule> = [
  { id: "S1", reason: Reason.SRC_MAC_CONFLICT, stops: "taking the MAC of a guest, or of a station behind the host" },
  { id: "S3", reason: Reason.MAC_LIMIT, stops: "filling the table of stations" },
  { id: "A9", reason: Reason.ARP_SPA_CONFLICT, stops: "posing as a neighbour by ARP" },
  { id: "I14", reason: Reason.IP4_SRC_CONFLICT, stops: "posing as a neighbour" },
  { id: "V9", reason: Reason.ND_TARGET_CONFLICT, stops: "answering for a neighbour's address" },
  { id: "V9", reason: Reason.IP6_SRC_CONFLICT, stops: "posing as a neighbour over IPv6" },
  { id: "B7", reason: Reason.DHCP_CLIENT_CONFLICT, stops: "taking or ending another client's lease" },
  { id: "B2", reason: Reason.IP_LIMIT, stops: "claiming the whole subnet" },
  { id: "B6", reason: Reason.STATIC_MISMATCH, stops: "taking what is bound to another user, or leaving one's own" },
  { id: "B8", reason: Reason.PROBE_CONFLICT, stops: "keeping another from every address that it asks for" },
  { id: "F3", reason: Reason.HAIRPIN, stops: "sending back to where a frame came from" },
  { id: "E1", reason: Reason.ISOLATED, stops: "guests that may not talk to each other" },
  { id: "E3", reason: Reason.EGRESS_FULL, stops: "one that does not read holding up the others" },
  { id: "E5", reason: Reason.TAP_WRITE_ERROR, stops: "a tap that fails ending the switch" },
  { id: "Q1", reason: Reason.ARP_RATE, stops: "storms of ARP" },
  { id: "Q2", reason: Reason.STORM_RATE, stops: "storms of frames for everybody" },
  { id: "Q3", reason: Reason.LEARN_RATE, stops: "storms of new addresses" }
]
