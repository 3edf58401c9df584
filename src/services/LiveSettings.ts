import * as Effect from "effect/Effect"
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
 * @param ask  how to wait for the forwarding thread; undefined if it does not answer.
 *
 * Gives what `ask` does. What holds is told by `running.live`.
 */
export const configure = <E>(
  running: RunningSwitch,
  settings: LiveSettings,
  ask: (question: {
    readonly kind: "configure"
    readonly settings: LiveSettings
  }) => Effect.Effect<Extract<PlaneReply, { kind: "configure" }> | undefined, E>
): Effect.Effect<boolean, E> =>
  Effect.map(ask({ kind: "configure", settings }), (reply) => {
    if (reply === undefined) return false
    running.live = settings
    return true
  })
