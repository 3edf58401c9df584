/** An attack, and what has to become of it. */
export interface AttackRow {
  /** Function in Forgeries.py. */
  readonly role: string
  /** What it sends, in words. */
  readonly frames: string
  /** Reasons under which its frames are denied: each of these, and no other. */
  readonly reasons: ReadonlyArray<string>
  /** The same where guests speak IPv6 (`--ipv6`); absent, it is not tried there. */
  readonly withIpv6?: ReadonlyArray<string>
  /** Frames of it that the policy lets anybody send, at most so many; absent, none. */
  readonly allowed?: (seconds: number) => number
}

/** What passes of a flood at a rate: a burst of two seconds' worth, then the rate. */
const rated = (perSecond: number) => (seconds: number): number => perSecond * (2 + Math.ceil(seconds))

/** A guest may have sixteen addresses of each kind; one is its own already. */
const fifteenMore = (): number => 15

/** Every attack that is carried out: on the link, by ARP, by IPv4, by DHCP, by mass. */
export const attackTable: ReadonlyArray<AttackRow> = [
  {
    role: "group_as_source",
    frames: "from the broadcast address, a group's, and zero",
    reasons: ["SRC_MAC_GROUP", "SRC_MAC_ZERO"]
  },
  {
    role: "theft_of_the_taps_mac",
    frames: "packets and ARP from the tap's MAC",
    reasons: ["SRC_MAC_TAP"]
  },
  {
    role: "theft_of_a_mac",
    frames: "packets and ARP from the victim's MAC",
    reasons: ["SRC_MAC_CONFLICT"]
  },
  {
    role: "theft_of_a_mac_by_rarp",
    frames: "RARP in the victim's name, as after a migration",
    reasons: ["ETHERTYPE_DENIED"]
  },
  {
    role: "mac_flood",
    frames: "1,000,000 packets for the victim, each from another MAC",
    reasons: ["MAC_LIMIT"],
    allowed: fifteenMore
  },
  {
    role: "spanning_tree_takeover",
    frames: "a bridge's announcement that it is the root",
    reasons: ["DST_MAC_RESERVED"]
  },
  {
    role: "snap_hiding",
    frames: "ARP, a packet, a router advertisement in LLC and SNAP, with right and wrong lengths",
    reasons: ["LLC_DENIED"]
  },
  {
    role: "vlan_hiding",
    frames: "the same behind one tag, a priority tag, two tags, a service tag",
    reasons: ["VLAN_DENIED"]
  },
  {
    role: "ipv6_router_advertisement",
    frames: "a router advertisement, plain, behind extension headers, in a fragment",
    reasons: ["IP6_DISABLED"],
    withIpv6: ["IP6_RA_DENIED", "IP6_FRAG_DENIED"]
  },
  {
    role: "ipv6_gateway_impersonation",
    frames: "neighbour advertisements of the host's address, and a packet from it",
    reasons: ["IP6_DISABLED"],
    withIpv6: ["ND_TARGET_CONFLICT", "IP6_SRC_HOST"]
  },
  {
    role: "ipv6_redirect",
    frames: "redirects to the attacker",
    reasons: ["IP6_DISABLED"],
    withIpv6: ["IP6_REDIRECT_DENIED"]
  },
  {
    role: "ipv6_group_query",
    frames: "questions to the host who listens to groups, plain, behind extension headers, in a fragment",
    reasons: ["IP6_DISABLED"],
    withIpv6: ["IP6_PROTO_DENIED"]
  },
  {
    role: "arp_poisoning_of_the_guest",
    frames: "requests and replies in the neighbour's name",
    reasons: ["ARP_SPA_CONFLICT"]
  },
  {
    role: "arp_poisoning_of_the_host",
    frames: "requests and replies in the victim's name",
    reasons: ["ARP_SPA_CONFLICT"]
  },
  {
    role: "gateway_impersonation",
    frames: "requests and replies in the host's name",
    reasons: ["ARP_SPA_HOST"]
  },
  {
    role: "arp_for_a_third_party",
    frames: "ARP whose sender MAC is another's, a group's, zero",
    reasons: ["ARP_SHA_MISMATCH"]
  },
  {
    role: "arp_reply_to_another",
    frames: "replies to one that name another as target",
    reasons: ["ARP_THA_MISMATCH"]
  },
  {
    role: "arp_storm",
    frames: "requests as fast as they are taken",
    reasons: ["ARP_RATE"],
    allowed: rated(100)
  },
  {
    role: "source_routing",
    frames: "loose and strict source route, record route, time stamp",
    reasons: ["IP4_OPTION_DENIED"]
  },
  {
    role: "overflowing_fragments",
    frames: "last fragments that end behind octet 65,535",
    reasons: ["IP4_FRAG_OVERFLOW"]
  },
  {
    role: "tiny_fragments",
    frames: "fragments that split or overwrite the TCP header",
    reasons: ["IP4_FRAG_TINY"]
  },
  {
    role: "spoofed_host",
    frames: "TCP resets and redirects from the host's address",
    reasons: ["IP4_SRC_HOST"]
  },
  {
    role: "spoofed_neighbour",
    frames: "packets and fragments from the victim's and the neighbour's address",
    reasons: ["IP4_SRC_CONFLICT"]
  },
  {
    role: "spoofed_stranger",
    frames: "packets from outside the subnet",
    reasons: ["IP4_SRC_OUTSIDE"]
  },
  {
    role: "spoofed_nobody",
    frames: "packets from 0.0.0.0, the subnet's own and its broadcast address",
    reasons: ["IP4_SRC_RESERVED", "IP4_SRC_ZERO"]
  },
  {
    role: "address_squatting",
    frames: "packets from ever more addresses of the subnet",
    reasons: ["IP_LIMIT"],
    allowed: fifteenMore
  },
  {
    role: "address_denial",
    frames: "searches for duplicates of ever more addresses of the subnet, none of which is then used",
    reasons: ["IP_LIMIT", "ARP_RATE"],
    allowed: fifteenMore
  },
  {
    role: "land",
    frames: "packets whose source is their destination",
    reasons: ["IP4_LAND"]
  },
  {
    role: "services_of_the_loopback",
    frames: "packets for 127.0.0.1, 0.0.0.0 and 240.0.0.1",
    reasons: ["IP4_DST_MARTIAN"]
  },
  {
    role: "unicast_in_broadcast",
    frames: "packets for one in frames for all and for a group",
    reasons: ["L2_L3_MISMATCH"]
  },
  {
    role: "icmp_redirect",
    frames: "redirects and router advertisements",
    reasons: ["ICMP_DENIED"]
  },
  {
    role: "rogue_dhcp_server",
    frames: "offers, acknowledgements and refusals, whole and in a fragment",
    reasons: ["DHCP_SERVER"]
  },
  {
    role: "dhcp_starvation",
    frames: "requests for 64 made-up clients",
    reasons: ["DHCP_CHADDR"]
  },
  {
    role: "dhcp_lease_theft",
    frames: "requests by the victim's client identifier, and its lease given back",
    reasons: ["DHCP_CLIENT_CONFLICT"]
  },
  {
    role: "dhcp_relay",
    frames: "requests as a relay sends them on",
    reasons: ["DHCP_RELAY"]
  },
  {
    role: "broadcast_storm",
    frames: "broadcasts as fast as they are taken",
    reasons: ["STORM_RATE"],
    allowed: rated(1000)
  }
]

/** Those of IPv6, with what has to become of them where guests speak it. */
export const ipv6Table: ReadonlyArray<AttackRow> = attackTable.flatMap((row) =>
  row.withIpv6 === undefined ? [] : [{ ...row, reasons: row.withIpv6 }]
)

/** An attack's name for people. */
export const nameOf = ({ role }: AttackRow): string =>
  role.replaceAll("_", " ")
    .replace(/\b(arp|dhcp|icmp|mac|rarp|snap|vlan)\b/g, (word) => word.toUpperCase())
    .replace("ipv6", "IPv6")
    .replace("taps", "tap's")
