import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BridgeControl } from "../../services/BridgeControl.ts"
import { DataPlane } from "../../services/DataPlane.ts"
import type { Role } from "../../services/Estate.ts"
import { Ownership } from "../../services/Ownership.ts"
import { PidFile } from "../../services/PidFile.ts"
import { SeqpacketListener } from "../../services/SeqpacketListener.ts"
import type { Estate } from "../../services/Takeover.ts"
import { TapDevice } from "../../services/TapDevice.ts"
import { Addon } from "./Addon.ts"
import * as NativeBridgeControl from "./NativeBridgeControl.ts"
import * as NativeDataPlane from "./NativeDataPlane.ts"
import * as NativePidFile from "./NativePidFile.ts"
import * as NativeTapDevice from "./NativeTapDevice.ts"

/*
 * What a switch needs, given out of what another one had. Nothing is opened, bound or written: for all that the kernel
 * can tell, it is the same switch. A tap that is lost later is opened anew as any other.
 */

/** The descriptor of that role, or undefined. */
export const descriptorFor = ({ descriptors, inventory }: Estate, role: Role): number | undefined =>
  inventory.roles.includes(role) ? descriptors[inventory.roles.indexOf(role)] : undefined

/** @param trunkPath of the trunks' socket. @param waiting the thread that is to forward. */
export const layer = (
  estate: Estate,
  trunkPath: string | undefined,
  waiting: NativeDataPlane.WaitingThread
): Layer.Layer<TapDevice | BridgeControl | SeqpacketListener | PidFile | DataPlane, never, Addon | Ownership> =>
  Layer.mergeAll(
    tapDevice(estate),
    bridgeControl(estate),
    listener(estate, trunkPath),
    pidFile(estate),
    Layer.effect(DataPlane, Effect.map(Addon, (addon) => NativeDataPlane.make(addon, waiting)))
  )

const tapDevice = (estate: Estate) =>
  Layer.effect(
    TapDevice,
    Effect.gen(function*() {
      const addon = yield* Addon
      const native = NativeTapDevice.make(addon)
      const handle = descriptorFor(estate, "tap")
      let left = estate.inventory.tap
      return TapDevice.of({
        open: (request) =>
          Effect.suspend(() => {
            const tap = left
            left = null
            if (tap === null || handle === undefined) return native.open(request)
            const there = Effect.void
            return Effect.acquireRelease(
              Effect.succeed({
                ...tap,
                handle,
                isInPlace: true,
                assign: () => there,
                assign6: () => there,
                bringUp: there
              }),
              () => Effect.sync(() => addon.closeFd(handle))
            )
          })
      })
    })
  )

const bridgeControl = (estate: Estate) =>
  Layer.effect(
    BridgeControl,
    Effect.gen(function*() {
      const addon = yield* Addon
      const ownership = yield* Ownership
      const native = NativeBridgeControl.make(addon, ownership)
      let left = estate.inventory.membership
      return BridgeControl.of({
        hasAddresses: native.hasAddresses,
        join: (request) =>
          Effect.suspend(() => {
            const membership = left
            left = null
            if (membership === null) return native.join(request)
            const { added, assigned, assigned6, bridgeName, created } = membership
            const undo = NativeBridgeControl.leaving(addon, ownership, request)
            return Effect.acquireRelease(
              Effect.succeed({ bridgeName, created, alreadyMember: !added, assigned, assigned6 }),
              () =>
                Effect.all([
                  ...(assigned6 ? [undo.unassign6] : []),
                  ...(assigned ? [undo.unassign] : []),
                  ...(added ? [undo.leave] : []),
                  ...(created ? [undo.removeIfEmpty] : [])
                ], { discard: true })
            )
          })
      })
    })
  )

const listener = (estate: Estate, trunkPath: string | undefined) =>
  Layer.effect(
    SeqpacketListener,
    Effect.gen(function*() {
      const addon = yield* Addon
      const ownership = yield* Ownership
      const { listenerNode, trunkNode } = estate.inventory
      return SeqpacketListener.of({
        probe: () => Effect.void,
        listen: ({ path }) =>
          Effect.suspend(() => {
            const isTrunk = path === trunkPath
            const handle = descriptorFor(estate, isTrunk ? "trunk-listener" : "listener") ?? -1
            const node = (isTrunk ? trunkNode : listenerNode) ?? undefined
            return Effect.acquireRelease(
              Effect.succeed({ path, handle, node }),
              () =>
                Effect.sync(() => {
                  if (ownership.held && node !== undefined) addon.unlinkSocket(path, node.device, node.inode)
                  addon.closeFd(handle)
                })
            )
          })
      })
    })
  )

/** The lock goes with the open file: it is ours as soon as we have the descriptor. */
const pidFile = (estate: Estate) =>
  Layer.effect(
    PidFile,
    Effect.gen(function*() {
      const addon = yield* Addon
      const ownership = yield* Ownership
      const handle = descriptorFor(estate, "pid-file") ?? -1
      return PidFile.of({
        probe: () => Effect.void,
        hold: (path) =>
          Effect.acquireRelease(
            Effect.succeed(handle),
            () =>
              Effect.sync(() => {
                if (ownership.held) NativePidFile.remove(path, handle)
                addon.closeFd(handle)
              })
          )
      })
    })
  )
