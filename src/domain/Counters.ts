import type { Reason } from "./Reason.ts"
import { REASON_COUNT } from "./Reason.ts"

/**
 * What every port received, sent and lost, as 64-bit floats that another thread may read at any time.
 *
 * One row a port, and one for all ports that have closed. Two sums hold after each step:
 *
 *     received = forwarded + denied, summed over reasons        of a port as ingress, in frames
 *     offered  = sent + dropped, summed over reasons + held     of a port as egress, in copies
 *
 * A frame that floods is forwarded once and offered to many. A frame kept from its only destination is
 * denied; one kept from the tap while the rest of its flood goes on is dropped there.
 */
export interface Counters {
  readonly values: Float64Array<ArrayBufferLike>
  /** Rows, the one for closed ports included. */
  readonly rows: number
  /** Connections refused, by `Refusal`. */
  readonly refused: Float64Array<ArrayBufferLike>
  /** `[1]`: twice how many ports have closed; odd while a row is being added to that of closed ports. Wraps. */
  readonly closing: Int32Array<ArrayBufferLike>
}

/** Columns of a row; `denied` and `dropped` are followed by one column a reason. */
export const Column = {
  receivedFrames: 0,
  receivedBytes: 1,
  forwardedFrames: 2,
  offeredFrames: 3,
  sentFrames: 4,
  sentBytes: 5,
  ancillary: 6,
  denied: 8,
  dropped: 8 + REASON_COUNT
} as const

/** 64-bit floats from one row to the next: a whole number of cache lines. */
export const ROW = Math.ceil((8 + 2 * REASON_COUNT) / 8) * 8

/** Kinds of refusal. */
const REFUSALS = 4
/** Where `closing` has four octets of its own. */
const CLOSING_BYTES = 8
/** What is read over rows is read again so often at most, if ports close meanwhile. */
const READS_MAX = 8

/** Octets of the memory that `make` needs. */
export const byteLengthFor = (ports: number): number => ((ports + 1) * ROW + REFUSALS) * 8 + CLOSING_BYTES

/** @param memory at least `byteLengthFor(ports)` octets of zeros, shared or not. */
export const make = (ports: number, memory: ArrayBufferLike = new ArrayBuffer(byteLengthFor(ports))): Counters => ({
  values: new Float64Array(memory, 0, (ports + 1) * ROW),
  rows: ports + 1,
  refused: new Float64Array(memory, (ports + 1) * ROW * 8, REFUSALS),
  closing: new Int32Array(memory, ((ports + 1) * ROW + REFUSALS) * 8, 1)
})

/** Counts frames as received, and as denied or forwarded. Returns how many were denied. */
export const countIngress = (
  counters: Counters,
  port: Uint16Array<ArrayBufferLike>,
  size: Uint16Array<ArrayBufferLike>,
  reason: Uint8Array,
  count: number
): number => {
  const { values } = counters
  let denied = 0
  for (let i = 0; i < count; i++) {
    const row = port[i]! * ROW
    values[row + Column.receivedFrames]! += 1
    values[row + Column.receivedBytes]! += size[i]!
    const why = reason[i]!
    values[row + (why === 0 ? Column.forwardedFrames : Column.denied + why)]! += 1
    denied += Number(why !== 0)
  }
  return denied
}

/** Counts one copy as dropped on its way out of a port. */
export const countDrop = (counters: Counters, egress: number, reason: Reason): void => {
  counters.values[egress * ROW + Column.dropped + reason]! += 1
}

/** Adds a closed port's row to the row of all closed ports, and clears it for the next guest. */
export const retire = (counters: Counters, port: number): void => {
  const { closing, values } = counters
  const from = port * ROW
  const into = (counters.rows - 1) * ROW
  Atomics.add(closing, 0, 1)
  for (let i = 0; i < ROW; i++) values[into + i]! += values[from + i]!
  values.fill(0, from, from + ROW)
  Atomics.add(closing, 0, 1)
}

/**
 * What `read` makes of several rows, among them the one for closed ports, so that no port that closes meanwhile is in
 * it twice. It never waits: where ports close again and again, the last reading is given as it is.
 */
export const steady = <A>({ closing }: Counters, read: () => A): A => {
  for (let reads = 1;; reads++) {
    const before = Atomics.load(closing, 0)
    const made = read()
    // To add nothing is a barrier for the reads above, which a load is not.
    if (((before & 1) === 0 && Atomics.add(closing, 0, 0) === before) || reads === READS_MAX) return made
  }
}

/** The sum of a column over all ports, closed ones included. */
export const total = (counters: Counters, column: number): number => sumOver(counters, column, 1)

/** Frames lost by all ports, closed ones included. @param first `Column.denied` or `Column.dropped`. */
export const lostByAll = (counters: Counters, first: number): number => sumOver(counters, first, REASON_COUNT)

const sumOver = (counters: Counters, first: number, columns: number): number =>
  steady(counters, () => {
    let sum = 0
    for (let row = 0; row < counters.rows; row++) {
      for (let at = row * ROW + first; at < row * ROW + first + columns; at++) sum += counters.values[at]!
    }
    return sum
  })
