/**
 * Chance that can be repeated: one seed gives one sequence, on every machine.
 *
 * The generator keeps three words that feed each other and a counter, which makes every period at least
 * 2^32 long (the construction known as sfc32). Nothing here is fit for secrets.
 */
export interface SeededRandom {
  /** The next 32 bits, unsigned. */
  readonly next: () => number
  /** A whole number from 0 up to, not including, `n`; 0 when `n` is below 1. */
  readonly below: (n: number) => number
  /** True with probability `p`: never at 0, always at 1. */
  readonly chance: (p: number) => boolean
}

const WORD = 0x1_0000_0000

/** @param seed any integer; its lowest 32 bits count. */
export const make = (seed: number): SeededRandom => {
  let a = seed | 0
  let b = ~seed | 0
  let c = 0x6a09e667
  let counter = 1

  const next = (): number => {
    const out = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + out) | 0
    return out >>> 0
  }
  // Seeds that differ in one bit need a dozen rounds before their sequences look apart.
  for (let i = 0; i < 16; i++) next()

  return {
    next,
    below: (n) => n < 1 ? 0 : Math.floor((next() / WORD) * n),
    chance: (p) => next() / WORD < p
  }
}
