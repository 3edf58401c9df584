import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mac from "../../domain/MacAddress.ts"
import { TapDevice, TapError } from "../../services/TapDevice.ts"
import { errno, type ErrnoName } from "./Errno.ts"
import * as Errno from "./Errno.ts"
import type { SimKernel } from "./SimKernel.ts"
import type { SimTap } from "./SimTap.ts"
import { SimWorld } from "./SimWorld.ts"

const tapOf = (kernel: SimKernel, fd: number): SimTap | undefined => {
  const file = kernel.descriptors.get(fd)
  return file?.kind === "tap" ? file.tap : undefined
}

/** Taps of the simulated kernel. */
export const layer: Layer.Layer<TapDevice, never, SimWorld> = Layer.effect(
  TapDevice,
  Effect.map(SimWorld, (kernel) =>
    TapDevice.of({
      open: ({ name }) =>
        Effect.gen(function*() {
          const fail = (operation: TapError["operation"], code: string) =>
            Effect.fail(new TapError({ operation, interfaceName: name, code }))

          const handle = yield* Effect.acquireRelease(
            Effect.suspend(() => {
              const fd = kernel.openTap(name)
              return fd < 0 ? fail("open", Errno.errnoName(-fd)) : Effect.succeed(fd)
            }),
            (fd) => Effect.sync(() => kernel.close(fd))
          )
          const tap = tapOf(kernel, handle)
          if (tap === undefined) return yield* fail("open", Errno.errnoName(errno.EBADFD))

          /** Configures the interface unless it has gone or is made to fail. */
          const configure = (operation: TapError["operation"], fault: ErrnoName | undefined, change: () => void) => {
            if (fault !== undefined) return fail(operation, fault)
            return tap.gone ? fail(operation, "ENODEV") : Effect.sync(change)
          }
          return {
            interfaceName: tap.interfaceName,
            printedName: tap.interfaceName,
            macAddress: Mac.fromOctets(tap.mac),
            mtuBytes: tap.mtuBytes,
            handle,
            isInPlace: false,
            assign: (prefix) =>
              Effect.suspend(() =>
                configure("assign the address of", kernel.faults.consult("tap-assign"), () => {
                  const isThere = tap.addresses.some(({ address, bits }) =>
                    address === prefix.address && bits === prefix.bits
                  )
                  if (!isThere) tap.addresses.push(prefix)
                })
              ),
            assign6: (prefix) =>
              Effect.suspend(() =>
                configure("assign the IPv6 address of", kernel.faults.consult("tap-assign6"), () => tap.assign6(prefix))
              ),
            bringUp: Effect.suspend(() =>
              configure("bring up", kernel.faults.consult("tap-up"), () => {
                tap.up = true
              })
            )
          }
        })
    }))
)
