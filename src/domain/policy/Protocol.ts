/** The protocols inside IPv4 and IPv6 that rules know (IANA, "Protocol Numbers"). */
export const Protocol = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, ESP: 50, ICMPV6: 58, NO_NEXT_HEADER: 59 } as const

/** Extension headers of IPv6 that may stand in a chain (RFC 8200, 4; RFC 4302). */
export const Extension = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, AUTHENTICATION: 51, DESTINATION: 60 } as const
