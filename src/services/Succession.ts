import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"
import type { Offer } from "./Estate.ts"
import type { SwitchRequest } from "./Switch.ts"

/**
 * Why a switch cannot be taken over with what was asked for: what guests and the host rely on has to stay as it is.
 * Undefined if it can. Everything else may be another: the new one's holds.
 */
export const misfit = (offer: Offer, request: SwitchRequest): string | undefined => {
  if (offer.simulated) return "it is simulated, and its host would not come along (stop it and start another)"
  const address = request.prefix === undefined ? undefined : Prefixes.format(request.prefix)
  const ipv6 = request.policy.ipv6 === undefined ? undefined : Ipv6Prefixes.format(request.policy.ipv6)
  const tap = offer.tap
  const isSameTap = tap === null
    ? request.tapName === undefined
    : request.tapName === "auto" || request.tapName === tap.interfaceName || request.tapName === tap.printedName
  return differs("address", offer.address ?? undefined, address, "give the same address/cidrbits")
    ?? differs("IPv6 address", offer.ipv6 ?? undefined, ipv6, "give the same --ipv6")
    ?? (isSameTap ? undefined : differs("tap", tap?.interfaceName, request.tapName, "give the same -t or --no-tap"))
    ?? differs("bridge", offer.bridgeName ?? undefined, request.bridgeName, "give the same -b")
    ?? differs("socket for trunks", offer.trunkPath ?? undefined, request.trunk?.path, "give the same --trunk")
    ?? differs("pid file", offer.pidFilePath ?? undefined, request.pidFilePath, "give the same -i")
    ?? (offer.highestPort > request.guestPorts
      ? `its guests use ports up to ${offer.highestPort} (give --max-clients of at least that)`
      : undefined)
}

const differs = (
  what: string,
  present: string | undefined,
  wanted: string | undefined,
  remedy: string
): string | undefined =>
  present === wanted ? undefined : `its ${what} is ${present ?? "none"}, not ${wanted ?? "none"} (${remedy})`
