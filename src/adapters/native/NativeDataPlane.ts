import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import { DataPlane, DataPlaneError, type RunningPlane } from "../../services/DataPlane.ts"
import type { PlaneNotice } from "../../services/PlaneNotice.ts"
import { type Tap, TapError } from "../../services/TapDevice.ts"
import { Addon } from "./Addon.ts"
import { startThread } from "./BlockedThread.ts"
import type { PlaneAnswer, PlaneCommand, PlaneStart, PlaneTap } from "./PlaneCommand.ts"

/** The forwarding loop in a thread of its own, blocked in native code. */
export const layer: Layer.Layer<DataPlane, never, Addon> = Layer.effect(
  DataPlane,
  Effect.gen(function*() {
    const addon = yield* Addon
    return DataPlane.of({
      start: ({ listener, settings, tap, trunkListener }) =>
        Effect.gen(function*() {
          const ports = settings.guestPorts + 1
          const memory = new SharedArrayBuffer(Counters.byteLengthFor(ports))
          const captured = Ring.make(ports, Bounds.captureRingBytes)
          const notices = yield* Queue.unbounded<PlaneNotice>()
          const started = yield* Deferred.make<number, DataPlaneError>()
          const ended = yield* Deferred.make<never, DataPlaneError>()
          type Done = Extract<PlaneAnswer, { kind: "done" }>
          const answers: Array<(done: Done) => void> = []
          const { tell, worker } = yield* startThread<PlaneCommand>(addon, {
            bundle: "forwarder.mjs",
            data: (wake): PlaneStart => ({
              settings,
              tap: tap === undefined ? undefined : planeTap(tap),
              listener: listener.handle,
              trunkListener: trunkListener?.handle ?? -1,
              memory,
              captured: captured.memory,
              wake
            }),
            stop: { kind: "stop" }
          }).pipe(Effect.mapError((detail) => new DataPlaneError({ operation: "start", detail })))

          const fail = (detail: string) => {
            Deferred.unsafeDone(started, Effect.fail(new DataPlaneError({ operation: "start", detail })))
            Deferred.unsafeDone(ended, Effect.fail(new DataPlaneError({ operation: "run", detail })))
          }
          worker.on("error", (cause: unknown) => fail(cause instanceof Error ? cause.message : String(cause)))
          worker.on("exit", (code) => fail(`the thread ended with ${code}`))
          worker.on("message", (answer: PlaneAnswer) => {
            if (answer.kind === "started") Deferred.unsafeDone(started, Effect.succeed(answer.errno))
            else if (answer.kind === "done") answers.shift()?.(answer)
            else Queue.unsafeOffer(notices, answer)
          })
          const attached = (tap: Tap, errno: number): Effect.Effect<void, TapError> =>
            errno === 0 ? Effect.void : Effect.fail(
              new TapError({ operation: "open", interfaceName: tap.interfaceName, code: addon.errnoName(errno) })
            )
          const errno = yield* Deferred.await(started)
          if (tap !== undefined) yield* attached(tap, errno)

          const ask = (command: PlaneCommand) =>
            Effect.async<Done>((resume) => {
              answers.push((done) => resume(Effect.succeed(done)))
              tell(command)
            })
          return {
            notices,
            counters: Counters.make(ports, memory),
            captured,
            attachTap: (tap) =>
              Effect.flatMap(ask({ kind: "attach-tap", tap: planeTap(tap) }), ({ errno }) => attached(tap, errno)),
            detachTap: Effect.asVoid(ask({ kind: "detach-tap" })),
            ask: (question) =>
              Effect.suspend(() =>
                answers.length < Bounds.controlQuestions
                  ? Effect.map(ask({ kind: "ask", question }), ({ reply }) => Option.fromNullable(reply))
                  : Effect.succeedNone
              ),
            ended: Deferred.await(ended)
          } satisfies RunningPlane
        })
    })
  })
)

const planeTap = ({ handle, macAddress, mtuBytes }: Tap): PlaneTap => ({ handle, mac: macAddress, mtuBytes })
