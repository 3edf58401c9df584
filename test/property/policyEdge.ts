/** One rule from both sides: by name, the nearest frames that pass and that are denied. */
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"

export interface Edge {
  /** A rule's number, as in `Rules.ts`. */
  readonly rule: string
  /** Ingress port; the guest's unless given. */
  readonly port?: number
  /** Secure mode at 10.1.0.1/24 unless given. */
  readonly settings?: SwitchSettings
  readonly passes: Readonly<Record<string, Uint8Array>>
  readonly denies: Readonly<Record<string, Uint8Array>>
}
