import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BridgeControl, BridgeError, type BridgeMembership } from "../../services/BridgeControl.ts"
import { errno, errnoName } from "./Errno.ts"
import type { FaultPoint } from "./Faults.ts"
import type { SimKernel } from "./SimKernel.ts"
import { SimWorld } from "./SimWorld.ts"

type Point = Extract<FaultPoint, `bridge-${string}`>

/** Runs a step unless it is made to fail or the switch does not run as root. */
const permitted = (kernel: SimKernel, point: Point, step: () => number): number => {
  const fault = kernel.faults.consult(point)
  if (fault !== undefined) return -errno[fault]
  return kernel.credentials.uid === 0 ? step() : -errno.EPERM
}

const bringUp = (kernel: SimKernel, bridgeName: string): number => {
  const bridge = kernel.interfaces.bridge(bridgeName)
  if (bridge === undefined) return -errno.ENODEV
  bridge.up = true
  return 0
}

/** Bridges of the simulated kernel. */
export const layer: Layer.Layer<BridgeControl, never, SimWorld> = Layer.effect(
  BridgeControl,
  Effect.map(SimWorld, (kernel) =>
    BridgeControl.of({
      join: ({ bridgeName, interfaceName }) => {
        const { interfaces } = kernel
        /** True if the step changed something. */
        const check = (operation: BridgeError["operation"], point: Point, step: () => number) =>
          Effect.suspend(() => {
            const result = permitted(kernel, point, step)
            return result < 0
              ? Effect.fail(new BridgeError({ operation, bridgeName, code: errnoName(-result) }))
              : Effect.succeed(result === 1)
          })
        const leave = Effect.sync(() => interfaces.bridgeRemove(bridgeName, interfaceName))
        const removeIfEmpty = Effect.sync(() => {
          if (interfaces.bridge(bridgeName)?.members.size === 0) interfaces.remove(bridgeName)
        })
        return Effect.gen(function*() {
          const created = yield* Effect.acquireRelease(
            check("create", "bridge-create", () => interfaces.bridgeCreate(bridgeName)),
            (created) => created ? removeIfEmpty : Effect.void
          )
          const added = yield* Effect.acquireRelease(
            check("add to", "bridge-add", () => interfaces.bridgeAdd(bridgeName, interfaceName)),
            (added) => added ? leave : Effect.void
          )
          yield* check("bring up", "bridge-up", () => bringUp(kernel, bridgeName))
          return { bridgeName, created, alreadyMember: !added } satisfies BridgeMembership
        })
      }
    }))
)
