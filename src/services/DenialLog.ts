import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import { Column, type Counters, ROW } from "../domain/Counters.ts"
import { Reason, reasonNames } from "../domain/Reason.ts"
import * as LogBudget from "./LogBudget.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"

/**
 * Says what is denied: a line when a port is first denied something for a reason, and then, while that goes on, one
 * in `Bounds.denialLogSeconds`. Each line has the number of frames since the one before, so that they add up to the
 * counter.
 */
export interface DenialLog {
  /** Logs the first of a row of denials. */
  readonly begin: (notice: Extract<PlaneNotice, { kind: "denied" }>) => Effect.Effect<void>
  /** Logs what followed; never ends, and needs no clock while nothing is denied. */
  readonly follow: Effect.Effect<never>
  /** A port's guest has gone, and its counters with it. */
  readonly forget: (port: number) => void
}

/** Denials of one port for one reason. */
interface Row {
  readonly port: number
  readonly reason: number
  /** Frames that lines have told of. */
  told: number
  /** When the next line may come. */
  dueMs: number
}

/** What the host sends attacks nobody, and kernels speak IPv6 unasked. */
const isHarmless = ({ port, reason }: Row): boolean => port === TAP_PORT || reason === Reason.IP6_DISABLED

/** How closely the intervals are kept. */
const tick = Duration.seconds(1)

/** Lines that one port may have at once, and a second in the long run: a tenth of what all have (`PortLog.ts`). */
const ofPort = { burst: 8, perSecond: 0.2 }

/** @param lines keeps guests that come back again and again from filling the log; what it leaves out is told later. */
export const make = (counters: Counters, lines: LogBudget.LogBudget): Effect.Effect<DenialLog> =>
  Effect.gen(function*() {
    /** So that one that is denied for everything leaves lines for others; its next guest goes on with what is left. */
    const linesOfPort = LogBudget.make(ofPort.burst, ofPort.perSecond)
    /** By port and reason, while its guest is there. */
    const rows = new Map<number, Map<number, Row>>()
    /** Those whose last line is not yet an interval old, or that have something to tell. */
    const followed = new Set<Row>()
    const anyFollowed = yield* Effect.makeLatch(false)

    const rowOf = (port: number, reason: number): Row => {
      const reasons = rows.get(port) ?? new Map<number, Row>()
      rows.set(port, reasons)
      const row = reasons.get(reason) ?? { port, reason, told: 0, dueMs: 0 }
      reasons.set(reason, row)
      return row
    }
    const tell = (row: Row, frames: number, nowMs: number): Effect.Effect<void> => {
      row.dueMs = nowMs + Bounds.denialLogSeconds * 1000
      if (linesOfPort.ask(`${row.port}`, nowMs) < 0 || lines.ask("denied", nowMs) < 0) return Effect.void
      const since = frames - row.told
      row.told = frames
      return (isHarmless(row) ? Effect.logInfo : Effect.logWarning)("frames denied").pipe(
        Effect.annotateLogs({ port: row.port, reason: reasonNames[row.reason], frames: since })
      )
    }
    const tellDue = (nowMs: number): ReadonlyArray<Effect.Effect<void>> => {
      const told: Array<Effect.Effect<void>> = []
      for (const row of followed) {
        if (nowMs < row.dueMs) continue
        const frames = counters.values[row.port * ROW + Column.denied + row.reason]!
        if (frames > row.told) told.push(tell(row, frames, nowMs))
        else followed.delete(row)
      }
      return told
    }
    const round = Effect.gen(function*() {
      yield* anyFollowed.await
      yield* Effect.sleep(tick)
      yield* Effect.all(tellDue(yield* Clock.currentTimeMillis), { discard: true })
      if (followed.size === 0) yield* anyFollowed.close
    })
    return {
      begin: ({ frames, port, reason }) =>
        Effect.gen(function*() {
          const row = rowOf(port, reason)
          if (followed.has(row)) return
          followed.add(row)
          yield* anyFollowed.open
          yield* tell(row, frames, yield* Clock.currentTimeMillis)
        }),
      follow: Effect.forever(round),
      forget: (port) => {
        rows.get(port)?.forEach((row) => followed.delete(row))
        rows.delete(port)
      }
    }
  })
