import { u16 } from "./Octets.ts"

const MESSAGE_BYTES_MIN = 8
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff
const REPORT_1 = 0x12
const REPORT_2 = 0x16
const LEAVE = 0x17
const REPORT_3 = 0x22

/**
 * Whether an IPv4 packet of protocol 2 says which groups its sender listens to: a report of any version, or a leave,
 * in one piece and to a group (RFC 1112, appendix I; RFC 2236, 2.1; RFC 3376, 4.2). A query, which makes others speak,
 * is none.
 *
 * Such a message is what brings a group's traffic to a guest from behind the host, and who has no address yet sends
 * it from 0.0.0.0 (RFC 3376, 4.2.13), as a bridge that snoops does.
 *
 * @param start octet where the frame begins. I1 made sure of the header's lengths.
 */
export const isMembership = (bytes: Uint8Array, start: number): boolean => {
  const headerBytes = (bytes[start + 14]! & 15) * 4
  if (u16(bytes, start + 16) - headerBytes < MESSAGE_BYTES_MIN) return false
  if ((u16(bytes, start + 20) & MORE_FRAGMENTS_OR_OFFSET) !== 0 || bytes[start + 30]! >> 4 !== 14) return false
  const type = bytes[start + 14 + headerBytes]!
  return type === REPORT_1 || type === REPORT_2 || type === LEAVE || type === REPORT_3
}
