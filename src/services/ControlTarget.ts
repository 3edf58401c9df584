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
const tooLate = Effect.as(Effect.zipRight(Effect.sleep(Bounds.controlAnswerMs), AnswerTurn.turnOfLoop), undefined)

/**
 * What the forwarding thread replies; undefined if it does not in time: it may do yet what it was told. None if it was
 * not asked. Whoever asked goes on in a turn of the event loop of its own.
 */
export const inTime = <A>(asking: Effect.Effect<Option.Option<A>>): Effect.Effect<Option.Option<A> | undefined> =>
  Effect.zipLeft(Effect.raceFirst(asking, tooLate), AnswerTurn.next)

/** The reply of that kind; undefined if the forwarding thread does not give one in time. */
export const ask = <K extends PlaneQuestion["kind"]>(
  { plane }: Pick<RunningSwitch, "plane">,
  question: Extract<PlaneQuestion, { readonly kind: K }>
): Effect.Effect<Extract<PlaneReply, { readonly kind: K }> | undefined> =>
  Effect.map(inTime(plane.ask(question)), (reply) =>
    Option.getOrUndefined(reply ?? Option.none()) as Extract<PlaneReply, { kind: K }> | undefined)
