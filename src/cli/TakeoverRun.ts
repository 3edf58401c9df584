import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { version } from "../../package.json"
import type { Binding } from "../adapters/native/Binding.ts"
import * as Upgrade from "../adapters/native/HandoverUpgrade.ts"
import * as InheritedPorts from "../adapters/native/InheritedPorts.ts"
import * as NativeDataPlane from "../adapters/native/NativeDataPlane.ts"
import * as Channel from "../adapters/native/NativeHandoverChannel.ts"
import { controlPath } from "../services/ControlPath.ts"
import type { DataPlaneError } from "../services/DataPlane.ts"
import { Ownership } from "../services/Ownership.ts"
import { misfit } from "../services/TakeoverFit.ts"
import type { Inheritance } from "../services/Switch.ts"
import type { ControlEnds } from "../services/HandoverSource.ts"
import { settingsFor, type SwitchRequest } from "../services/SwitchRequest.ts"
import * as Takeovers from "../services/Takeover.ts"

/** A switch that is being taken over: at rest in the old process, and all of it here. */
export interface TakenSwitch {
  readonly inheritance: Inheritance
  readonly ports: ReturnType<typeof InheritedPorts.layer>
  readonly ends: ControlEnds
  readonly startedMs: number
  /** Where the service manager listens, if there is one. */
  readonly notifySocket: string | undefined
  readonly descriptorStoreMax: number
  /** Says that the switch is open. Succeeds when it is to forward. */
  readonly claim: Effect.Effect<void, Takeovers.TakeoverError>
  /** Says that it serves, and makes the system ours to put back as it was. */
  readonly confirm: Effect.Effect<void>
}

/**
 * Takes over the switch that listens at the request's path, up to where it can be opened. Everything that takes time is
 * done before the old process is asked to rest.
 *
 * @param request whose socket, tap, bridge, address and pid file have to be the running switch's.
 * @param trusted users whose process the running switch may be.
 */
export const takeOver = (
  addon: Binding,
  request: SwitchRequest,
  trusted: ReadonlyArray<number>
): Effect.Effect<TakenSwitch, Takeovers.TakeoverError | DataPlaneError, Ownership | Scope.Scope> =>
  Effect.gen(function*() {
    const { socketPath } = request
    const ownership = yield* Ownership
    const refuse = (detail: string) => new Takeovers.TakeoverError({ socketPath, detail })
    const fd = yield* Effect.mapError(Upgrade.connect(addon, controlPath(socketPath), trusted), refuse)
    const takeover = Takeovers.make(Channel.make(addon, fd), socketPath)
    const offer = yield* takeover.approach(version)
    const wrong = misfit(offer, request)
    if (wrong !== undefined) return yield* refuse(wrong)
    const waiting = yield* NativeDataPlane.startWaiting(addon, settingsFor(request, offer.tap ?? undefined))
    const estate = yield* takeover.collect
    const { descriptors, inventory, knowledge } = estate
    if (knowledge === undefined) {
      yield* Effect.logWarning("the switch that is taken over died before it had told all: stations are learned anew")
    }
    return {
      inheritance: {
        plane: {
          state: {
            ports: inventory.guests.map(({ port }) => port),
            uid: inventory.guests.map(({ uid }) => uid),
            trunks: inventory.guests.flatMap(({ port, trunk }) => trunk ? [port] : []),
            knowledge
          },
          handles: descriptors.slice(inventory.roles.length)
        },
        tapSinceMs: inventory.tap?.sinceMs ?? 0,
        guests: inventory.guests
      },
      ports: InheritedPorts.layer(estate, request.trunk?.path, waiting),
      ends: endsOf(estate),
      startedMs: inventory.startedMs,
      notifySocket: inventory.notifySocket ?? undefined,
      descriptorStoreMax: inventory.descriptorStoreMax,
      claim: takeover.claim,
      confirm: Effect.gen(function*() {
        const pidFile = InheritedPorts.descriptorFor(estate, "pid-file")
        if (pidFile !== undefined) addon.rewritePidFile(pidFile, process.pid)
        ownership.held = true
        yield* takeover.confirm(process.pid)
        const { guests, membership, tap } = inventory
        yield* Effect.logInfo("took over a running switch").pipe(
          Effect.annotateLogs({
            from: offer.pid,
            itsVersion: offer.version,
            guests: guests.length,
            ...(tap === null ? {} : { tap: tap.interfaceName }),
            ...(membership === null ? {} : { bridge: membership.bridgeName })
          })
        )
      })
    }
  })

const endsOf = (estate: Takeovers.Estate): ControlEnds => {
  const { controlNode, metrics, web } = estate.inventory
  const control = InheritedPorts.descriptorFor(estate, "control")
  const served = (role: "metrics" | "web", address: typeof metrics) => {
    const handle = InheritedPorts.descriptorFor(estate, role)
    return handle === undefined || address === null ? undefined : { ...address, handle }
  }
  return {
    control: control === undefined || controlNode === null ? undefined : { handle: control, node: controlNode },
    metrics: served("metrics", metrics),
    web: served("web", web)
  }
}
