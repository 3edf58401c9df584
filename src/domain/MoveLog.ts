import { Bounds } from "./Bounds.ts"

/**
 * The latest moves of stations from one port to another: who wonders why a guest's traffic comes and goes looks here.
 *
 * One row for each (address, from, to), with how often that happened and when last. When all rows are in use the one
 * that was quiet longest is used again, so that one address that two ports fight for fills two rows and no more.
 * Noting a move is a walk over the rows; it allocates nothing, for a guest may cause one with every frame.
 */
export interface MoveLog {
  /** `MOVE_WIDTH` integers a row: hi, lo, from, to, seconds. */
  readonly rows: Int32Array
  /** How often, and the number of the latest move of the row: 0 in a row that is not in use. */
  readonly count: Float64Array
  readonly latest: Float64Array
  /** Moves noted so far, those that are forgotten included. */
  total: number
}

/** One row, for people. */
export interface Move {
  readonly hi: number
  readonly lo: number
  readonly from: number
  readonly to: number
  /** Since the latest. */
  readonly ageSeconds: number
  readonly count: number
}

const MOVE_WIDTH = 5

export const make = (moves: number = Bounds.moves): MoveLog => ({
  rows: new Int32Array(moves * MOVE_WIDTH),
  count: new Float64Array(moves),
  latest: new Float64Array(moves),
  total: 0
})

/** Notes that a station known behind `from` sent from `to`. */
export const note = (log: MoveLog, hi: number, lo: number, from: number, to: number, nowSeconds: number): void => {
  const { count, latest, rows } = log
  log.total++
  let quietest = 0
  for (let row = 0, at = 0; row < latest.length; row++, at += MOVE_WIDTH) {
    const same = rows[at] === hi && rows[at + 1] === lo && rows[at + 2] === from && rows[at + 3] === to
    if (same && latest[row]! > 0) {
      count[row]! += 1
      latest[row] = log.total
      rows[at + 4] = nowSeconds
      return
    }
    if (latest[row]! < latest[quietest]!) quietest = row
  }
  const at = quietest * MOVE_WIDTH
  rows[at] = hi
  rows[at + 1] = lo
  rows[at + 2] = from
  rows[at + 3] = to
  rows[at + 4] = nowSeconds
  count[quietest] = 1
  latest[quietest] = log.total
}

/** What is remembered, the latest first. */
export const list = (log: MoveLog, nowSeconds: number): ReadonlyArray<Move> => {
  const { count, latest, rows } = log
  return Array.from(latest.keys())
    .filter((row) => latest[row]! > 0)
    .sort((a, b) => latest[b]! - latest[a]!)
    .map((row) => {
      const at = row * MOVE_WIDTH
      return {
        hi: rows[at]!,
        lo: rows[at + 1]!,
        from: rows[at + 2]!,
        to: rows[at + 3]!,
        ageSeconds: nowSeconds - rows[at + 4]!,
        count: count[row]!
      }
    })
}
