/**
 * Sums octets as the checksums of IPv4, ICMP and UDP do, RFC 1071: pairs, first octet highest, an odd last
 * octet as if a zero followed. Sums may be added up; `finish` ends them.
 *
 * @param end octet behind the last one.
 */
export const sum = (octets: Uint8Array, start: number, end: number): number => {
  let total = 0
  for (let i = start; i < end; i += 2) total += (octets[i]! << 8) | (i + 1 < end ? octets[i + 1]! : 0)
  return total
}

const fold = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return folded
}

/** The checksum to write for a sum over everything else. */
export const finish = (total: number): number => ~fold(total) & 0xffff

/** Whether a sum over everything, its checksum included, says that nothing was changed on the way. */
export const isRight = (total: number): boolean => fold(total) === 0xffff

/**
 * The checksum after one 16-bit word under it went from `before` to `after`, RFC 1624: so a part can be changed
 * where the whole is not at hand.
 */
export const update = (checksum: number, before: number, after: number): number =>
  ~fold((~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff
