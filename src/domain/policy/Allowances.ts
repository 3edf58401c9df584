import type { Ipv6Prefix } from "../Ipv6Prefix.ts"
import type { MacAddress } from "../MacAddress.ts"
import type { Network } from "../Network.ts"

/** What secure mode lets through beyond its default, when it is asked to. All of it is off by default. */
export interface Allowances {
  /** `--ipv6`: the host's IPv6 address and the guests' prefix. Without one no IPv6 passes. */
  readonly ipv6?: Ipv6Prefix | undefined
  /** `--allow-ethertype`: types that guests may send to each other, unread. None below 0x0600. */
  readonly allowedEtherTypes?: ReadonlyArray<number> | undefined
  /**
   * `--dhcp-server`: who may be one. A user's number is marked per port, see `Policy.dhcpServers`. Leases of
   * that user's guests count, those of any guest do not.
   */
  readonly dhcpServer?: "tap" | "any" | number | undefined
  /** `--bind trunk`: what belongs to trunks. Of addresses outside the subnet these may send packets. */
  readonly trunkBindings?: ReadonlyArray<TrunkBinding>
}

/** A MAC, IP addresses, or both, that belong to whoever is behind a trunk, and to nobody else. */
export interface TrunkBinding {
  readonly mac?: MacAddress | undefined
  readonly ip?: Network | undefined
}
