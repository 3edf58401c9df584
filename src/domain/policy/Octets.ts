/** Big-endian fields of a frame, as every protocol here writes them (RFC 1700, "Data Notation"). */

/** Sixteen bits at octet `at`, 0 … 65535. */
export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/**
 * Thirty-two bits at octet `at`, signed: a number for which V8 never makes an object, as it does for one of 2^31 or
 * more that a function returns or is given. For what is read in every frame.
 */
export const i32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** The same, unsigned: equal to what `Prefix` holds for the same address. */
export const u32 = (bytes: Uint8Array, at: number): number => i32(bytes, at) >>> 0
