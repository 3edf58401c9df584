import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"
import { hits } from "./Edges.ts"
import { Features } from "./Features.ts"
import type { Target } from "./Target.ts"

/** One execution in so many is examined, whether it brought anything new or not. A power of two. */
const EXAMINED_EVERY = 128
/** So many inputs count as the latest. */
const LATEST = 32

export interface Found {
  readonly message: string
  readonly input: Uint8Array
  /** Executions before this one. */
  readonly execution: number
}

export interface EngineOptions {
  readonly target: Target
  readonly random: SeededRandom
  /** Counters in use. */
  readonly edges: number
  /** Shared with a watcher in another thread: [0] executions so far, [1] octets in `shown`. */
  readonly beat: Int32Array
  /**
   * Shared, too: where the input of execution `showAt` is put before it begins. Copying all of them would cost
   * more.
   */
  readonly shown: Uint8Array
  readonly showAt: number
  readonly found: (found: Found) => void
}

/**
 * A coverage-guided fuzzer in one thread: takes an input that brought something new, changes it, runs it, and keeps
 * it if it passes an edge that none passed, or passes one in another class of counts.
 *
 * Everything is drawn from `random`, so that one seed, one corpus and one tree give one run.
 */
export class Engine {
  readonly corpus: Array<Uint8Array> = []
  readonly features: Features
  readonly #options: EngineOptions
  readonly #scratch: Uint8Array
  executions = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.features = new Features(options.edges)
    this.#scratch = new Uint8Array(options.target.inputBytesMax)
  }

  /** Runs an input as it is, examines it and keeps it if it is new. */
  take(input: Uint8Array): void {
    const size = Math.min(input.length, this.#scratch.length)
    this.#scratch.set(input.subarray(0, size))
    this.#execute(size, true)
  }

  /** Runs so many changed inputs, or until `isOver`, which is asked now and then. */
  run(executions: number, isOver: () => boolean): void {
    const { random, target } = this.#options
    const scratch = this.#scratch
    if (this.corpus.length === 0) return
    for (let n = 0; n < executions; n++) {
      if ((n & 1023) === 0 && isOver()) return
      const parent = this.#pick()
      scratch.set(parent)
      const size = target.mutate(scratch, parent.length, this.corpus[random.below(this.corpus.length)]!, random)
      this.#execute(size, (n & (EXAMINED_EVERY - 1)) === 0)
    }
  }

  /** The smaller of two more often than not, and one of the latest every other time. */
  #pick(): Uint8Array {
    const { random } = this.#options
    const count = this.corpus.length
    const latest = (): number => count - 1 - random.below(Math.min(LATEST, count))
    const draw = (): Uint8Array => this.corpus[random.chance(0.5) ? latest() : random.below(count)]!
    const one = draw()
    if (random.chance(0.4)) return one
    const other = draw()
    return one.length <= other.length ? one : other
  }

  #execute(size: number, examined: boolean): void {
    const { beat, edges, found, showAt, shown, target } = this.#options
    const scratch = this.#scratch
    if (this.executions === showAt) {
      shown.set(scratch.subarray(0, size))
      beat[1] = size
    }
    beat[0] = this.executions
    hits.fill(0, 0, edges)
    try {
      target.execute(scratch, size)
      const fresh = this.features.note()
      if (fresh > 0) this.corpus.push(scratch.slice(0, size))
      if (fresh > 0 || examined) target.examine(scratch.slice(0, size))
    } catch (cause) {
      const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
      found({ message, input: scratch.slice(0, size), execution: this.executions })
    }
    this.executions++
  }

  /**
   * The corpus without what adds nothing: each kept input passes an edge that no smaller one passes, and is cut where
   * that takes none away. Small enough to be kept with the source; a run finds the rest again. Counts no execution.
   */
  minimised(): ReadonlyArray<Uint8Array> {
    const kept: Array<Uint8Array> = []
    const seen = new Features(this.#options.edges, false)
    for (const input of [...this.corpus].sort((a, b) => a.length - b.length)) {
      if (!this.#passes(input) || seen.note() === 0) continue
      kept.push(this.#cut(input))
    }
    return kept
  }

  #cut(input: Uint8Array): Uint8Array {
    for (const shorter of this.#options.target.shorter(input)) {
      const whole = new Features(this.#options.edges, false)
      if (!this.#passes(shorter)) continue
      whole.note()
      if (this.#passes(input) && whole.note() === 0) return this.#cut(shorter)
    }
    return input
  }

  #passes(input: Uint8Array): boolean {
    hits.fill(0, 0, this.#options.edges)
    try {
      this.#options.target.execute(input, input.length)
      return true
    } catch {
      return false
    }
  }
}
