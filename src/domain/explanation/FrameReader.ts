import { formatAddress } from "../Ipv6Prefix.ts"
import type { Allowances } from "../policy/Allowances.ts"
import type { SwitchSettings } from "../SwitchSettings.ts"

/** One field that a rule looked at. */
export interface Field {
  readonly name: string
  /** Octets from the start of the frame; undefined for what is no octet of it, its size. */
  readonly at: number | undefined
  /** Octets of it. */
  readonly bytes: number
  readonly value: string
}

interface Read {
  readonly name: string
  readonly at: number | undefined
  readonly bytes: number
  readonly format: (octets: Uint8Array) => string
}

/** What the rules compare a frame with. */
export interface Situation {
  readonly settings: SwitchSettings
  readonly allowances: Allowances
  readonly fromTap: boolean
  /** Whether a DHCP server may be behind the port. */
  readonly mayServe: boolean
  /** Whether the port is a trunk; not unless said. */
  readonly isTrunk?: boolean
}

const hex = (digits: number) => (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("").slice(-digits)
const decimal = (octets: Uint8Array): string => String(octets.reduce((sum, octet) => sum * 256 + octet, 0))
const macText = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":")

/**
 * A frame under a magnifying glass: it remembers which of its fields were looked at. Addresses are text, so
 * that they compare. A read beyond the end throws, which is a mistake of the one who reads.
 */
export class FrameReader {
  readonly octets: Uint8Array
  readonly situation: Situation
  readonly #view: DataView
  readonly #reads: Array<Read> = []

  constructor(octets: Uint8Array, situation: Situation) {
    this.octets = octets
    this.situation = situation
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  }

  get size(): number {
    const text = String(this.octets.length)
    this.#reads.push({ name: "size", at: undefined, bytes: 0, format: () => text })
    return this.octets.length
  }

  u8(name: string, at: number): number {
    this.#reads.push({ name, at, bytes: 1, format: decimal })
    return this.#view.getUint8(at)
  }

  u16(name: string, at: number): number {
    this.#reads.push({ name, at, bytes: 2, format: decimal })
    return this.#view.getUint16(at)
  }

  /** As `u16`, and shown as four digits: types and flags. */
  hex16(name: string, at: number): number {
    this.#reads.push({ name, at, bytes: 2, format: hex(4) })
    return this.#view.getUint16(at)
  }

  mac(name: string, at: number): string {
    return this.#text(name, at, 6, macText)
  }

  ipv4(name: string, at: number): string {
    return this.#text(name, at, 4, (octets) => octets.join("."))
  }

  ipv6(name: string, at: number): string {
    return this.#text(name, at, 16, formatAddress)
  }

  /** Octets as they are, up to `end`; shown by how many they are. */
  slice(name: string, at: number, end: number): Uint8Array {
    const slice = this.octets.slice(at, end)
    this.#reads.push({ name, at, bytes: slice.length, format: (octets) => `${octets.length} octets` })
    return slice
  }

  /** What was looked at since the last time, each field once. */
  taken(): ReadonlyArray<Field> {
    const fields = new Map<string, Field>()
    for (const { at, bytes, format, name } of this.#reads.splice(0)) {
      const value = format(at === undefined ? this.octets : this.octets.subarray(at, at + bytes))
      fields.set(`${name} ${at}`, { name, at, bytes, value })
    }
    return [...fields.values()]
  }

  #text(name: string, at: number, bytes: number, format: (octets: Uint8Array) => string): string {
    if (at + bytes > this.octets.length) throw new RangeError(`${name} is cut`)
    this.#reads.push({ name, at, bytes, format })
    return format(this.octets.subarray(at, at + bytes))
  }
}
