import { Bounds } from "../domain/Bounds.ts"
import type { PolicySettings } from "../domain/policy/PolicySettings.ts"
import type { Prefix } from "../domain/Prefix.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import type { Tap } from "./TapDevice.ts"

/** What a switch is asked to be. Everything in it has been checked for form. */
export interface SwitchRequest {
  readonly secure: boolean
  readonly prefix: Prefix | undefined
  /** Undefined: no host side. */
  readonly tapName: string | undefined
  /** Whether the tap may carry large TCP segments. */
  readonly offload: boolean
  readonly bridgeName: string | undefined
  readonly socketPath: string
  readonly socketMode: number
  /** Name or number; undefined: the caller's own group. */
  readonly groupName: string | undefined
  readonly pidFilePath: string | undefined
  /** The second socket, whose guests are trunks: the same mode at most, and never open to all. */
  readonly trunk: { readonly path: string; readonly groupName: string | undefined } | undefined
  /** Payload octets of the largest frame; undefined: as the tap says. */
  readonly mtuBytes: number | undefined
  readonly guestPorts: number
  readonly guestPortsPerUid: number
  readonly stationAgeSeconds: number
  /** What differs from the policy's defaults. */
  readonly policy: Partial<PolicySettings>
  readonly hashSeed: readonly [number, number]
}

/** What the forwarding loop is told when it starts. */
export const settingsFor = (
  request: SwitchRequest,
  tap: Pick<Tap, "macAddress" | "mtuBytes"> | undefined
): SwitchSettings => {
  const mtuBytes = request.mtuBytes ?? Math.max(tap?.mtuBytes ?? 0, Bounds.mtuBytesDefault)
  return {
    secure: request.secure,
    prefix: request.prefix,
    tapMac: tap?.macAddress,
    tapMtuBytes: tap?.mtuBytes ?? Bounds.mtuBytesDefault,
    frameBytesMax: Math.min(mtuBytes + Bounds.frameOverheadBytes, Bounds.frameBytesMax),
    guestPorts: request.guestPorts,
    guestPortsPerUid: request.guestPortsPerUid,
    trunkPorts: request.trunk === undefined ? 0 : Bounds.trunkPorts,
    stationAgeSeconds: request.stationAgeSeconds,
    policy: request.policy,
    hashSeed: request.hashSeed
  }
}
