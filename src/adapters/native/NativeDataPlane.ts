import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import type { SwitchSettings } from "../../domain/SwitchSettings.ts"
import { DataPlane, DataPlaneError, type RunningPlane } from "../../services/DataPlane.ts"
import * as Notices from "../../services/Notices.ts"
import { type Tap, TapError } from "../../services/TapDevice.ts"
import type { Binding } from "./Binding.ts"
import { startThread } from "./BlockedThread.ts"
import { takeThread } from "./EarlyThread.ts"
import type { AttachedTap, PlaneAnswer, PlaneCommand } from "./PlaneCommand.ts"

type Done = Extract<PlaneAnswer, { kind: "done" }>

/** A forwarding thread that makes all it needs for its settings, and then waits for a listener. */
export interface WaitingThread {
  readonly settings: SwitchSettings
  readonly counters: Counters.Counters
  readonly captured: Ring.CaptureRing
  readonly notices: Notices.Notices
  readonly ask: (command: PlaneCommand) => Effect.Effect<Done>
  /** Questions without an answer yet. */
  readonly asked: () => number
  /** It has made everything. */
  readonly begun: Effect.Effect<void>
  readonly ended: Effect.Effect<never, DataPlaneError>
}

/** Starts the thread, and returns when what takes time is done. @param settings whose sizes are those of the start. */
export const startWaiting = (
  addon: Binding,
  settings: SwitchSettings
): Effect.Effect<WaitingThread, DataPlaneError, Scope.Scope> =>
  Effect.tap(launch(addon, settings), ({ begun, ended }) => Effect.raceFirst(begun, notBegun(ended)))

/** Starts the thread and tells it to begin: what it is told next it does when it has. */
const launch = (
  addon: Binding,
  settings: SwitchSettings
): Effect.Effect<WaitingThread, DataPlaneError, Scope.Scope> =>
  Effect.gen(function*() {
    const notices = yield* Notices.make(new SharedArrayBuffer(4))
    const begun = yield* Deferred.make<void>()
    const ended = yield* Deferred.make<never, DataPlaneError>()
    const answers: Array<(done: Done) => void> = []
    const { tell, wake, worker } = yield* startThread<PlaneCommand>(addon, {
      start: takeThread,
      stop: { kind: "stop" }
    }).pipe(Effect.mapError((detail) => new DataPlaneError({ operation: "start", detail })))

    const fail = (detail: string) => {
      Deferred.unsafeDone(ended, Effect.fail(new DataPlaneError({ operation: "run", detail })))
    }
    worker.on("error", (cause: unknown) => fail(cause instanceof Error ? cause.message : String(cause)))
    worker.on("exit", (code) => fail(`the thread ended with ${code}`))
    worker.on("message", (answer: PlaneAnswer) => {
      if (answer.kind === "done") answers.shift()?.(answer)
      else notices.tell(answer)
    })
    const post = (command: PlaneCommand, answered: (done: Done) => void) => {
      answers.push(answered)
      tell(command)
    }
    const ports = settings.guestPorts + 1
    const memory = new SharedArrayBuffer(Counters.byteLengthFor(ports))
    const captured = Ring.make(ports, Bounds.captureRingBytes)
    post(
      { kind: "begin", wake, settings, memory, captured: captured.memory, heard: notices.heard },
      () => Deferred.unsafeDone(begun, Effect.void)
    )
    return {
      settings,
      counters: Counters.make(ports, memory),
      captured,
      notices,
      ask: (command) => Effect.async((resume) => post(command, (done) => resume(Effect.succeed(done)))),
      asked: () => answers.length,
      begun: Deferred.await(begun),
      ended: Deferred.await(ended)
    }
  })

/** While a thread begins, its end is a start that failed. */
const notBegun = (ended: Effect.Effect<never, DataPlaneError>) =>
  Effect.mapError(ended, ({ detail }) => new DataPlaneError({ operation: "start", detail }))

const attachedTap = ({ handle, macAddress, mtuBytes }: Tap): AttachedTap => ({ handle, mac: macAddress, mtuBytes })

/** Makes a waiting thread the switch's; without an estate it forwards at once. */
const begin = (
  addon: Binding,
  { ask, asked, captured, counters, ended, notices }: WaitingThread,
  { inherited, listener, tap, trunkListener }: Parameters<DataPlane["Type"]["start"]>[0]
): Effect.Effect<RunningPlane, DataPlaneError | TapError> =>
  Effect.gen(function*() {
    const tapFailed = (tap: Tap, errno: number) =>
      new TapError({ operation: "open", interfaceName: tap.interfaceName, code: addon.errnoName(errno) })
    const serving = ask({
      kind: "serve",
      listener: listener.handle,
      trunkListener: trunkListener?.handle ?? -1,
      tap: tap && attachedTap(tap),
      inherited
    })
    const { errno, ofTap } = yield* Effect.raceFirst(serving, notBegun(ended))
    if (errno !== 0 && ofTap === true && tap !== undefined) return yield* tapFailed(tap, errno)
    if (errno !== 0) return yield* new DataPlaneError({ operation: "start", detail: addon.errnoName(errno) })
    return {
      notices: notices.next,
      counters,
      captured,
      attachTap: (tap) =>
        Effect.flatMap(
          ask({ kind: "attach-tap", tap: attachedTap(tap) }),
          ({ errno }) => errno === 0 ? Effect.void : Effect.fail(tapFailed(tap, errno))
        ),
      detachTap: Effect.asVoid(ask({ kind: "detach-tap" })),
      ask: (question) =>
        Effect.suspend(() =>
          asked() < Bounds.controlQuestions
            ? Effect.map(ask({ kind: "ask", question }), ({ reply }) => Option.fromNullable(reply))
            : Effect.succeedNone
        ),
      copies: (ports) => Effect.map(ask({ kind: "copy", ports }), ({ copies }) => copies ?? []),
      rest: Effect.map(ask({ kind: "rest" }), ({ estate }) => estate!),
      resume: Effect.asVoid(ask({ kind: "resume" })),
      ended
    }
  })

/**
 * The forwarding loop in a thread of its own, blocked in native code.
 *
 * @param waiting one that was started before, with the settings that it will be asked for.
 */
export const make = (addon: Binding, waiting?: WaitingThread): DataPlane["Type"] =>
  DataPlane.of({
    start: (request) =>
      Effect.flatMap(
        waiting === undefined ? launch(addon, request.settings) : Effect.succeed(waiting),
        (thread) => begin(addon, thread, request)
      )
  })
