import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Ipv6Prefix } from "../domain/Ipv6Prefix.ts"
import type { Prefix } from "../domain/Prefix.ts"
import * as FileLimit from "./FileLimit.ts"
import * as HostIpv6 from "./HostIpv6.ts"

/** The tap could not be made a member of a bridge, or the bridge not be given the host's addresses. */
export class BridgeError extends Data.TaggedError("BridgeError")<{
  readonly operation: "create" | "add to" | "bring up" | "assign the address of" | "assign the IPv6 address of"
  readonly bridgeName: string
  /** errno symbol. */
  readonly code: string
}> {
  override get message(): string {
    const ipv6 = this.operation === "assign the IPv6 address of" ? HostIpv6.remedyFor(this.code) : undefined
    const remedy = ipv6 ?? remedies[this.code] ?? FileLimit.remedyFor(this.code)
    return `cannot ${this.operation} bridge ${this.bridgeName}: ${this.code}${remedy}`
  }
}

const remedies: Record<string, string | undefined> = {
  EPERM: " (run as root)",
  EINVAL: " (not a bridge, or its driver is not loaded; on Linux: modprobe bridge, on DragonFly: kldload if_bridge)",
  ENOPKG: " (the bridge driver is not loaded; modprobe bridge)",
  EBUSY: " (the tap is a member of another bridge)",
  EOPNOTSUPP: " (an interface of that name exists and is not a bridge)"
}

/** What joining a bridge changed. */
export interface BridgeMembership {
  readonly bridgeName: string
  /** True if the bridge did not exist before. */
  readonly created: boolean
  /** True if the tap was a member already; it then stays one. */
  readonly alreadyMember: boolean
  /** True if the bridge was given this address; it had it before, or was not to have it, if false. */
  readonly assigned: boolean
  /** The same of IPv6. */
  readonly assigned6: boolean
}

/** What a bridge is to be. */
export interface BridgeRequest {
  readonly bridgeName: string
  /** Who is to be in it. */
  readonly interfaceName: string
  /** The host's addresses, where bridges have them. */
  readonly prefix: Prefix | undefined
  readonly ipv6: Ipv6Prefix | undefined
}

/** Bridges of the host. */
export class BridgeControl extends Context.Tag("vknetd/BridgeControl")<BridgeControl, {
  /** Whether what arrives at a member is the bridge's: then the host has its addresses there, and not on the member. */
  readonly hasAddresses: boolean
  /**
   * Creates the bridge if it is absent, adds the interface, brings the bridge up and, if bridges have them, gives it
   * the addresses. When the scope ends: takes back what was given, takes the interface out again if it was we who put
   * it in, then removes the bridge if it was we who made it and nobody else is in it.
   */
  readonly join: (request: BridgeRequest) => Effect.Effect<BridgeMembership, BridgeError, Scope.Scope>
}>() {}
