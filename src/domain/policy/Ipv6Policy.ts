import type { Ipv6Prefix } from "../Ipv6Prefix.ts"
import { linkLocalOf } from "../Ipv6Prefix.ts"
import * as MacAddress from "../MacAddress.ts"
import * as Networks from "../Network.ts"
import type { Network, Words } from "../Network.ts"
import { u32 } from "./Octets.ts"

/** What IPv6 is compared with. Words are unsigned. */
export interface Ipv6Policy {
  /** The host's own address. */
  readonly host: Words
  /**
   * The host's link-local address, as its kernel makes it of the tap's MAC; equal to no address without a tap. One
   * that a host makes otherwise (RFC 7217) is the tap's from the first neighbour discovery in which it is used.
   */
  readonly hostLinkLocal: Words
  /** The guests' prefix. */
  readonly link: Network
}

/** Less than 0, so that no word of an address equals it. */
const NONE = -1

/** @param tapMac undefined without a tap. */
export const make = (ipv6: Ipv6Prefix, tapMac: MacAddress.MacAddress | undefined): Ipv6Policy => {
  const hostLinkLocal: Words = tapMac === undefined
    ? [NONE, NONE, NONE, NONE]
    : wordsOf(linkLocalOf(MacAddress.toOctets(tapMac)))
  return { host: wordsOf(ipv6.address), hostLinkLocal, link: Networks.ofIpv6(ipv6) }
}

const wordsOf = (octets: Uint8Array): Words => [u32(octets, 0), u32(octets, 4), u32(octets, 8), u32(octets, 12)]

/** Whether the address at an octet is one of the host's own. */
export const isHosts = (policy: Ipv6Policy, bytes: Uint8Array, at: number): boolean =>
  isEqual(policy.host, bytes, at) || isEqual(policy.hostLinkLocal, bytes, at)

const isEqual = (words: Words, bytes: Uint8Array, at: number): boolean =>
  words[3] === u32(bytes, at + 12) && words[2] === u32(bytes, at + 8) &&
  words[1] === u32(bytes, at + 4) && words[0] === u32(bytes, at)

/**
 * Whether the address at an octet is one that a station of this link can have: link-local, or of the guests' prefix.
 */
export const isOfLink = ({ link }: Ipv6Policy, bytes: Uint8Array, at: number): boolean =>
  Networks.isLinkLocal(u32(bytes, at)) || isHostOf(link, bytes, at)

/**
 * Whether the address at an octet is one of the network that a host can have at all: not `::` nor `::1`, no group's,
 * ff00::/8, and no IPv4 address in IPv6's form (RFC 4291, 2.4 to 2.7).
 */
export const isHostOf = (network: Network, bytes: Uint8Array, at: number): boolean => {
  const first = u32(bytes, at)
  const second = u32(bytes, at + 4)
  const third = u32(bytes, at + 8)
  const fourth = u32(bytes, at + 12)
  if (first === 0 && second === 0 && third === 0 && fourth <= 1) return false
  return first >>> 24 !== 0xff && !Networks.isIpv4(first, second, third) &&
    Networks.contains(network, first, second, third, fourth)
}

/** Whether the address at an octet is `::`, nobody's. */
export const isNobodys = (bytes: Uint8Array, at: number): boolean =>
  u32(bytes, at) === 0 && u32(bytes, at + 4) === 0 && u32(bytes, at + 8) === 0 && u32(bytes, at + 12) === 0
