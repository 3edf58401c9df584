import type { Ipv6Prefix } from "./Ipv6Prefix.ts"
import { u32 } from "./policy/Octets.ts"
import * as Prefixes from "./Prefix.ts"

/**
 * An IP address of either kind: four 32-bit words, the first octets first. An IPv4 address is written as IPv6 does,
 * ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one table and one list of bindings have both. No IPv6 packet has such a
 * one.
 */
export type Words = readonly [number, number, number, number]

/** The third word of an IPv4 address; the two before it are 0. */
export const IPV4_WORD = 0xffff

/** Addresses, of IPv4 or of IPv6, that begin with the same bits; a single one is a network of 128 bits. */
export interface Network {
  /** Its first address. Unsigned, as the mask's words are. */
  readonly first: Words
  /** `bits` ones, then zeros. */
  readonly mask: Words
  /** 0 … 128; an IPv4 network has 96 and its own. */
  readonly bits: number
}

const IPV4_BITS = 96

/** The network of an IPv6 address and a prefix's bits. */
export const ofIpv6 = ({ address, bits }: Ipv6Prefix): Network => {
  const mask: Words = [maskWord(bits), maskWord(bits - 32), maskWord(bits - 64), maskWord(bits - 96)]
  const masked = (word: 0 | 1 | 2 | 3): number => (u32(address, 4 * word) & mask[word]) >>> 0
  return { first: [masked(0), masked(1), masked(2), masked(3)], mask, bits }
}

/** A word of a mask of which `bits` ones are left. */
const maskWord = (bits: number): number => Prefixes.maskOf(Math.min(32, Math.max(0, bits)))

export const ofIpv4 = ({ bits, mask, network }: Prefixes.Prefix): Network => ({
  first: [0, 0, IPV4_WORD, network],
  mask: [0xffffffff, 0xffffffff, 0xffffffff, mask],
  bits: IPV4_BITS + bits
})

/** Whether an address, its words signed or not, lies in the network. */
export const contains = ({ bits, first, mask }: Network, a: number, b: number, c: number, d: number): boolean =>
  ((a ^ first[0]) & mask[0]) === 0 && ((b ^ first[1]) & mask[1]) === 0 &&
  ((c ^ first[2]) & mask[2]) === 0 && ((d ^ first[3]) & mask[3]) === 0 &&
  // However short, an IPv6 network has no IPv4 addresses.
  (bits >= IPV4_BITS || !isIpv4(a, b, c))

/** Whether an address is of the network's kind: IPv4, IPv6 of a link alone, or other IPv6. */
export const isOfKind = ({ first }: Network, a: number, b: number, c: number): boolean =>
  isIpv4(first[0], first[1], first[2]) === isIpv4(a, b, c) && isLinkLocal(first[0]) === isLinkLocal(a)

/** Whether it is an IPv4 address, by its first three words. */
export const isIpv4 = (a: number, b: number, c: number): boolean => a === 0 && b === 0 && c === IPV4_WORD

/** Whether an IPv6 address is one of a link alone, fe80::/10, by its first word. */
export const isLinkLocal = (a: number): boolean => a >>> 22 === 0xfe80 >> 6
