import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BridgeControl, BridgeError } from "../../services/BridgeControl.ts"
import { Addon } from "./Addon.ts"

/** Bridges of the running kernel: bridge(4) on DragonFly, bridge(8) on Linux. */
export const layer: Layer.Layer<BridgeControl, never, Addon> = Layer.effect(
  BridgeControl,
  Effect.gen(function*() {
    const addon = yield* Addon
    return BridgeControl.of({
      join: ({ bridgeName, interfaceName }) => {
        const check = (operation: BridgeError["operation"], call: () => number) =>
          Effect.suspend(() => {
            const result = call()
            return result >= 0
              ? Effect.succeed(result === 1)
              : Effect.fail(new BridgeError({ operation, bridgeName, code: addon.errnoName(-result) }))
          })
        const removeIfEmpty = Effect.sync(() => {
          if (addon.bridgeMemberCount(bridgeName) === 0) addon.bridgeDestroy(bridgeName)
        })
        return Effect.gen(function*() {
          const created = yield* Effect.acquireRelease(
            check("create", () => addon.bridgeCreate(bridgeName)),
            (created) => created ? removeIfEmpty : Effect.void
          )
          const added = yield* Effect.acquireRelease(
            check("add to", () => addon.bridgeAdd(bridgeName, interfaceName)),
            (added) => added ? Effect.sync(() => addon.bridgeRemove(bridgeName, interfaceName)) : Effect.void
          )
          yield* check("bring up", () => addon.bringUp(bridgeName))
          return { bridgeName, created, alreadyMember: !added }
        })
      }
    })
  })
)
