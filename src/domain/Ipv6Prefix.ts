/** An IPv6 address with its network, as in `fd00:1::1/64`. */
export interface Ipv6Prefix {
  /** The host's own address: sixteen octets. */
  readonly address: Uint8Array
  /** Bits of the network, 0 … 128. */
  readonly bits: number
}

const EUI64_MIDDLE = [0xff, 0xfe] as const
/** The bit of a MAC's first octet that says "locally administered"; inverted in an interface identifier. */
const LOCAL_BIT = 2

/**
 * The link-local address that a system makes of its MAC: fe80::/64 and a modified EUI-64
 * (RFC 4291, 2.5.6 and appendix A).
 *
 * @param mac six octets.
 */
export const linkLocalOf = (mac: Uint8Array): Uint8Array => {
  const [first = 0, second = 0, third = 0] = mac
  return Uint8Array.of(
    ...[0xfe, 0x80, 0, 0, 0, 0, 0, 0],
    ...[first ^ LOCAL_BIT, second, third],
    ...EUI64_MIDDLE,
    ...mac.subarray(3, 6)
  )
}

const GROUPS = 8

/** `fd00:1::1`: as RFC 5952 wants it, the longest run of zeros cut out. */
export const formatAddress = (address: Uint8Array): string => {
  const groups = Array.from({ length: GROUPS }, (_, i) => (address[2 * i]! << 8) | address[2 * i + 1]!)
  let from = 0
  let longest = 1
  for (let start = 0; start < GROUPS; start++) {
    let end = start
    while (end < GROUPS && groups[end] === 0) end++
    if (end - start > longest) {
      from = start
      longest = end - start
    }
  }
  const text = (some: ReadonlyArray<number>) => some.map((group) => group.toString(16)).join(":")
  return longest < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + longest))}`
}

/** `fd00:1::1/64`. */
export const format = (prefix: Ipv6Prefix): string => `${formatAddress(prefix.address)}/${prefix.bits}`
