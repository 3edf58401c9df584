/**
 * A MAC address in the two integers that tables compare: `hi` is octets 0 to 3 and `lo` octets 4 and 5, each
 * read as pairs of octets in the order of this machine, so that a frame's address needs three loads and no swap.
 * `hi` is a signed 32-bit integer, `lo` is 0 … 65535.
 */
export interface MacAddress {
  readonly hi: number
  readonly lo: number
}

/** Reads an address from its six octets. */
export const fromOctets = (octets: Uint8Array, start = 0): MacAddress => {
  const own = new Uint8Array(6)
  own.set(octets.subarray(start, start + 6))
  const halves = new Uint16Array(own.buffer)
  return { hi: halves[0]! | (halves[1]! << 16), lo: halves[2]! }
}

/** The six octets of an address. */
export const toOctets = (address: MacAddress): Uint8Array =>
  new Uint8Array(Uint16Array.of(address.hi & 0xffff, address.hi >>> 16, address.lo).buffer)

/** `52:54:00:12:34:56`. */
export const format = (address: MacAddress): string =>
  Array.from(toOctets(address), (octet) => octet.toString(16).padStart(2, "0")).join(":")

/** Reads `52:54:00:12:34:56`; undefined for anything else. */
export const parse = (text: string): MacAddress | undefined => {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return fromOctets(Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16)))
}
