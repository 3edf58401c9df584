import { Reason } from "../Reason.ts"
import {
  At, Boot, BOOTP_BYTES_MIN, COOKIE, DhcpOption, DhcpPort, ETHERNET, IDENTIFIER_BYTES_MIN, MAC_BYTES,
  UDP_HEADER_BYTES
} from "./DhcpFormat.ts"
import { i32, u16 } from "./Octets.ts"

/**
 * Whether a UDP header goes from a DHCP client to a server: all that source 0.0.0.0 is good for.
 *
 * @param data octet where the header begins. @param dataBytes octets of the packet from there.
 */
export const isFromClient = (bytes: Uint8Array, data: number, dataBytes: number): boolean =>
  dataBytes >= UDP_HEADER_BYTES &&
  u16(bytes, data) === DhcpPort.CLIENT &&
  u16(bytes, data + 2) === DhcpPort.SERVER

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
  if (!mayServe && (u16(bytes, data) === DhcpPort.SERVER || destinationPort === DhcpPort.CLIENT)) {
    return Reason.DHCP_SERVER
  }
  if (destinationPort !== DhcpPort.SERVER) return Reason.PASS

  // D2 DHCP_MALFORMED: a request that hides its fields from the rules below. RFC 2131, 2.
  const message = data + UDP_HEADER_BYTES
  const end = data + udpBytes
  if (more || end - message < BOOTP_BYTES_MIN) return Reason.DHCP_MALFORMED
  if (
    bytes[message] !== Boot.REQUEST ||
    bytes[message + At.HARDWARE_TYPE] !== ETHERNET ||
    bytes[message + At.HARDWARE_BYTES] !== MAC_BYTES
  ) return Reason.DHCP_MALFORMED

  // D3 DHCP_CHADDR: a guest that asks under many names uses up the server's addresses. RFC 2131, 7.
  if (!isSameMac(bytes, message + At.HARDWARE_ADDRESS, start + 6)) return Reason.DHCP_CHADDR

  // D4 DHCP_RELAY: a forged relay asks in the name of another network. RFC 3046, 5.
  if (i32(bytes, message + At.RELAY_ADDRESS) !== 0) return Reason.DHCP_RELAY
  return judgeOptions(bytes, message, end)
}

/**
 * D4 DHCP_RELAY: the relay's own option, 82. D5 DHCP_CLIENT_CONFLICT: an identifier that is
 * another's MAC. D2 DHCP_MALFORMED: an option that is not all inside, or one that hides others in
 * the fields of names, or identifiers that two servers read differently (RFC 3396, 7). Whichever
 * comes first. Without the cookie it is plain BOOTP (RFC 951) and has no options. RFC 2132, 2.
 *
 * @param message octet where BOOTP begins. @param end octet after the datagram.
 */
const judgeOptions = (bytes: Uint8Array, message: number, end: number): Reason => {
  const from = message + At.COOKIE
  const hardware = message + At.HARDWARE_ADDRESS
  let at = from + 4
  let isIdentified = false
  if (at > end || i32(bytes, from) !== COOKIE) return Reason.PASS
  while (at < end) {
    const code = bytes[at]!
    if (code === DhcpOption.END) return Reason.PASS
    if (code === DhcpOption.PAD) {
      at += 1
      continue
    }
    if (at + 1 >= end) return Reason.DHCP_MALFORMED
    const next = at + 2 + bytes[at + 1]!
    if (next > end) return Reason.DHCP_MALFORMED
    if (code === DhcpOption.RELAY_AGENT_INFORMATION) return Reason.DHCP_RELAY
    if (code === DhcpOption.OVERLOAD) return Reason.DHCP_MALFORMED
    if (code === DhcpOption.CLIENT_IDENTIFIER) {
      if (isIdentified || next - at - 2 < IDENTIFIER_BYTES_MIN) return Reason.DHCP_MALFORMED
      isIdentified = true
      if (isMac(bytes, at + 1) && !isSameMac(bytes, at + 3, hardware)) return Reason.DHCP_CLIENT_CONFLICT
    }
    at = next
  }
  return Reason.PASS
}

/** Whether an identifier is a type of hardware and a MAC, and no name. @param at octet of its length. */
const isMac = (bytes: Uint8Array, at: number): boolean => bytes[at] === 1 + MAC_BYTES && bytes[at + 1] === ETHERNET

const isSameMac = (bytes: Uint8Array, one: number, other: number): boolean => {
  for (let octet = 0; octet < MAC_BYTES; octet++) {
    if (bytes[one + octet] !== bytes[other + octet]) return false
  }
  return true
}

/**
 * Where a guest's DHCP request has the octet of the length of its client identifier, if that is a name; -1 if it is a
 * MAC, or there is none. Only for messages to a server that passed `judge`.
 *
 * @param start octet at which the frame begins.
 */
export const nameAt = (bytes: Uint8Array, start: number): number => {
  const data = start + 14 + (bytes[start + 14]! & 15) * 4
  const end = data + u16(bytes, data + 4)
  const from = data + UDP_HEADER_BYTES + At.COOKIE
  if (from + 4 > end || i32(bytes, from) !== COOKIE) return -1
  for (let at = from + 4; at < end;) {
    const code = bytes[at]!
    if (code === DhcpOption.END) return -1
    if (code === DhcpOption.CLIENT_IDENTIFIER) return isMac(bytes, at + 1) ? -1 : at + 1
    at += code === DhcpOption.PAD ? 1 : 2 + bytes[at + 1]!
  }
  return -1
}
