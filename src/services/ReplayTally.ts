import { stationOf } from "./CaptureSurvey.ts"
import { type ReplayedFrame, timeText } from "./ReplayedFrame.ts"

/** Stations of a port beyond which the rest is one row: a flood of sources is no table. */
const STATIONS_PER_PORT_MAX = 64
const OTHERS = "others"

/** Frames of one station at one port. */
export interface StationRow {
  readonly port: string
  readonly station: string
  readonly passed: number
  readonly denied: number
  /** Frames by reason, most first. */
  readonly reasons: ReadonlyArray<readonly [reason: string, frames: number]>
}

/** Frames of one reason. */
export interface ReasonRow {
  readonly reason: string
  readonly frames: number
  /** Number and time of the first. */
  readonly first: number
  readonly firstTime: string
  /** Who sent most of them. */
  readonly station: string
}

interface Count {
  readonly port: string
  readonly station: string
  passed: number
  denied: number
  readonly reasons: Map<string, number>
}

/** Adds up what became of the frames of a capture. Bounded, whatever sources it has. */
export class ReplayTally {
  readonly #counts = new Map<string, Count>()
  readonly #stationsOf = new Map<string, number>()
  readonly #firsts = new Map<string, ReplayedFrame>()
  #frames = 0
  #passed = 0
  #denied = 0
  #cut = 0
  #outbound = 0
  #firstNs: bigint | undefined
  #lastNs = 0n

  add(replayed: ReplayedFrame): void {
    const { frame, ingress, reason, skipped, tapReason } = replayed
    this.#frames++
    this.#firstNs ??= frame.timeNs
    this.#lastNs = frame.timeNs > this.#lastNs ? frame.timeNs : this.#lastNs
    if (skipped === "cut") this.#cut++
    if (skipped === "outbound") this.#outbound++
    if (skipped !== null || ingress === null) return
    const count = this.#count(ingress, stationOf(frame))
    if (reason === null) {
      count.passed++
      this.#passed++
    } else {
      count.denied++
      this.#denied++
    }
    const why = reason ?? tapReason
    if (why === null) return
    count.reasons.set(why, (count.reasons.get(why) ?? 0) + 1)
    if (!this.#firsts.has(why)) this.#firsts.set(why, replayed)
  }

  /** In one line. */
  get summary(): string {
    const seconds = Number((this.#lastNs - (this.#firstNs ?? 0n)) / 1_000_000n) / 1000
    const left = [
      ...(this.#cut === 0 ? [] : [`${this.#cut} cut when captured`]),
      ...(this.#outbound === 0 ? [] : [`${this.#outbound} outbound`])
    ]
    const skipped = left.length === 0 ? "" : `; not replayed: ${left.join(", ")}`
    return `${this.#frames} frames in ${seconds} s: ${this.#passed} passed, ${this.#denied} denied${skipped}`
  }

  /** In the order in which they first sent. */
  get stations(): ReadonlyArray<StationRow> {
    return [...this.#counts.values()].map((count) => ({ ...count, reasons: byFrames(count.reasons) }))
  }

  /** Most frames first. */
  get reasons(): ReadonlyArray<ReasonRow> {
    const sums = new Map<string, number>()
    const most = new Map<string, { readonly frames: number; readonly station: string }>()
    for (const { port, reasons, station } of this.#counts.values()) {
      for (const [reason, frames] of reasons) {
        sums.set(reason, (sums.get(reason) ?? 0) + frames)
        if (frames > (most.get(reason)?.frames ?? 0)) most.set(reason, { frames, station: `${station} at ${port}` })
      }
    }
    return byFrames(sums).map(([reason, frames]) => {
      const first = this.#firsts.get(reason)!
      return {
        reason,
        frames,
        first: first.number,
        firstTime: timeText(first.frame.timeNs),
        station: most.get(reason)!.station
      }
    })
  }

  #count(port: string, station: string): Count {
    const known = this.#counts.get(`${port} ${station}`)
    if (known !== undefined) return known
    const stations = this.#stationsOf.get(port) ?? 0
    if (stations >= STATIONS_PER_PORT_MAX && station !== OTHERS) return this.#count(port, OTHERS)
    this.#stationsOf.set(port, stations + 1)
    const count: Count = { port, station, passed: 0, denied: 0, reasons: new Map() }
    this.#counts.set(`${port} ${station}`, count)
    return count
  }
}

const byFrames = (counts: ReadonlyMap<string, number>): ReadonlyArray<readonly [string, number]> =>
  [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
