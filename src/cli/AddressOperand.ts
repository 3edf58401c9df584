import * as Either from "effect/Either"
import ipaddr from "ipaddr.js"
import * as Prefix from "../domain/Prefix.ts"
import * as OptionValue from "./OptionValue.ts"

/**
 * Reads the operand `address/cidrbits`: the host's address on the tap and the size of the guests' subnet.
 *
 * Strict: four decimal numbers without leading zeros, a slash, 0 to 32. Addresses that no host
 * can have there are refused, with what is wrong with them; the address of the network itself is taken,
 * because systems take it.
 */
export const parseAddress = (text: string): OptionValue.Read<Prefix.Prefix> => {
  const refuse = (why: string) => OptionValue.refuse("address", text, why)
  if (text === "") return refuse("it is empty; give the host's address and the bits of the subnet, as 10.1.0.1/24")
  const slash = text.indexOf("/")
  const addressText = slash === -1 ? text : text.slice(0, slash)
  const bitsText = slash === -1 ? undefined : text.slice(slash + 1)
  if (isWord(text)) return refuse("it is neither a command (see vknetd --help) nor an address, as 10.1.0.1/24")
  if (!ipaddr.IPv4.isValidFourPartDecimal(addressText)) return refuse(explainAddress(addressText))
  if (bitsText === undefined) return refuse(`the bits of the subnet are missing; give for example ${text}/24`)
  if (!/^[0-9]+$/.test(bitsText)) return refuse("what follows the slash must be a number, 0 to 32")
  if (/^0[0-9]/.test(bitsText)) return refuse("the bits must not begin with 0; give 0 to 32")
  if (!/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(bitsText)) return refuse("the bits must be 0 to 32")
  const [a, b, c, d] = ipaddr.IPv4.parse(addressText).toByteArray() as [number, number, number, number]
  const prefix = Prefix.make(((a << 24) | (b << 16) | (c << 8) | d) >>> 0, Number(bitsText))
  const objection = objectionTo(prefix)
  return objection === undefined ? Either.right(prefix) : refuse(objection)
}

/** What looks like no address at all is the name of a command, mistyped or of another program's. */
const isWord = (text: string): boolean => /\p{L}/u.test(text) && !/[.:/]/.test(text)

const explainAddress = (addressText: string): string => {
  if (ipaddr.IPv6.isValid(addressText)) return "that is IPv6; give an IPv4 address, as 10.1.0.1/24"
  if (/(?:^|\.)0[0-9]/.test(addressText)) return "its numbers must not begin with 0; write it as 10.1.0.1/24"
  return "it must be four numbers of 0 to 255 with dots, as 10.1.0.1/24"
}

/** Why no host can have the address, RFC 1122 section 3.2.1.3, or undefined if one can. */
const objectionTo = (prefix: Prefix.Prefix): string | undefined => {
  const remedy = "give an address that a host can have, as 10.1.0.1/24"
  const first = prefix.address >>> 24
  if (prefix.address === 0) return `0.0.0.0 is nobody's address; ${remedy}`
  if (prefix.address === 0xffffffff) return `that is the broadcast address; ${remedy}`
  if (first === 0) return `addresses of 0.0.0.0/8 belong to no host; ${remedy}`
  if (first === 127) return `that is a loopback address; ${remedy}`
  if (first >= 240) return `that address is reserved; ${remedy}`
  if (first >= 224) return `that is a multicast address; ${remedy}`
  if (prefix.bits <= 30 && (prefix.address | prefix.mask) >>> 0 === 0xffffffff) {
    return `that is the broadcast address of its subnet; give another, as ${exampleIn(prefix)}`
  }
  return undefined
}

/** The first host of the subnet, or of its last 256 addresses where the first would be 0.0.0.1. */
const exampleIn = (prefix: Prefix.Prefix): string => {
  const host = prefix.bits < 8 ? (prefix.address & 0xffffff00) >>> 0 : prefix.network
  return `${Prefix.formatAddress(host + 1)}/${prefix.bits}`
}
