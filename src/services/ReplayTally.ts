import { type ReplayedFrame, timeText, verdictOf } from "./ReplayedFrame.ts"

/** Stations of a port beyond which the rest is one: a flood of sources is no table. */
const STATIONS_PER_PORT_MAX = 64
const OTHERS = "others"

/** Frames of one station at one port with one verdict. */
export interface VerdictRow {
  readonly port: string
  readonly station: string
  readonly verdict: string
  readonly frames: number
}

/** Frames of one reason. */
export interface ReasonRow {
  readonly reason: string
  readonly frames: number
  /** Number and time of the first. */
  readonly first: number
  readonly firstTime: string
}

/** Adds up what became of the frames of a capture. Bounded, whatever sources it has. */
export class ReplayTally {
  readonly #rows = new Map<string, { -readonly [K in keyof VerdictRow]: VerdictRow[K] }>()
  readonly #stations = new Map<string, Set<string>>()
  readonly #reasons = new Map<string, { frames: number; readonly first: ReplayedFrame }>()
  #frames = 0
  #forwarded = 0
  #denied = 0
  #firstNs: bigint | undefined
  #lastNs = 0n

  add(replayed: ReplayedFrame): void {
    const { frame, ingress, reason, skipped, station, tapReason } = replayed
    this.#frames++
    this.#firstNs ??= frame.timeNs
    if (frame.timeNs > this.#lastNs) this.#lastNs = frame.timeNs
    this.#count(ingress ?? "-", station ?? "-", verdictOf(replayed))
    if (skipped !== null) return
    if (reason === null) this.#forwarded++
    else this.#denied++
    const why = reason ?? tapReason
    if (why === null) return
    const counted = this.#reasons.get(why)
    if (counted === undefined) this.#reasons.set(why, { frames: 1, first: replayed })
    else counted.frames++
  }

  /** In one line. */
  get summary(): string {
    const seconds = Number((this.#lastNs - (this.#firstNs ?? 0n)) / 1_000_000n) / 1000
    const left = this.#frames - this.#forwarded - this.#denied
    const skipped = left === 0 ? "" : `, ${left} not replayed`
    return `${this.#frames} frames in ${seconds} s: ${this.#forwarded} forwarded, ${this.#denied} denied${skipped}`
  }

  /** By port and station, in the order in which they first met each verdict. */
  get verdicts(): ReadonlyArray<VerdictRow> {
    return [...this.#rows.values()]
  }

  /** Most frames first. */
  get reasons(): ReadonlyArray<ReasonRow> {
    return [...this.#reasons]
      .map(([reason, { first, frames }]) => ({
        reason,
        frames,
        first: first.number,
        firstTime: timeText(first.frame.timeNs)
      }))
      .sort((a, b) => b.frames - a.frames || a.first - b.first)
  }

  #count(port: string, station: string, verdict: string): void {
    const stations = this.#stations.get(port) ?? new Set()
    this.#stations.set(port, stations)
    if (stations.size < STATIONS_PER_PORT_MAX) stations.add(station)
    const who = stations.has(station) ? station : OTHERS
    const key = `${port} ${who} ${verdict}`
    const row = this.#rows.get(key)
    if (row === undefined) this.#rows.set(key, { port, station: who, verdict, frames: 1 })
    else row.frames++
  }
}
