import type { Ipv6Prefix } from "../Ipv6Prefix.ts"
import { linkLocalOf } from "../Ipv6Prefix.ts"
import * as MacAddress from "../MacAddress.ts"
import { u32 } from "./Octets.ts"

/** What IPv6 is compared with: addresses as four unsigned 32-bit words, the first octets first. */
export interface Ipv6Policy {
  /** The host's own address. */
  readonly host: Words
  /**
   * The host's link-local address, as its kernel makes it of the tap's MAC; equal to no address without a tap. One
   * that a host makes otherwise (RFC 7217) is the tap's from the first neighbour discovery in which it is used.
   */
  readonly hostLinkLocal: Words
  /** The guests' prefix. */
  readonly network: Words
  readonly mask: Words
}

export type Words = readonly [number, number, number, number]

/** Less than 0, so that no word of an address equals it. */
const NONE = -1

/** @param tapMac undefined without a tap. */
export const make = (ipv6: Ipv6Prefix, tapMac: MacAddress.MacAddress | undefined): Ipv6Policy => {
  const host = wordsOf(ipv6.address)
  const { bits } = ipv6
  const mask: Words = [maskWord(bits), maskWord(bits - 32), maskWord(bits - 64), maskWord(bits - 96)]
  const masked = (word: 0 | 1 | 2 | 3): number => (host[word] & mask[word]) >>> 0
  const hostLinkLocal: Words = tapMac === undefined
    ? [NONE, NONE, NONE, NONE]
    : wordsOf(linkLocalOf(MacAddress.toOctets(tapMac)))
  return { host, hostLinkLocal, network: [masked(0), masked(1), masked(2), masked(3)], mask }
}

const wordsOf = (octets: Uint8Array): Words => [u32(octets, 0), u32(octets, 4), u32(octets, 8), u32(octets, 12)]

/** A word of a mask of which `bits` ones are left; a shift by 32 is a shift by 0. */
const maskWord = (bits: number): number => bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0

/** Whether the address at an octet is one of the host's own. */
export const isHosts = (policy: Ipv6Policy, bytes: Uint8Array, at: number): boolean =>
  isEqual(policy.host, bytes, at) || isEqual(policy.hostLinkLocal, bytes, at)

const isEqual = (words: Words, bytes: Uint8Array, at: number): boolean =>
  words[3] === u32(bytes, at + 12) && words[2] === u32(bytes, at + 8) &&
  words[1] === u32(bytes, at + 4) && words[0] === u32(bytes, at)

/**
 * Whether the address at an octet is one that a station of this link can have: link-local, fe80::/10, or of the
 * guests' prefix; not `::` nor `::1`, whatever the prefix; groups, ff00::/8, are in no prefix (RFC 4291, 2.4 to 2.7).
 */
export const isOfLink = ({ mask, network }: Ipv6Policy, bytes: Uint8Array, at: number): boolean => {
  const first = u32(bytes, at)
  if (first >>> 22 === 0xfe80 >> 6) return true
  const second = u32(bytes, at + 4)
  const third = u32(bytes, at + 8)
  const fourth = u32(bytes, at + 12)
  if (first === 0 && second === 0 && third === 0 && fourth <= 1) return false
  return ((first & mask[0]) >>> 0) === network[0] && ((second & mask[1]) >>> 0) === network[1] &&
    ((third & mask[2]) >>> 0) === network[2] && ((fourth & mask[3]) >>> 0) === network[3] &&
    first >>> 24 !== 0xff
}

/** Whether the address at an octet is `::`, nobody's. */
export const isNobodys = (bytes: Uint8Array, at: number): boolean =>
  u32(bytes, at) === 0 && u32(bytes, at + 4) === 0 && u32(bytes, at + 8) === 0 && u32(bytes, at + 12) === 0
