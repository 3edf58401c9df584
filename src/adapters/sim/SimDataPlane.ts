import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import { DataPlane } from "../../services/DataPlane.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import type { PlaneNotice } from "../../services/PlaneNotice.ts"
import { answer } from "../../services/PlaneQuestion.ts"
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
      start: ({ listener, settings, tap, trunkListener }) =>
        Effect.gen(function*() {
          const notices = yield* Queue.unbounded<PlaneNotice>()
          const captured = Ring.make(settings.guestPorts + 1, Bounds.captureRingBytes)
          const { errno, loop: { forwarder } } = yield* Effect.acquireRelease(
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
                notify: (notice) => Queue.unsafeOffer(notices, notice),
                capture: { ring: captured, dateMs: () => Math.floor(exchange.nowMs) }
              })
              const errno = tap === undefined ? 0 : attach(forwarder, tap)
              const loop = { exchange, forwarder }
              loops.add(loop)
              return { errno, loop }
            }),
            ({ loop }) =>
              Effect.sync(() => {
                loops.delete(loop)
                loop.exchange.shutdown()
              })
          )
          if (tap !== undefined) yield* attached(tap, errno)
          return {
            notices,
            counters: forwarder.counters,
            captured,
            attachTap: (tap) => Effect.suspend(() => attached(tap, attach(forwarder, tap))),
            detachTap: Effect.sync(() => Forwarder.detachTap(forwarder)),
            ask: (question) => Effect.sync(() => Option.some(answer(forwarder, question))),
            ended: Effect.never
          }
        })
    })
  })
)

const attach = (forwarder: Forwarder.Forwarder, { handle, macAddress, mtuBytes }: Tap): number =>
  Forwarder.attachTap(forwarder, { handle, mac: macAddress, mtuBytes })

const attached = ({ interfaceName }: Tap, errno: number): Effect.Effect<void, TapError> =>
  errno === 0 ? Effect.void : Effect.fail(new TapError({ operation: "open", interfaceName, code: errnoName(errno) }))
