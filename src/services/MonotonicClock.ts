import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Whole milliseconds of a clock that does not run backwards, whatever becomes of the time of day. */
export const currentTimeMillis: Effect.Effect<number> = Effect.map(
  Clock.currentTimeNanos,
  (nanos) => Number(nanos / 1_000_000n)
)
