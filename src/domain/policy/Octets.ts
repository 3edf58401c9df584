/** Big-endian fields of a frame, as every protocol here writes them (RFC 1700, "Data Notation"). */

/** Sixteen bits at octet `at`, 0 … 65535. */
export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/** Thirty-two bits at octet `at`, unsigned: equal to what `Prefix` holds for the same address. */
export const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
