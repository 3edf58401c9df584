import { Reason } from "../Reason.ts"
import { u16, u32 } from "./Octets.ts"

/** Octets of a UDP header (RFC 768). */
export const UDP_HEADER_BYTES = 8

const SERVER_PORT = 67
const CLIENT_PORT = 68
/** Octets of BOOTP without its options (RFC 951, 3). */
const BOOTP_BYTES_MIN = 236
const BOOT_REQUEST = 1
const ETHERNET = 1
const MAC_BYTES = 6
/** Says that options follow (RFC 2131, 3). */
const COOKIE = 0x63825363
const PAD = 0
const END = 255
/** Options go on in other fields (RFC 2132, 9.3). No client has so many. */
const OVERLOAD = 52
/** RFC 3046. */
const RELAY_AGENT_INFORMATION = 82

/**
 * Whether a UDP header goes from a DHCP client to a server: all that source 0.0.0.0 is good for.
 *
 * @param data octet where the header begins. @param dataBytes octets of the packet from there.
 */
export const isFromClient = (bytes: Uint8Array, data: number, dataBytes: number): boolean =>
  dataBytes >= UDP_HEADER_BYTES &&
  u16(bytes, data) === CLIENT_PORT &&
  u16(bytes, data + 2) === SERVER_PORT

/**
 * Judges a guest's UDP datagram, or the first fragment of one: DHCP only from clients, and from
 * each for itself.
 *
 * @param data octet where the UDP header begins; all of the header is there.
 * @param udpBytes its length field; inside the packet unless `more`.
 * @param more whether other fragments follow.
 * @param mayServe whether a server may be behind the port.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  data: number,
  udpBytes: number,
  more: boolean,
  mayServe: boolean
): Reason => {
  const destinationPort = u16(bytes, data + 2)
  // D1 DHCP_SERVER: a rogue server tells guests a gateway and name servers. Either port is enough.
  // RFC 2131, 4.1.
  if (!mayServe && (u16(bytes, data) === SERVER_PORT || destinationPort === CLIENT_PORT)) {
    return Reason.DHCP_SERVER
  }
  if (destinationPort !== SERVER_PORT) return Reason.PASS

  // D2 DHCP_MALFORMED: a request that hides its fields from the rules below. RFC 2131, 2.
  const message = data + UDP_HEADER_BYTES
  const end = data + udpBytes
  if (more || end - message < BOOTP_BYTES_MIN) return Reason.DHCP_MALFORMED
  if (
    bytes[message] !== BOOT_REQUEST ||
    bytes[message + 1] !== ETHERNET ||
    bytes[message + 2] !== MAC_BYTES
  ) return Reason.DHCP_MALFORMED

  // D3 DHCP_CHADDR: a guest that asks under many names uses up the server's addresses. RFC 2131, 7.
  for (let octet = 0; octet < MAC_BYTES; octet++) {
    if (bytes[message + 28 + octet] !== bytes[start + 6 + octet]) return Reason.DHCP_CHADDR
  }

  // D4 DHCP_RELAY: a forged relay asks in the name of another network. RFC 3046, 5.
  if (u32(bytes, message + 24) !== 0) return Reason.DHCP_RELAY
  return judgeOptions(bytes, message + BOOTP_BYTES_MIN, end)
}

/**
 * D4 DHCP_RELAY: the relay's own option, 82. D2 DHCP_MALFORMED: an option that is not all
 * inside, or one that hides others in the fields of names. Whichever comes first. Without the
 * cookie it is plain BOOTP (RFC 951) and has no options. RFC 2132, 2.
 *
 * @param from octet where the cookie would be. @param end octet after the datagram.
 */
const judgeOptions = (bytes: Uint8Array, from: number, end: number): Reason => {
  let at = from + 4
  if (at > end || u32(bytes, from) !== COOKIE) return Reason.PASS
  while (at < end) {
    const code = bytes[at]!
    if (code === END) return Reason.PASS
    if (code === PAD) {
      at += 1
      continue
    }
    if (at + 1 >= end) return Reason.DHCP_MALFORMED
    const next = at + 2 + bytes[at + 1]!
    if (next > end) return Reason.DHCP_MALFORMED
    if (code === RELAY_AGENT_INFORMATION) return Reason.DHCP_RELAY
    if (code === OVERLOAD) return Reason.DHCP_MALFORMED
    at = next
  }
  return Reason.PASS
}
