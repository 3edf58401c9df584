import { hits, pairs } from "./Edges.ts"

/** Which of AFL's eight classes a number of passes over an edge falls in, as one bit. */
const bucketOf = (count: number): number => {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1)
  if (count < 8) return 8
  if (count < 16) return 16
  if (count < 32) return 32
  return count < 128 ? 64 : 128
}

const BUCKETS = Uint8Array.from({ length: 256 }, (_, count) => bucketOf(count))
const ONCE = new Uint8Array(256).fill(1)

/** What has been seen so far: for each edge, in which classes it was passed. */
export class Features {
  readonly #seen: Uint8Array
  readonly #buckets: Uint8Array

  /** @param fine whether how often an edge is passed counts, or only that it is. */
  constructor(edges: number, fine = true) {
    this.#seen = new Uint8Array(edges)
    this.#buckets = fine ? BUCKETS : ONCE
  }

  /** Whether an edge was passed. */
  has(edge: number): boolean {
    return this.#seen[edge] !== 0
  }

  /** Adds what the counters say of one execution; returns how many (edge, class) pairs are new. */
  note(): number {
    const seen = this.#seen
    const last = seen.length >> 1
    let fresh = 0
    for (let pair = 0; pair <= last; pair++) {
      if (pairs[pair] !== 0) fresh += this.#note(2 * pair) + this.#note(2 * pair + 1)
    }
    return fresh
  }

  #note(edge: number): number {
    const count = hits[edge]!
    if (count === 0) return 0
    const bucket = this.#buckets[Math.min(count, 255)]!
    if ((this.#seen[edge]! & bucket) !== 0) return 0
    this.#seen[edge]! |= bucket
    return 1
  }
}
