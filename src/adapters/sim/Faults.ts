import type { ErrnoName } from "./Errno.ts"
import type { SeededRandom } from "./SeededRandom.ts"

/**
 * Where the simulated kernel can be made to fail, and how.
 *
 * `RESET`: the guest whose frame is read dies at that moment, with what it had not read. What it sent follows.
 * `CUT`: the frame read is told to be longer than any limit. `GONE`: the interface is deleted.
 * `EAGAIN` where a frame is sent: no room at this moment, though the queue has some; a batch is thus taken in part.
 * `EMFILE`, `ENFILE` at `accept`: the waiting connection is closed. `ECONNABORTED`: it is lost without a word.
 */
export interface FaultCodes {
  readonly "accept": "EMFILE" | "ENFILE" | "ENOMEM" | "ECONNABORTED"
  readonly "socket-receive": "RESET" | "CUT"
  readonly "socket-send": "EAGAIN" | "ENOBUFS" | "EMSGSIZE"
  readonly "tap-read": "EIO" | "CUT" | "GONE"
  readonly "tap-write": "EIO" | "EAGAIN" | "ENOBUFS" | "EINVAL" | "GONE"
  readonly "tap-open": ErrnoName
  readonly "tap-assign": ErrnoName
  readonly "tap-assign6": ErrnoName
  readonly "tap-up": ErrnoName
  readonly "bridge-create": ErrnoName
  readonly "bridge-add": ErrnoName
  readonly "bridge-up": ErrnoName
  readonly "bridge-assign": ErrnoName
  readonly "bridge-assign6": ErrnoName
  readonly "listen": ErrnoName
  readonly "pid-file": ErrnoName
}

export type FaultPoint = keyof FaultCodes

interface Scripted {
  readonly code: string
  after: number
  times: number
}

interface Rate {
  readonly code: string
  readonly chance: number
}

/** The kernel asks it before each operation that could fail. Nothing above the kernel knows that it exists. */
export class Faults {
  readonly #random: SeededRandom
  readonly #scripted = new Map<FaultPoint, Array<Scripted>>()
  readonly #rates = new Map<FaultPoint, Array<Rate>>()

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /**
   * Fails the next operation at a point, or `times` of them, `after` so many have been let through. Several
   * calls for one point are served one after the other.
   */
  failNext<P extends FaultPoint>(
    point: P,
    code: FaultCodes[P],
    { after = 0, times = 1 }: { readonly after?: number; readonly times?: number } = {}
  ): void {
    const queue = this.#scripted.get(point) ?? []
    queue.push({ code, after, times })
    this.#scripted.set(point, queue)
  }

  /** From now on fails operations at a point with a probability, 0 … 1. */
  rate<P extends FaultPoint>(point: P, code: FaultCodes[P], chance: number): void {
    const others = (this.#rates.get(point) ?? []).filter((rate) => rate.code !== code)
    this.#rates.set(point, chance > 0 ? [...others, { code, chance }] : others)
  }

  /** Nothing fails any more but for the kernel's own reasons. */
  clear(): void {
    this.#scripted.clear()
    this.#rates.clear()
  }

  /** For the kernel: how this operation is to fail, or undefined. */
  consult<P extends FaultPoint>(point: P): FaultCodes[P] | undefined {
    return (this.#nextScripted(point) ?? this.#drawn(point)) as FaultCodes[P] | undefined
  }

  #nextScripted(point: FaultPoint): string | undefined {
    const queue = this.#scripted.get(point)
    const first = queue?.[0]
    if (queue === undefined || first === undefined) return undefined
    if (first.after > 0) {
      first.after--
      return undefined
    }
    if (--first.times <= 0) queue.shift()
    return first.code
  }

  #drawn(point: FaultPoint): string | undefined {
    for (const rate of this.#rates.get(point) ?? []) {
      if (this.#random.chance(rate.chance)) return rate.code
    }
    return undefined
  }
}
