/** One rule from both sides: by name, the nearest frames that pass and that are denied. */
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import type { Reason } from "../../src/domain/Reason.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"

export interface Edge {
  /** A rule's number, as in `Rules.ts`. */
  readonly rule: string
  /** Where a rule has more than one: the one that is meant. */
  readonly reason?: keyof typeof Reason
  /** Whether it keeps the frame from the tap alone; what E rules do. */
  readonly forTapOnly?: boolean
  /** Ingress port; the guest's unless given. */
  readonly port?: number
  /** Secure mode at 10.1.0.1/24 unless given. */
  readonly settings?: SwitchSettings
  /** Nothing beyond the default unless given. */
  readonly allowances?: Allowances
  readonly passes: Readonly<Record<string, Uint8Array>>
  readonly denies: Readonly<Record<string, Uint8Array>>
}
