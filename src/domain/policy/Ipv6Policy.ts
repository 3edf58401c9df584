import type { Ipv6Prefix } from "../Ipv6Prefix.ts"
import { linkLocalOf } from "../Ipv6Prefix.ts"
import * as MacAddress from "../MacAddress.ts"
import * as Networks from "../Network.ts"
import type { Network, Words } from "../Network.ts"
import { i32 } from "./Octets.ts"

/** What IPv6 is compared with. Words are signed, but for those of the prefix. */
export interface Ipv6Policy {
  /** The host's own address. */
  readonly host: Words
  /**
   * The host's link-local address, as its kernel makes it of the MAC that it speaks from; undefined without a tap. One
   * that a host makes otherwise (RFC 7217) is the tap's from the first neighbour discovery in which it is used.
   */
  readonly hostLinkLocal: Words | undefined
  /** The guests' prefix. */
  readonly link: Network
}

/** @param hostMac undefined without a tap. */
export const make = (ipv6: Ipv6Prefix, hostMac: MacAddress.MacAddress | undefined): Ipv6Policy => {
  const hostLinkLocal = hostMac === undefined ? undefined : wordsOf(linkLocalOf(MacAddress.toOctets(hostMac)))
  return { host: wordsOf(ipv6.address), hostLinkLocal, link: Networks.ofIpv6(ipv6) }
}

const wordsOf = (octets: Uint8Array): Words => [i32(octets, 0), i32(octets, 4), i32(octets, 8), i32(octets, 12)]

/** Whether the address at an octet is one of the host's own. */
export const isHosts = (policy: Ipv6Policy, bytes: Uint8Array, at: number): boolean =>
  isEqual(policy.host, bytes, at) || (policy.hostLinkLocal !== undefined && isEqual(policy.hostLinkLocal, bytes, at))

const isEqual = (words: Words, bytes: Uint8Array, at: number): boolean =>
  words[3] === i32(bytes, at + 12) && words[2] === i32(bytes, at + 8) &&
  words[1] === i32(bytes, at + 4) && words[0] === i32(bytes, at)

/**
 * Whether the address at an octet is one that a station of this link can have: link-local, or of the guests' prefix.
 */
export const isOfLink = ({ link }: Ipv6Policy, bytes: Uint8Array, at: number): boolean =>
  Networks.isLinkLocal(i32(bytes, at)) || isHostOf(link, bytes, at)

/**
 * Whether the address at an octet is one of the network that a host can have at all: not `::` nor `::1`, no group's,
 * ff00::/8, and no IPv4 address in IPv6's form (RFC 4291, 2.4 to 2.7).
 */
export const isHostOf = (network: Network, bytes: Uint8Array, at: number): boolean => {
  const first = i32(bytes, at)
  const second = i32(bytes, at + 4)
  const third = i32(bytes, at + 8)
  const fourth = i32(bytes, at + 12)
  if (first === 0 && second === 0 && third === 0 && fourth >>> 0 <= 1) return false
  return first >>> 24 !== 0xff && !Networks.isIpv4(first, second, third) &&
    Networks.contains(network, first, second, third, fourth)
}

/** Whether the address at an octet is `::`, nobody's. */
export const isNobodys = (bytes: Uint8Array, at: number): boolean =>
  i32(bytes, at) === 0 && i32(bytes, at + 4) === 0 && i32(bytes, at + 8) === 0 && i32(bytes, at + 12) === 0
