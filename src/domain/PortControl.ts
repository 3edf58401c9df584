import { TAP_PORT } from "./Bounds.ts"

/**
 * What an operator has decided about single ports while the switch runs. It ends with the port.
 *
 * An isolated port exchanges frames with the tap alone: what goes from it to a guest, or from a guest to it, is dropped
 * as `ISOLATED`. (The stations of a pinned port are marked in the station table.)
 */
export interface PortControl {
  /** 1 for each isolated port. */
  readonly isolated: Uint8Array
  /** 1 for each port that has been pinned. */
  readonly pinned: Uint8Array
  /** How many ports are isolated: with none of them nothing is looked up for a frame. */
  isolatedCount: number
}

export const make = (portCount: number): PortControl => ({
  isolated: new Uint8Array(portCount),
  pinned: new Uint8Array(portCount),
  isolatedCount: 0
})

/** Sets or clears the isolation of a guest's port. */
export const isolate = (control: PortControl, port: number, on: boolean): void => {
  const value = on ? 1 : 0
  control.isolatedCount += value - control.isolated[port]!
  control.isolated[port] = value
}

/** Forgets all decisions about a port that has closed. */
export const forget = (control: PortControl, port: number): void => {
  isolate(control, port, false)
  control.pinned[port] = 0
}

/** True if a frame from one port may not leave by the other. */
export const parts = (control: PortControl, ingress: number, egress: number): boolean =>
  control.isolatedCount > 0 && ingress !== TAP_PORT && egress !== TAP_PORT &&
  (control.isolated[ingress] === 1 || control.isolated[egress] === 1)
