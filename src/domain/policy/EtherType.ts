/** What octets 12 and 13 of a frame say (IEEE 802.3, 3.2.6; IANA, "IEEE 802 Numbers"). */
export const EtherType = {
  IPV4: 0x0800,
  ARP: 0x0806,
  RARP: 0x8035,
  IPV6: 0x86dd,
  /** From here on a type; below it the length of an LLC frame, or nothing that is defined. */
  FIRST: 0x0600
} as const

/**
 * Whether a type says that a VLAN tag follows: 802.1Q, 802.1ad, and the three numbers
 * that equipment older than 802.1ad used for outer tags.
 */
export const isTag = (type: number): boolean =>
  type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200 || type === 0x9300
