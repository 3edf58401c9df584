import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { Binding, NativeTap } from "../adapters/native/Binding.ts"
import { Bounds } from "../domain/Bounds.ts"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { type DescriptorStore, readConnectionName } from "../services/DescriptorStore.ts"
import { seat, type StoredConnection } from "../services/StoredPorts.ts"
import type { Inheritance } from "../services/Switch.ts"
import type { SwitchRequest } from "../services/SwitchRequest.ts"
import type { StoredDescriptor } from "./SocketActivation.ts"

/** What of another process's switch was kept, and fits the one that is asked for. */
export interface StoredSwitch {
  /** Undefined: nobody was connected. */
  readonly inheritance: Inheritance | undefined
  readonly tap: NativeTap | undefined
}

const nothing: StoredSwitch = { inheritance: undefined, tap: undefined }

/** The name under which a tap is kept: a switch that is to have another name, address or bridge opens its own. */
export const tapNameFor = ({ bridgeName, offload, policy, prefix, tapName }: SwitchRequest): string => {
  const facts = [
    tapName,
    offload,
    bridgeName,
    prefix === undefined ? undefined : Prefixes.format(prefix),
    policy.ipv6 === undefined ? undefined : Ipv6Prefixes.format(policy.ipv6)
  ]
  return `tap-${createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 8)}`
}

/**
 * Takes what was kept. A tap that does not fit is let go before another is opened; a connection for which there is
 * no room is ended.
 *
 * @param store where it was kept; undefined: it cannot be told anything.
 */
export const adopt = (
  addon: Binding,
  stored: ReadonlyArray<StoredDescriptor>,
  request: SwitchRequest,
  store: DescriptorStore | undefined
): Effect.Effect<StoredSwitch> =>
  Effect.gen(function*() {
    if (stored.length === 0) return nothing
    const tap = adoptTap(addon, stored.filter(({ name }) => name.startsWith("tap-")), tapNameFor(request), store)
    const connections = stored.flatMap(({ fd, name }): ReadonlyArray<StoredConnection> => {
      const known = readConnectionName(name)
      if (known === undefined) return []
      const peer = addon.adoptConnection(fd)
      if (typeof peer !== "number") return [{ ...known, uid: peer[0], pid: peer[1], handle: fd }]
      addon.closeFd(fd)
      return []
    })
    const { refused, seated } = seat(connections, {
      guestPorts: request.guestPorts,
      guestPortsPerUid: request.guestPortsPerUid,
      trunkPorts: request.trunk === undefined ? 0 : Bounds.trunkPorts
    })
    for (const { handle } of refused) addon.endConnection(handle)
    yield* Effect.logInfo("went on with what the service manager kept").pipe(
      Effect.annotateLogs({ guests: seated.length, refused: refused.length, tap: tap?.interfaceName ?? "none" })
    )
    return { inheritance: seated.length === 0 ? undefined : inheritanceOf(seated), tap }
  })

const adoptTap = (
  addon: Binding,
  stored: ReadonlyArray<StoredDescriptor>,
  wanted: string,
  store: DescriptorStore | undefined
): NativeTap | undefined => {
  let tap: NativeTap | undefined
  for (const { fd, name } of stored) {
    const found = name === wanted && tap === undefined ? addon.adoptTap(fd) : -1
    if (typeof found !== "number") tap = found
    else {
      addon.closeFd(fd)
      if (name !== wanted) store?.drop(name)
    }
  }
  // While it is kept its name is not free.
  if (stored.length > 0) store?.settle()
  return tap
}

const inheritanceOf = (seated: ReadonlyArray<StoredConnection>): Inheritance => {
  const openedMs = Date.now()
  return {
    plane: {
      state: {
        ports: seated.map(({ port }) => port),
        uid: seated.map(({ uid }) => uid),
        trunks: seated.flatMap(({ port, trunk }) => trunk ? [port] : []),
        knowledge: undefined
      },
      handles: seated.map(({ handle }) => handle)
    },
    tapSinceMs: undefined,
    guests: seated.map(({ pid, port, trunk, uid }) => ({ port, uid, pid, trunk, openedMs }))
  }
}
