import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ipv6Prefixes from "../../domain/Ipv6Prefix.ts"
import * as Prefixes from "../../domain/Prefix.ts"
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

/** 1 assigned, 0 it had it. */
const assign = (kernel: SimKernel, bridgeName: string, address: string): number => {
  const bridge = kernel.interfaces.bridge(bridgeName)
  if (bridge === undefined) return -errno.ENODEV
  if (bridge.addresses.has(address)) return 0
  bridge.addresses.add(address)
  return 1
}

/** Bridges of the simulated kernel: as Linux has them, with the host's addresses. */
export const layer: Layer.Layer<BridgeControl, never, SimWorld> = Layer.effect(
  BridgeControl,
  Effect.map(SimWorld, (kernel) =>
    BridgeControl.of({
      hasAddresses: true,
      join: ({ bridgeName, interfaceName, ipv6, prefix }) => {
        const { interfaces } = kernel
        /** True if the step changed something. */
        const check = (operation: BridgeError["operation"], point: Point, step: () => number) =>
          Effect.suspend(() => {
            const result = permitted(kernel, point, step)
            return result < 0
              ? Effect.fail(new BridgeError({ operation, bridgeName, code: errnoName(-result) }))
              : Effect.succeed(result === 1)
          })
        const change = (operation: BridgeError["operation"], point: Point, step: () => number, undo: () => void) =>
          Effect.acquireRelease(check(operation, point, step), (changed) => Effect.sync(() => changed && undo()))
        const give = (operation: BridgeError["operation"], point: Point, address: string) =>
          change(
            operation,
            point,
            () => assign(kernel, bridgeName, address),
            () => interfaces.bridge(bridgeName)?.addresses.delete(address)
          )
        const removeIfEmpty = () => {
          if (interfaces.bridge(bridgeName)?.members.size === 0) interfaces.remove(bridgeName)
        }
        return Effect.gen(function*() {
          const created = yield* change(
            "create",
            "bridge-create",
            () => interfaces.bridgeCreate(bridgeName),
            removeIfEmpty
          )
          const added = yield* change(
            "add to",
            "bridge-add",
            () => interfaces.bridgeAdd(bridgeName, interfaceName),
            () => interfaces.bridgeRemove(bridgeName, interfaceName)
          )
          yield* check("bring up", "bridge-up", () => bringUp(kernel, bridgeName))
          const assigned = prefix !== undefined
            && (yield* give("assign the address of", "bridge-assign", Prefixes.format(prefix)))
          const assigned6 = ipv6 !== undefined
            && (yield* give("assign the IPv6 address of", "bridge-assign6", Ipv6Prefixes.format(ipv6)))
          return { bridgeName, created, alreadyMember: !added, assigned, assigned6 } satisfies BridgeMembership
        })
      }
    }))
)
