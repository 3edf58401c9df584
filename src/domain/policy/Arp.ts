import { Reason } from "../Reason.ts"
import { i32, u16 } from "./Octets.ts"
import { isGuestSource, isReserved, type Policy } from "./Policy.ts"

const ETHERNET = 1
const IPV4 = 0x0800
const REQUEST = 1
const REPLY = 2
const FRAME_BYTES_MIN = 42

/**
 * Judges an ARP packet of a guest, in secure mode. Octets from 42 on are padding of any
 * length and content. The target address is free: the host may ask from any of its own.
 *
 * Offsets are those of RFC 826 for Ethernet and IPv4, behind a header of 14 octets.
 */
export const judge = (
  bytes: Uint8Array,
  halves: Uint16Array,
  start: number,
  size: number,
  policy: Policy
): Reason => {
  // A1 ARP_MALFORMED: with other lengths, the sender would be read from elsewhere than its victim
  // reads it. RFC 826, "Packet format".
  if (size < FRAME_BYTES_MIN) return Reason.ARP_MALFORMED
  if (
    u16(bytes, start + 14) !== ETHERNET ||
    u16(bytes, start + 16) !== IPV4 ||
    bytes[start + 18] !== 6 ||
    bytes[start + 19] !== 4
  ) return Reason.ARP_MALFORMED

  // A2 ARP_OP_DENIED: RARP, InARP and experiments change tables by rules of their own. RFC 5494, 2.
  const op = u16(bytes, start + 20)
  if (op !== REQUEST && op !== REPLY) return Reason.ARP_OP_DENIED

  // A3 ARP_DST_MULTICAST: poisons all who take the group, and misses what watches broadcast.
  // RFC 826, "Packet Generation".
  const group = (bytes[start]! & 1) !== 0
  if (group && !isBroadcast(halves, start)) return Reason.ARP_DST_MULTICAST

  // A4 ARP_SHA_MISMATCH: binds an address to the MAC of a third party. RFC 826, "Packet Reception".
  if (!isSameMac(halves, start + 22, start + 6)) return Reason.ARP_SHA_MISMATCH

  const sender = i32(bytes, start + 28)
  if (sender === 0) {
    // A5 ARP_SPA_ZERO: an answer in nobody's name. A request from 0.0.0.0 is a probe, and may ask
    // for the host's address too: only the host may answer. RFC 5227, 2.1.1.
    if (op === REPLY) return Reason.ARP_SPA_ZERO
  } else {
    // A6 ARP_SPA_HOST: posing as the gateway, by reply, request or announcement. RFC 5227, 2.4.
    if (sender >>> 0 === policy.hostAddress) return Reason.ARP_SPA_HOST

    // A7 ARP_SPA_OUTSIDE: poisoning for hosts behind the host, and for everybody at once.
    // RFC 1027, 2.1; RFC 1122, 3.2.1.3.
    if (!isGuestSource(policy, sender) || isReserved(policy, sender)) return Reason.ARP_SPA_OUTSIDE
  }

  // A8 ARP_THA_MISMATCH: a forged answer that reaches one guest in another's name.
  // RFC 826, "Packet Reception".
  if (op === REPLY && !group && !isSameMac(halves, start, start + 32)) {
    return Reason.ARP_THA_MISMATCH
  }

  return Reason.PASS
}

const isBroadcast = (halves: Uint16Array, start: number): boolean => {
  const half = start >> 1
  return (halves[half]! & halves[half + 1]! & halves[half + 2]!) === 0xffff
}

/** Whether the MAC addresses at two even octets are equal. */
const isSameMac = (halves: Uint16Array, one: number, other: number): boolean => {
  const left = one >> 1
  const right = other >> 1
  return halves[left] === halves[right] &&
    halves[left + 1] === halves[right + 1] &&
    halves[left + 2] === halves[right + 2]
}
