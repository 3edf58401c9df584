import * as Effect from "effect/Effect"
import { BridgeControl, BridgeError, type BridgeRequest } from "../../services/BridgeControl.ts"
import type { Binding } from "./Binding.ts"

/** How what joining did is undone, by whoever owns the switch then. */
export const leaving = (
  addon: Binding,
  ownership: { readonly held: boolean },
  { bridgeName, interfaceName, ipv6, prefix }: BridgeRequest
) => {
  const undo = (step: () => void) => Effect.sync(() => ownership.held ? step() : undefined)
  return {
    unassign: undo(() => prefix && addon.unassignAddress(bridgeName, prefix.address, prefix.mask)),
    unassign6: undo(() => ipv6 && addon.unassignAddress6(bridgeName, ipv6.address, ipv6.bits)),
    leave: undo(() => addon.bridgeRemove(bridgeName, interfaceName)),
    removeIfEmpty: undo(() => addon.bridgeMemberCount(bridgeName) === 0 && addon.bridgeDestroy(bridgeName))
  }
}

/** Bridges of the running kernel: bridge(4) on DragonFly, bridge(8) on Linux. */
export const make = (addon: Binding, ownership: { readonly held: boolean }): BridgeControl["Type"] => {
  const hasAddresses = addon.bridgeHasAddresses() === 1
  return BridgeControl.of({
    hasAddresses,
    join: (request) => {
      const { bridgeName, interfaceName } = request
      /** True if the step changed something. */
      const check = (operation: BridgeError["operation"], call: () => number) =>
        Effect.suspend(() => {
          const result = call()
          return result >= 0
            ? Effect.succeed(result === 1)
            : Effect.fail(new BridgeError({ operation, bridgeName, code: addon.errnoName(-result) }))
        })
      const change = (operation: BridgeError["operation"], call: () => number, undo: Effect.Effect<void>) =>
        Effect.acquireRelease(check(operation, call), (changed) => changed ? undo : Effect.void)
      const undo = leaving(addon, ownership, request)
      const prefix = hasAddresses ? request.prefix : undefined
      const ipv6 = hasAddresses ? request.ipv6 : undefined
      return Effect.gen(function*() {
        const created = yield* change("create", () => addon.bridgeCreate(bridgeName), undo.removeIfEmpty)
        const added = yield* change("add to", () => addon.bridgeAdd(bridgeName, interfaceName), undo.leave)
        yield* check("bring up", () => addon.bringUp(bridgeName))
        const assigned = prefix !== undefined && (yield* change(
          "assign the address of",
          () => addon.assignAddress(bridgeName, prefix.address, prefix.mask, true),
          undo.unassign
        ))
        const assigned6 = ipv6 !== undefined && (yield* change(
          "assign the IPv6 address of",
          () => addon.assignAddress6(bridgeName, ipv6.address, ipv6.bits, true),
          undo.unassign6
        ))
        return { bridgeName, created, alreadyMember: !added, assigned, assigned6 }
      })
    }
  })
}
