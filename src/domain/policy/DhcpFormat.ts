/** What stands where in a DHCP message: RFC 2131, 2; RFC 2132. Octets are counted from the message's first. */

/** Octets of a UDP header (RFC 768). */
export const UDP_HEADER_BYTES = 8

export const DhcpPort = { SERVER: 67, CLIENT: 68 } as const

/** The first octet: who speaks. */
export const Boot = { REQUEST: 1, REPLY: 2 } as const

/** Of hardware addresses: their type, and their octets. */
export const ETHERNET = 1
export const MAC_BYTES = 6

export const At = {
  HARDWARE_TYPE: 1,
  HARDWARE_BYTES: 2,
  TRANSACTION: 4,
  CLIENT_ADDRESS: 12,
  YOUR_ADDRESS: 16,
  RELAY_ADDRESS: 24,
  HARDWARE_ADDRESS: 28,
  COOKIE: 236,
  OPTIONS: 240
} as const

/** Octets of BOOTP without its options (RFC 951, 3). */
export const BOOTP_BYTES_MIN = At.COOKIE

/** Says that options follow (RFC 2131, 3). */
export const COOKIE = 0x63825363

export const DhcpOption = {
  PAD: 0,
  REQUESTED_ADDRESS: 50,
  LEASE_SECONDS: 51,
  /** Options go on in other fields (RFC 2132, 9.3). No client has so many. */
  OVERLOAD: 52,
  KIND: 53,
  /** What a server knows a client by, if it is there (RFC 2131, 4.2; RFC 2132, 9.14). */
  CLIENT_IDENTIFIER: 61,
  /** RFC 3046. */
  RELAY_AGENT_INFORMATION: 82,
  END: 255
} as const

/** Octets that a client identifier has at least (RFC 2132, 9.14). */
export const IDENTIFIER_BYTES_MIN = 2

/** DHCP message types, RFC 2132 section 9.6. */
export const DhcpKind = { DISCOVER: 1, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7 } as const
