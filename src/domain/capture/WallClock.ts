/**
 * The time of day, finer than the millisecond in which Node tells it.
 *
 * A monotonic clock moves smoothly; how far it is from the time of day is learned from both readings: never less than
 * their difference, and less than a millisecond more. So the error is below a millisecond, becomes microseconds after
 * a few hundred readings, and time between two readings is the monotonic clock's own. A time of day that is set
 * is followed at once.
 */
export interface WallClock {
  /** Whole milliseconds from which the rest is counted, so that a 64-bit float still tells nanoseconds. */
  baseMs: number
  /** Of the monotonic clock to the time of day without `baseMs`. */
  offsetMs: number
  /** The last reading. */
  seconds: number
  nanoseconds: number
}

export const make = (): WallClock => ({ baseMs: 0, offsetMs: Number.NaN, seconds: 0, nanoseconds: 0 })

/** Reads it, into `seconds` since 1970 and `nanoseconds`. @param dateMs whole milliseconds of the time of day. */
export const read = (clock: WallClock, dateMs: number, monotonicMs: number): void => {
  const least = dateMs - clock.baseMs - monotonicMs
  if (!(clock.offsetMs >= least && clock.offsetMs < least + 1)) {
    // Also the first reading.
    if (!(Math.abs(least - clock.offsetMs) < 1000)) clock.baseMs = dateMs - Math.floor(monotonicMs)
    clock.offsetMs = dateMs - clock.baseMs - monotonicMs
  }
  const sinceBase = monotonicMs + clock.offsetMs
  const wholeMs = Math.floor(sinceBase)
  const ms = clock.baseMs + wholeMs
  clock.seconds = Math.floor(ms / 1000)
  clock.nanoseconds = (ms % 1000) * 1_000_000 + Math.floor((sinceBase - wholeMs) * 1_000_000)
}
