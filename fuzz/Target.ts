import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"

/** A promise that an input broke. */
export class Finding extends Error {
  override readonly name = "Finding"
}

/** What is fuzzed: octets in, promises kept. */
export interface Target {
  /** Longest input. */
  readonly inputBytesMax: number
  /** Inputs to begin with. */
  readonly seeds: ReadonlyArray<Uint8Array>
  /** Runs `input[0 .. size)` and the checks that cost little. Throws what is found; anything thrown is a finding. */
  readonly execute: (input: Uint8Array, size: number) => void
  /** The checks that cost much, for an input that `execute` let pass. */
  readonly examine: (input: Uint8Array) => void
  /** Changes `input[0 .. size)` in place and returns its new size; `donor` is another input, to take parts from. */
  readonly mutate: (input: Uint8Array, size: number, donor: Uint8Array, random: SeededRandom) => number
  /** Inputs that are tried as shorter ones in place of this one, when a corpus is made small. */
  readonly shorter: (input: Uint8Array) => ReadonlyArray<Uint8Array>
  /** One line on what becomes of an input, for people. */
  readonly describe: (input: Uint8Array) => string
}

export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString("hex")

export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))
