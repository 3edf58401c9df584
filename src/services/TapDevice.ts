import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Ipv6Prefix } from "../domain/Ipv6Prefix.ts"
import type { Prefix } from "../domain/Prefix.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import * as FileLimit from "./FileLimit.ts"
import * as HostIpv6 from "./HostIpv6.ts"

/** The tap could not be opened or configured. */
export class TapError extends Data.TaggedError("TapError")<{
  /** The step that failed. */
  readonly operation: "open" | "assign the address of" | "assign the IPv6 address of" | "bring up" | "read the state of"
  /** Interface or device as the user named it, e.g. `tap0`. */
  readonly interfaceName: string
  /** errno symbol, e.g. `EBUSY`. */
  readonly code: string
}> {
  override get message(): string {
    const what = this.interfaceName === "auto" ? "a tap" : this.interfaceName
    const ipv6 = this.operation === "assign the IPv6 address of" ? HostIpv6.remedyFor(this.code) : undefined
    return `cannot ${this.operation} ${what}: ${this.code}${ipv6 ?? remedyOf(this.code, this.interfaceName)}`
  }
}

const remedyOf = (code: string, interfaceName: string): string => {
  switch (code) {
    case "EPERM":
    case "EACCES":
      return " (run as root, or without a host side: --no-tap)"
    case "EBUSY":
      return " (another process holds it; use -t auto)"
    case "ENOENT":
    case "ENODEV":
      return interfaceName.startsWith("/")
        ? " (no such device)"
        : " (the tap driver is not loaded; on Linux: modprobe tun, on DragonFly: kldload if_tap)"
    case "EINVAL":
      return " (not the name of a tap; use auto, tapN or a device path)"
    default:
      return FileLimit.remedyFor(code)
  }
}

/** An opened tap. Closed when the scope that opened it ends. */
export interface Tap {
  /** Name of the interface, e.g. `tap0`. */
  readonly interfaceName: string
  /** What the original prints: `/dev/tap0` on DragonFly, the interface's name elsewhere. */
  readonly printedName: string
  /** The interface's own MAC. */
  readonly macAddress: MacAddress
  /** Payload octets the interface takes. */
  readonly mtuBytes: number
  /** For the exchange: a descriptor, or the simulator's number for it. */
  readonly handle: number
  /** True if another process has opened it and given it all that it is to have: nothing is done to it here. */
  readonly isInPlace: boolean
  /** Gives the interface an address; one it has already is no error. */
  readonly assign: (address: Prefix) => Effect.Effect<void, TapError>
  /** The same for IPv6, once the interface is up. The address is the host's at once: nobody on the link is asked. */
  readonly assign6: (address: Ipv6Prefix) => Effect.Effect<void, TapError>
  /** Brings the interface up, leaving its other flags as they are. */
  readonly bringUp: Effect.Effect<void, TapError>
}

/** Opens layer-2 interfaces of the host. */
export class TapDevice extends Context.Tag("vknetd/TapDevice")<TapDevice, {
  readonly open: (request: {
    /** `"auto"` takes the first free one; `tapN` is created if it can be; a path names a device. */
    readonly name: string
    /** Whether large TCP segments may be exchanged with the host's kernel, where it can. Frames stay what they are. */
    readonly offload: boolean
  }) => Effect.Effect<Tap, TapError, Scope.Scope>
}>() {}
