import type { PolicySettings } from "../domain/policy/PolicySettings.ts"
import type { Prefix } from "../domain/Prefix.ts"
import type { ListenAddress } from "./ListenAddress.ts"
import type { ServiceOptions } from "./ServiceOptions.ts"
import type { WebOptions } from "./WebOptions.ts"

/** What the command line asks for: checked, with every default filled in and every path absolute. */
export interface Options extends ServiceOptions {
  /** `monitor` is `-c`: attach to a running switch and dump what arrives. */
  readonly kind: "switch" | "monitor"
  /** `-d`, or implied by `--simulate`. */
  readonly foreground: boolean
  /** Not `-U`. */
  readonly secure: boolean
  /** `-b`. */
  readonly bridgeName: string | undefined
  /** `-p`. Undefined only with `--simulate`, which then uses a private directory. */
  readonly socketPath: string | undefined
  /** `-p` was given. */
  readonly socketPathGiven: boolean
  /** `-i`. Undefined is none: with `--simulate` or `--no-tap`, unless given. */
  readonly pidFilePath: string | undefined
  /** `-t`: `auto`, `tapN` or the path of a device. Undefined with `--no-tap` and `--simulate`. */
  readonly tapName: string | undefined
  /** Not `--no-offload`. */
  readonly offload: boolean
  readonly simulate: boolean
  /** `--takeover`: go on for the switch that runs. */
  readonly takeover: boolean
  /** The host's address and the guests' subnet. Undefined only with `-U` or `-c`, where none need be given. */
  readonly prefix: Prefix | undefined
  /**
   * `--group`: name or number of the group that may connect. Undefined, the caller's own group:
   * with `--simulate` or `--no-tap`, unless given.
   */
  readonly groupName: string | undefined
  /** `--mode`: permission bits of the socket. */
  readonly socketMode: number
  /** `--trunk`: the socket whose guests are trunks; undefined for none. */
  readonly trunkPath: string | undefined
  /** `--max-clients`. */
  readonly guestPorts: number
  /** `--max-clients-per-uid`. */
  readonly guestPortsPerUid: number
  /** `--mtu`: payload octets of the largest frame. Undefined is the tap's own, at least 1500. */
  readonly mtuBytes: number | undefined
  /** `--isolate` and the other options of the policy: what was given. */
  readonly policy: Partial<PolicySettings>
  /** `--mac-age`. */
  readonly stationAgeSeconds: number
  /** `--seed`: the simulator's. */
  readonly seed: number | undefined
  /** `--config`. */
  readonly configPath: string | undefined
  /** `--metrics`: where they are served over TCP. */
  readonly metrics: ListenAddress | undefined
  /** `--web` and `--web-token`: where the page is served. */
  readonly web: WebOptions | undefined
}

/** What the original vknetd uses when it is not told otherwise. */
export const defaults = {
  socketPath: "/var/run/vknet",
  pidFilePath: "/var/run/vknetd.pid",
  tapName: "auto",
  groupName: "vknet",
  socketMode: 0o660,
  simulatedAddress: "10.1.0.1/24"
} as const
