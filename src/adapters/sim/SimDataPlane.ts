import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import { DataPlane, DataPlaneError } from "../../services/DataPlane.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import * as Notices from "../../services/Notices.ts"
import { answer } from "../../services/PlaneQuestion.ts"
import * as PlaneState from "../../services/PlaneState.ts"
import * as PortLife from "../../services/PortLife.ts"
import { type Tap, TapError } from "../../services/TapDevice.ts"
import { errnoName } from "./Errno.ts"
import { SimDriver } from "./SimDriver.ts"
import { SimExchange } from "./SimExchange.ts"
import { SimWorld } from "./SimWorld.ts"

/** The forwarding loop on the simulated kernel; its turns are taken by `SimDriver`. */
export const layer: Layer.Layer<DataPlane, never, SimWorld | SimDriver> = Layer.effect(
  DataPlane,
  Effect.gen(function*() {
    const kernel = yield* SimWorld
    const { loops } = yield* SimDriver
    return DataPlane.of({
      start: ({ inherited, listener, settings, tap, trunkListener }) =>
        Effect.gen(function*() {
          const notices = yield* Notices.make(new ArrayBuffer(4))
          const captured = Ring.make(settings.guestPorts + 1, Bounds.captureRingBytes)
          const { exchange, forwarder } = yield* Effect.acquireRelease(
            Effect.sync(() => {
              const exchange = new SimExchange(kernel, {
                portCount: settings.guestPorts + 1,
                frameBytesMax: settings.frameBytesMax,
                listener: listener.handle,
                trunkListener: trunkListener?.handle ?? -1
              })
              const forwarder = Forwarder.make({
                exchange,
                settings,
                counters: Counters.make(settings.guestPorts + 1),
                notify: notices.tell,
                heard: notices.heard,
                capture: { ring: captured, dateMs: () => Math.floor(exchange.nowMs) }
              })
              const loop = { exchange, forwarder }
              loops.add(loop)
              return loop
            }),
            (loop) =>
              Effect.sync(() => {
                loops.delete(loop)
                loop.exchange.shutdown()
              })
          )
          if (inherited !== undefined) {
            const errno = PlaneState.give(forwarder, inherited.state, inherited.handles)
            if (errno !== 0) return yield* new DataPlaneError({ operation: "start", detail: errnoName(errno) })
          }
          const attachTap = (tap: Tap): Effect.Effect<void, TapError> =>
            Effect.suspend(() => {
              const { handle, interfaceName, macAddress, mtuBytes } = tap
              const errno = PortLife.attachTap(forwarder, { handle, mac: macAddress, mtuBytes })
              return errno === 0 ? Effect.void : Effect.fail(
                new TapError({ operation: "open", interfaceName, code: errnoName(errno) })
              )
            })
          if (tap !== undefined) yield* attachTap(tap)
          return {
            notices: notices.next,
            counters: forwarder.counters,
            captured,
            attachTap,
            detachTap: Effect.sync(() => PortLife.detachTap(forwarder)),
            ask: (question) => Effect.sync(() => Option.some(answer(forwarder, question))),
            // Nobody outlives the simulated kernel's only process.
            copies: (ports) => Effect.succeed(ports.map(() => -1)),
            // Between two turns of the driver the loop is always at rest.
            rest: Effect.sync(() => PlaneState.leave(forwarder, exchange)),
            resume: Effect.void,
            ended: Effect.never
          }
        })
    })
  })
)
