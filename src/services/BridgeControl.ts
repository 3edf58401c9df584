import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as FileLimit from "./FileLimit.ts"

/** The tap could not be made a member of a bridge. */
export class BridgeError extends Data.TaggedError("BridgeError")<{
  readonly operation: "create" | "add to" | "bring up"
  readonly bridgeName: string
  /** errno symbol. */
  readonly code: string
}> {
  override get message(): string {
    const remedy = remedies[this.code] ?? FileLimit.remedyFor(this.code)
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
}

/** Bridges of the host. */
export class BridgeControl extends Context.Tag("vknetd/BridgeControl")<BridgeControl, {
  /**
   * Creates the bridge if it is absent, adds the interface and brings the bridge up.
   * When the scope ends: takes the interface out again if it was we who put it in, then removes the
   * bridge if it was we who made it and nobody else is in it.
   */
  readonly join: (request: {
    readonly bridgeName: string
    readonly interfaceName: string
  }) => Effect.Effect<BridgeMembership, BridgeError, Scope.Scope>
}>() {}
