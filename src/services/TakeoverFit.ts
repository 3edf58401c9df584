import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"
import type { Offer } from "./Estate.ts"
import type { SwitchRequest } from "./SwitchRequest.ts"

/**
 * Why a switch cannot be taken over with what was asked for: what guests and the host rely on has to stay as it is.
 * Undefined if it can. Everything else may be another: the new one's holds.
 */
export const misfit = (offer: Offer, request: SwitchRequest): string | undefined => {
  if (offer.simulated) return "it is simulated, and its host would not come along (stop it and start another)"
  const address = request.prefix === undefined ? undefined : Prefixes.format(request.prefix)
  const ipv6 = request.policy.ipv6 === undefined ? undefined : Ipv6Prefixes.format(request.policy.ipv6)
  const { tap } = offer
  const isSame = tap === null ? request.tapName === undefined : isSameTap(tap, request.tapName)
  return differs("address", offer.address ?? undefined, address, "give the same address/cidrbits")
    ?? differs("IPv6 address", offer.ipv6 ?? undefined, ipv6, "give the same --ipv6")
    ?? (isSame ? undefined : differs("tap", tap?.interfaceName, request.tapName, "give the same -t or --no-tap"))
    ?? differs("bridge", offer.bridgeName ?? undefined, request.bridgeName, "give the same -b")
    ?? differs("socket for trunks", offer.trunkPath ?? undefined, request.trunk?.path, "give the same --trunk")
    ?? differs("pid file", offer.pidFilePath ?? undefined, request.pidFilePath, "give the same -i")
    ?? (offer.highestPort > request.guestPorts
      ? `its guests use ports up to ${offer.highestPort} (give --max-clients of at least that)`
      : undefined)
}

const directory = "/dev/"

/**
 * Whether opening what is asked for could have given this tap: `auto` and the node that makes one give any; else it is
 * named by its interface or its node, with the directory or without, as each system takes both.
 */
const isSameTap = (tap: NonNullable<Offer["tap"]>, asked: string | undefined): boolean => {
  if (asked === undefined) return false
  const hasNode = tap.printedName.startsWith(directory)
  if (asked === "auto" || asked === (hasNode ? "/dev/tap" : "/dev/net/tun")) return true
  const bare = (name: string): string => name.startsWith(directory) ? name.slice(directory.length) : name
  return [tap.interfaceName, tap.printedName].some((name) => bare(name) === bare(asked))
}

const differs = (
  what: string,
  present: string | undefined,
  wanted: string | undefined,
  remedy: string
): string | undefined =>
  present === wanted ? undefined : `its ${what} is ${present ?? "none"}, not ${wanted ?? "none"} (${remedy})`
