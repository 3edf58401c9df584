import { maskOf } from "../Prefix.ts"

/** A value of a filter that is an address or a network: its octets and, bit by bit, which of them count. */
export interface FilterAddress {
  readonly kind: "ipv4" | "ipv6" | "ether"
  readonly octets: Uint8Array
  readonly mask: Uint8Array
  /** Whether bits were given. */
  readonly isNet: boolean
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const MAC = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i

const octetsOf = (numbers: ReadonlyArray<number>): Uint8Array => Uint8Array.from(numbers)

/** RFC 4291, 2.2, forms 1 and 2. */
const ipv6Of = (text: string): Uint8Array | undefined => {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => half === "" ? [] : half.split(":"))
  if (groups.flat().some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const [front = [], back = []] = groups
  const left = 8 - front.length - back.length
  if (halves.length === 1 ? left !== 0 : left < 1) return undefined
  const all = [...front, ...Array<string>(left).fill("0"), ...back].map((group) => Number.parseInt(group, 16))
  return octetsOf(all.flatMap((group) => [group >>> 8, group & 0xff]))
}

const maskOctets = (bytes: number, bits: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => maskOf(Math.min(8, Math.max(0, bits - 8 * i))) >>> 24)

/** Reads `10.1.0.2`, `10.1.0.0/24`, `fd00::/64` or `52:54:00:12:34:56`; a sentence for what cannot be meant. */
export const parseFilterAddress = (text: string): FilterAddress | string => {
  const [address = "", bitsText, ...surplus] = text.split("/")
  if (surplus.length > 0) return `${text} is no network`
  if (MAC.test(address)) {
    if (bitsText !== undefined) return `${text}: a MAC address has no bits`
    const octets = octetsOf(address.split(":").map((octet) => Number.parseInt(octet, 16)))
    return { kind: "ether", octets, mask: maskOctets(6, 48), isNet: false }
  }
  const isIpv4 = IPV4.test(address)
  const octets = isIpv4 ? octetsOf(address.split(".").map(Number)) : ipv6Of(address)
  if (octets === undefined) return `${text} is no address`
  const widest = octets.length * 8
  if (bitsText !== undefined && !(/^\d{1,3}$/.test(bitsText) && Number(bitsText) <= widest)) {
    return `${text}: the bits must be 0 to ${widest}`
  }
  const mask = maskOctets(octets.length, bitsText === undefined ? widest : Number(bitsText))
  if (octets.some((octet, i) => (octet & ~mask[i]! & 0xff) !== 0)) return `${text} has bits behind the network's`
  return { kind: isIpv4 ? "ipv4" : "ipv6", octets, mask, isNet: bitsText !== undefined }
}
