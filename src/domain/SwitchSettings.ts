import type { MacAddress } from "./MacAddress.ts"
import type { PolicySettings } from "./policy/PolicySettings.ts"
import type { Prefix } from "./Prefix.ts"

/** What the data plane is told when it starts. Plain data: it crosses to another thread. */
export interface SwitchSettings {
  /** False is `-U`: a pure bridge. */
  readonly secure: boolean
  /** The host's address and the guests' subnet; always there when `secure`, unless there is no tap. */
  readonly prefix: Prefix | undefined
  /** The tap's own MAC; undefined without a tap. */
  readonly tapMac: MacAddress | undefined
  /** MAC of the bridge that the tap is in, if it is another: the host speaks from it then. */
  readonly bridgeMac?: MacAddress | undefined
  /** Payload octets the tap takes. */
  readonly tapMtuBytes: number
  /** Largest frame let through. */
  readonly frameBytesMax: number
  /** Guest ports at most. */
  readonly guestPorts: number
  readonly guestPortsPerUid: number
  /** Trunks among them at most; none when left out. */
  readonly trunkPorts?: number | undefined
  /** Seconds a silent station is remembered. */
  readonly stationAgeSeconds: number
  /** What strengthens or loosens the policy; only what is said differs from its defaults. */
  readonly policy?: Partial<PolicySettings> | undefined
  /** Seed of the tables' hashes: two 32-bit integers nobody outside can know. */
  readonly hashSeed: readonly [number, number]
}

/** The MAC that the host speaks from. */
export const hostMacOf = ({ bridgeMac, tapMac }: SwitchSettings): MacAddress | undefined => bridgeMac ?? tapMac
