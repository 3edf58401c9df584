import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Bounds } from "../domain/Bounds.ts"
import * as AnswerTurn from "./AnswerTurn.ts"
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

/** A reply is not late because this thread was busy: what has come is read before anybody is told there is none. */
const tooLate = Effect.sleep(Bounds.controlAnswerMs).pipe(
  Effect.zipRight(AnswerTurn.turnOfLoop),
  Effect.as(Option.none())
)

/**
 * The reply of that kind; undefined if the forwarding thread does not give one in time. Whoever asked goes on in a turn
 * of the event loop of its own.
 */
export const ask = <K extends PlaneQuestion["kind"]>(
  { plane }: Pick<RunningSwitch, "plane">,
  question: Extract<PlaneQuestion, { readonly kind: K }>
): Effect.Effect<Extract<PlaneReply, { readonly kind: K }> | undefined> =>
  Effect.raceFirst(plane.ask(question), tooLate).pipe(
    Effect.map((reply) => Option.getOrUndefined(reply) as Extract<PlaneReply, { kind: K }> | undefined),
    Effect.zipLeft(AnswerTurn.next)
  )
