import * as Effect from "effect/Effect"
import * as Mac from "../../domain/MacAddress.ts"
import { TapDevice, TapError } from "../../services/TapDevice.ts"
import type { Binding, NativeTap } from "./Binding.ts"

/**
 * Taps of the running kernel, tap(4). Needs the right to configure interfaces.
 *
 * @param adopted one that is open already, and is given out as the first.
 */
export const make = (addon: Binding, adopted?: NativeTap): TapDevice["Type"] => {
  let left = adopted
  return TapDevice.of({
    open: ({ name, offload }) =>
      Effect.gen(function*() {
        const failure = (operation: TapError["operation"], result: number) =>
          Effect.fail(new TapError({ operation, interfaceName: name, code: addon.errnoName(-result) }))
        const check = (operation: TapError["operation"], result: number) =>
          result >= 0 ? Effect.void : failure(operation, result)

        const opened = yield* Effect.acquireRelease(
          Effect.suspend(() => {
            const result = left ?? addon.openTap(name, offload)
            left = undefined
            return typeof result === "number" ? failure("open", result) : Effect.succeed(result)
          }),
          (tap) => Effect.sync(() => addon.closeFd(tap.fd))
        )
        return {
          interfaceName: opened.interfaceName,
          printedName: opened.printedName,
          macAddress: Mac.fromOctets(opened.mac),
          mtuBytes: opened.mtu,
          handle: opened.fd,
          isInPlace: false,
          assign: (prefix) =>
            Effect.suspend(() =>
              check(
                "assign the address of",
                addon.assignAddress(opened.interfaceName, prefix.address, prefix.mask, false)
              )
            ),
          assign6: ({ address, bits }) =>
            Effect.suspend(() =>
              check("assign the IPv6 address of", addon.assignAddress6(opened.interfaceName, address, bits, false))
            ),
          bringUp: Effect.suspend(() => check("bring up", addon.bringUp(opened.interfaceName)))
        }
      })
  })
}
