import * as Effect from "effect/Effect"
import { byPort } from "../domain/StationSlice.ts"
import { ask } from "./ControlTarget.ts"
import * as SharedRun from "./SharedRun.ts"
import type { RunningSwitch } from "./Switch.ts"

/** All stations, in pieces as of `StationSlice`'s `byPort`; undefined: the forwarding thread did not answer in time. */
export type StationSurvey = ReadonlyArray<Int32Array> | undefined

/**
 * Asks the forwarding thread for its stations, slice by slice; between two it forwards. Each slice has as long as an
 * answer may take.
 */
export const take = (running: Pick<RunningSwitch, "plane">): Effect.Effect<StationSurvey> =>
  Effect.gen(function*() {
    const slices: Array<Int32Array> = []
    for (let from = 0; from >= 0;) {
      const reply = yield* ask(running, { kind: "stations", from })
      if (reply === undefined) return undefined
      slices.push(reply.rows)
      from = reply.next
    }
    return byPort(slices)
  })

/** The same for many who may ask at once: it is asked for one slice at a time all the same. */
export const makeShared = (running: Pick<RunningSwitch, "plane">): Effect.Effect<StationSurvey> =>
  SharedRun.make(take(running))
