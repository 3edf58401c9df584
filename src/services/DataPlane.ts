import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { CaptureRing } from "../domain/capture/CaptureRing.ts"
import type { Counters } from "../domain/Counters.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import * as FileLimit from "./FileLimit.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"
import type { PlaneState } from "./PlaneState.ts"
import type { PlaneQuestion, PlaneReply } from "./PlaneQuestion.ts"
import type { Listener } from "./SeqpacketListener.ts"
import type { Tap, TapError } from "./TapDevice.ts"

/** The forwarding loop could not start, or ended by itself. */
export class DataPlaneError extends Data.TaggedError("DataPlaneError")<{
  readonly operation: "start" | "run"
  /** One line, or an errno symbol. */
  readonly detail: string
}> {
  override get message(): string {
    return `cannot ${this.operation} the forwarding loop: ${this.detail}${FileLimit.remedyFor(this.detail)}`
  }
}

/** What a loop knew, and the handles of its connections, in the order of `state.ports`. */
export interface PlaneEstate {
  readonly state: PlaneState
  readonly handles: ReadonlyArray<number>
}

/** A forwarding loop at work. It ends, and every guest's connection with it, when the scope that started it does. */
export interface RunningPlane {
  /** Ports that open and close, refusals, the tap's loss: in the order in which they happened. See `Notices`. */
  readonly notices: Effect.Effect<Chunk.Chunk<PlaneNotice>>
  /** Live: the loop writes, everybody may read. */
  readonly counters: Counters
  /** Frames for whoever captures; its reading side. */
  readonly captured: CaptureRing
  /** Makes another tap port 0. It must stay open until `detachTap` or the end of the loop. */
  readonly attachTap: (tap: Tap) => Effect.Effect<void, TapError>
  /** Forgets the tap; succeeds once the loop no longer touches it. */
  readonly detachTap: Effect.Effect<void>
  /**
   * Asks the loop between two of its turns. Waits as long as it takes; may be interrupted. None at once if too many
   * questions lie unanswered.
   */
  readonly ask: (question: PlaneQuestion) => Effect.Effect<Option.Option<PlaneReply>>
  /**
   * Other handles of these guests' connections, for the caller to close; negative for a port that is closed. What is
   * closed meanwhile cannot be taken for another.
   */
  readonly copies: (ports: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<number>>
  /** The loop touches nothing from now on until `resume`. Succeeds with what another loop can go on with. */
  readonly rest: Effect.Effect<PlaneEstate>
  /** The loop goes on, or begins if it was started with what another had. */
  readonly resume: Effect.Effect<void>
  /** Fails if the loop ends by itself; never succeeds. */
  readonly ended: Effect.Effect<never, DataPlaneError>
}

/** Runs the forwarding loop over a kernel: a thread blocked in native code, or the simulator's steps. */
export class DataPlane extends Context.Tag("vknetd/DataPlane")<DataPlane, {
  /** When it succeeds, the tap is port 0; it was so before the first guest was let in. */
  readonly start: (request: {
    readonly listener: Listener
    /** Whoever comes in here is a trunk. */
    readonly trunkListener: Listener | undefined
    /** As for `attachTap`; undefined: no host side. */
    readonly tap: Tap | undefined
    readonly settings: SwitchSettings
    /** What to go on with: the loop then rests until `resume`. */
    readonly inherited?: PlaneEstate | undefined
  }) => Effect.Effect<RunningPlane, DataPlaneError | TapError, Scope.Scope>
}>() {}
