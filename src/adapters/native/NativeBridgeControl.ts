import * as Effect from "effect/Effect"
import { BridgeControl, BridgeError } from "../../services/BridgeControl.ts"
import type { Binding } from "./Binding.ts"

/** How what joining did is undone, by whoever owns the switch then. */
export const leaving = (
  addon: Binding,
  ownership: { readonly held: boolean },
  bridgeName: string,
  interfaceName: string
) => ({
  leave: Effect.sync(() => {
    if (ownership.held) addon.bridgeRemove(bridgeName, interfaceName)
  }),
  removeIfEmpty: Effect.sync(() => {
    if (ownership.held && addon.bridgeMemberCount(bridgeName) === 0) addon.bridgeDestroy(bridgeName)
  })
})

/** Bridges of the running kernel: bridge(4) on DragonFly, bridge(8) on Linux. */
export const make = (addon: Binding, ownership: { readonly held: boolean }): BridgeControl["Type"] =>
  BridgeControl.of({
    join: ({ bridgeName, interfaceName }) => {
      const check = (operation: BridgeError["operation"], call: () => number) =>
        Effect.suspend(() => {
          const result = call()
          return result >= 0
            ? Effect.succeed(result === 1)
            : Effect.fail(new BridgeError({ operation, bridgeName, code: addon.errnoName(-result) }))
        })
      const undo = leaving(addon, ownership, bridgeName, interfaceName)
      return Effect.gen(function*() {
        const created = yield* Effect.acquireRelease(
          check("create", () => addon.bridgeCreate(bridgeName)),
          (created) => created ? undo.removeIfEmpty : Effect.void
        )
        const added = yield* Effect.acquireRelease(
          check("add to", () => addon.bridgeAdd(bridgeName, interfaceName)),
          (added) => added ? undo.leave : Effect.void
        )
        yield* check("bring up", () => addon.bringUp(bridgeName))
        return { bridgeName, created, alreadyMember: !added }
      })
    }
  })
