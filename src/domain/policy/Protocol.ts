/** The protocols inside IPv4 that rules know (IANA, "Protocol Numbers"). */
export const Protocol = { ICMP: 1, TCP: 6, UDP: 17 } as const
