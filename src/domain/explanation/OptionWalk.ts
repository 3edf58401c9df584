/** What a walk over type-length-value options met, in order. */
export interface Option {
  readonly type: number
  /** What the length octet says. */
  readonly bytes: number
  /** False where the option is not inside. */
  readonly whole: boolean
  /** What follows type and length, if it is whole. */
  readonly content: Uint8Array
}

interface Kind {
  /** Type that ends the list; none if undefined. */
  readonly end: number | undefined
  /** Type of one octet, to be skipped. */
  readonly skip: number | undefined
  /** Octets that one of the length octet stands for. */
  readonly unit: number
  /** Octets that the length does not count. */
  readonly own: number
  readonly least: number
}

/** Options of IPv4 count their type and length octets in their length; those of DHCP do not. */
export const kinds = {
  ipv4: { end: 0, skip: 1, unit: 1, own: 0, least: 2 },
  dhcp: { end: 255, skip: 0, unit: 1, own: 2, least: 0 },
  neighbour: { end: undefined, skip: undefined, unit: 8, own: 0, least: 1 }
} as const satisfies Record<string, Kind>

export const optionsOf = (octets: Uint8Array, kind: Kind): ReadonlyArray<Option> => {
  const found: Array<Option> = []
  let rest = octets
  while (rest.length > 0 && rest[0] !== kind.end) {
    if (rest[0] === kind.skip) {
      rest = rest.slice(1)
      continue
    }
    const [type = 0, length] = rest
    const bytes = kind.own + (length ?? 0) * kind.unit
    const whole = length !== undefined && length >= kind.least && bytes <= rest.length
    found.push({ type, bytes: length ?? 0, whole, content: rest.slice(2, whole ? bytes : 2) })
    if (!whole) break
    rest = rest.slice(bytes)
  }
  return found
}
