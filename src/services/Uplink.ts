import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Mac from "../domain/MacAddress.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { BridgeControl, type BridgeError, type BridgeMembership } from "./BridgeControl.ts"
import type { RunningPlane } from "./DataPlane.ts"
import * as Directory from "./PortDirectory.ts"
import type { SwitchRequest } from "./SwitchRequest.ts"
import { type Tap, TapDevice, type TapError } from "./TapDevice.ts"

/** A tap, and the bridge that it is in. */
export interface OpenUplink {
  readonly tap: Tap
  readonly membership: BridgeMembership | undefined
}

/** The tap with its address and its bridge: opened together, closed together, and opened anew when it was lost. */
export interface Uplink {
  readonly name: string
  readonly open: Effect.Effect<OpenUplink | undefined, TapError | BridgeError, TapDevice | BridgeControl>
  readonly latest: () => OpenUplink | undefined
  readonly close: Effect.Effect<void>
}

/**
 * The uplink lives in a scope of its own that is replaced when the tap is; the program's scope closes whichever
 * is the latest, and does so after the forwarding loop, which was started later, has ended.
 */
export const make = (request: SwitchRequest): Effect.Effect<Uplink, never, Scope.Scope> =>
  Effect.gen(function*() {
    let current: Scope.CloseableScope | undefined
    let latest: OpenUplink | undefined
    const close = Effect.suspend(() => {
      const scope = current
      current = undefined
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    })
    yield* Effect.addFinalizer(() => close)
    const open = Effect.gen(function*() {
      if (request.tapName === undefined) return undefined
      const scope = yield* Scope.make()
      current = scope
      latest = yield* openTap(request, request.tapName).pipe(Scope.extend(scope), Effect.onError(() => close))
      return latest
    })
    return { name: request.tapName ?? "", open, latest: () => latest, close }
  })

const openTap = (request: SwitchRequest, name: string) =>
  Effect.gen(function*() {
    const tap = yield* (yield* TapDevice).open({ name, offload: request.offload })
    const bridges = yield* BridgeControl
    const { bridgeName, policy: { ipv6 }, prefix } = request
    const hasAddresses = bridgeName === undefined || !bridges.hasAddresses
    if (hasAddresses && prefix !== undefined) yield* tap.assign(prefix)
    yield* tap.bringUp
    if (hasAddresses && ipv6 !== undefined) yield* tap.assign6(ipv6)
    const membership = bridgeName === undefined
      ? undefined
      : yield* bridges.join({ bridgeName, interfaceName: tap.interfaceName, prefix, ipv6 })
    // Who takes it over says so when it is done.
    if (tap.isInPlace) return { tap, membership }
    if (membership !== undefined) {
      yield* Effect.logInfo("tap joined a bridge").pipe(Effect.annotateLogs({ ...membership }))
    }
    yield* Effect.logInfo("tap opened").pipe(Effect.annotateLogs({
      tap: tap.interfaceName,
      mac: Mac.format(tap.macAddress),
      mtu: tap.mtuBytes,
      ...(prefix === undefined ? {} : { address: Prefixes.format(prefix) }),
      ...(ipv6 === undefined ? {} : { ipv6: Ipv6Prefixes.format(ipv6) })
    }))
    return { tap, membership }
  })

/** How often, and after which pauses, a lost tap is opened again: 0.1 s, doubled each time, 6.3 s in all. */
const tapRetries = Schedule.exponential(Duration.millis(100)).pipe(Schedule.intersect(Schedule.recurs(6)))

/**
 * Opens the tap again after it was lost, and joins it to the switch. Fails as the last try did if none succeeded.
 *
 * @param errno by which it was lost.
 */
export const regain = (plane: RunningPlane, uplink: Uplink, directory: Directory.PortDirectory, errno: number) =>
  Effect.gen(function*() {
    yield* Effect.logError("the tap is lost; the switch has no host side until it is back").pipe(
      Effect.annotateLogs({ tap: uplink.name, errno })
    )
    yield* plane.detachTap
    const again = Effect.gen(function*() {
      yield* uplink.close
      const tap = (yield* uplink.open)?.tap
      if (tap !== undefined) {
        Directory.noteLink(directory, tap)
        yield* plane.attachTap(tap)
        Directory.noteTap(directory, tap.interfaceName, yield* Clock.currentTimeMillis)
      }
      return tap
    }).pipe(Effect.tapError((error) => Effect.logWarning(error.message)))
    const tap = yield* Effect.retry(again, tapRetries)
    yield* Effect.logInfo("the tap is back").pipe(Effect.annotateLogs({ tap: tap?.interfaceName ?? "" }))
  })
