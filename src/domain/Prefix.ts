/** An IPv4 address with its network, as in `10.1.0.1/24`. All are unsigned 32-bit, the first octet highest. */
export interface Prefix {
  /** The host's own address. */
  readonly address: number
  /** Bits of the network, 0 … 32. */
  readonly bits: number
  /** `bits` ones, then zeros. */
  readonly mask: number
  /** The address without its host bits. */
  readonly network: number
}

/** The mask of `bits` ones. A shift by 32 is a shift by 0, so that /0 is asked for apart. */
export const maskOf = (bits: number): number => bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0

/** @param address unsigned 32-bit. @param bits 0 … 32. */
export const make = (address: number, bits: number): Prefix => {
  const mask = maskOf(bits)
  return { address, bits, mask, network: (address & mask) >>> 0 }
}

/** Whether an unsigned 32-bit address lies in the network. */
export const contains = (prefix: Prefix, address: number): boolean =>
  ((address & prefix.mask) >>> 0) === prefix.network

/** `10.1.0.1`. */
export const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".")

/** `10.1.0.1/24`. */
export const format = (prefix: Prefix): string => `${formatAddress(prefix.address)}/${prefix.bits}`
