import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Bounds } from "../domain/Bounds.ts"
import type { PlaneQuestion, PlaneReply } from "./PlaneQuestion.ts"
import type { RunningSwitch } from "./Switch.ts"

/** The switch that the control channel is of. */
export class ControlTarget extends Context.Tag("vknetd/ControlTarget")<ControlTarget, {
  readonly running: RunningSwitch
  readonly version: string
  readonly pid: number
  readonly startedMs: number
  readonly log: {
    readonly levels: ReadonlyArray<string>
    readonly level: () => string
    /** One of `levels`. */
    readonly setLevel: (level: string) => void
  }
}>() {}

/** The reply of that kind; undefined if the forwarding thread does not give one in time. */
export const ask = <K extends PlaneQuestion["kind"]>(
  { plane }: RunningSwitch,
  question: Extract<PlaneQuestion, { readonly kind: K }>
): Effect.Effect<Extract<PlaneReply, { readonly kind: K }> | undefined> =>
  plane.ask(question).pipe(
    Effect.timeoutOption(Bounds.controlAnswerMs),
    Effect.map((reply) => Option.getOrUndefined(Option.flatten(reply)) as Extract<PlaneReply, { kind: K }> | undefined)
  )
