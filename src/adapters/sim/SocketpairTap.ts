import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Bounds } from "../../domain/Bounds.ts"
import type { Ipv6Prefix } from "../../domain/Ipv6Prefix.ts"
import * as Mac from "../../domain/MacAddress.ts"
import * as Prefixes from "../../domain/Prefix.ts"
import type { Prefix } from "../../domain/Prefix.ts"
import { TapDevice, TapError } from "../../services/TapDevice.ts"
import { Addon } from "../native/Addon.ts"
import { startThread } from "../native/BlockedThread.ts"
import { startBundle } from "../native/ThreadBundle.ts"
import type { HostStart } from "./hostThread.ts"
import * as Random from "./SeededRandom.ts"

/** A locally administered address that depends on the seed alone. */
const macFor = (seed: number): Mac.MacAddress => {
  const random = Random.make(seed)
  return Mac.fromOctets(Uint8Array.of(0x02, 0x00, ...Array.from({ length: 4 }, () => random.below(256))))
}

/**
 * A tap without a kernel's: one end of a socket pair, at whose other end a simulated host answers.
 * For real guests, without privileges.
 */
export const layer = (options: {
  readonly seed: number
  /** The host's address; undefined (a pure bridge without one): there is a host, but it answers nothing of IP. */
  readonly prefix: Prefix | undefined
  /** Its IPv6 address, if it has one. */
  readonly ipv6: Ipv6Prefix | undefined
}): Layer.Layer<TapDevice, never, Addon> =>
  Layer.effect(
    TapDevice,
    Effect.gen(function*() {
      const addon = yield* Addon
      const mac = macFor(options.seed)
      const failure = (code: string) => new TapError({ operation: "open", interfaceName: "the simulated tap", code })
      return TapDevice.of({
        open: () =>
          Effect.gen(function*() {
            const [near, far] = yield* Effect.acquireRelease(
              Effect.suspend(() => {
                const ends = addon.socketPair(Bounds.sendBufferBytes)
                return typeof ends === "number"
                  ? Effect.fail(failure(addon.errnoName(-ends)))
                  : Effect.succeed(ends)
              }),
              ([end]) => Effect.sync(() => addon.closeFd(end))
            )
            yield* startThread(addon, {
              start: (wake) => {
                const prefix = options.prefix ?? Prefixes.make(0, 32)
                const host: HostStart = { mac, prefix, ipv6: options.ipv6, descriptor: far, wake }
                return startBundle("simulated-host.cjs", host)
              },
              stop: "stop"
            }).pipe(Effect.mapError(failure))
            return {
              interfaceName: "simulated",
              printedName: "simulated",
              macAddress: mac,
              mtuBytes: Bounds.mtuBytesDefault,
              handle: near,
              isInPlace: false,
              assign: () => Effect.void,
              assign6: () => Effect.void,
              bringUp: Effect.void
            }
          })
      })
    })
  )
