import * as Either from "effect/Either"
import ipaddr from "ipaddr.js"
import type { Ipv6Prefix } from "../domain/Ipv6Prefix.ts"
import { flags } from "./Flags.ts"
import * as OptionValue from "./OptionValue.ts"

const EXAMPLE = "fd00:1::1/64"
const BITS_MIN = 8
const BITS_MAX = 128

/**
 * Reads the value of `--ipv6`: the host's address on the tap and the guests' prefix, as `fd00:1::1/64`.
 * Addresses that no host can have there are refused; a link-local one is there without being asked for.
 */
export const parseIpv6 = (text: string): OptionValue.Read<Ipv6Prefix> => {
  const refuse = (why: string) => OptionValue.refuse(flags.ipv6, text, why)
  const slash = text.indexOf("/")
  const addressText = slash === -1 ? text : text.slice(0, slash)
  const bitsText = slash === -1 ? "" : text.slice(slash + 1)
  if (!ipaddr.IPv6.isValid(addressText) || addressText.includes("%") || addressText.includes(".")) {
    return refuse(`give an IPv6 address and the bits of the prefix, as ${EXAMPLE}`)
  }
  const bits = /^[1-9][0-9]{0,2}$/.test(bitsText) ? Number(bitsText) : 0
  if (bits < BITS_MIN || bits > BITS_MAX) {
    return refuse(`the bits of the prefix must be ${BITS_MIN} to ${BITS_MAX}, as ${EXAMPLE}`)
  }
  const address = ipaddr.IPv6.parse(addressText)
  const range = address.range()
  return range === "uniqueLocal" || range === "unicast" || range === "reserved"
    ? Either.right({ address: Uint8Array.from(address.toByteArray()), bits })
    : refuse(`no host can have that ${range} address on a link; give another, as ${EXAMPLE}`)
}
