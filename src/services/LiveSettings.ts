import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PolicySettings } from "../domain/policy/PolicySettings.ts"
import type { PlaneReply } from "./PlaneQuestion.ts"
import type { RunningSwitch } from "./Switch.ts"

/** What can change while a switch runs, as it is now. Plain data: it crosses threads. */
export interface LiveSettings {
  /** What differs from the policy's defaults. */
  readonly policy: Partial<PolicySettings>
  readonly stationAgeSeconds: number
}

/**
 * Has a running switch go by other settings, from its next batch on; no connection ends by it.
 *
 * @param change  what to go by, made of what it goes by now.
 *
 * Gives what the forwarding thread replies, however long that takes; none if it was not told, and nothing changes.
 * `running.live` has the settings from when it was told: it does what it is told in its order, also when nobody waits
 * for that any more, and the next change is made of what holds then.
 */
export const configure = (
  running: Pick<RunningSwitch, "live" | "plane">,
  change: (live: LiveSettings) => LiveSettings
): Effect.Effect<Option.Option<PlaneReply>> =>
  Effect.suspend(() => {
    const before = running.live
    const settings = change(before)
    running.live = settings
    return Effect.tap(running.plane.ask({ kind: "configure", settings }), (reply) =>
      Effect.sync(() => {
        if (Option.isNone(reply) && running.live === settings) running.live = before
      }))
  })
