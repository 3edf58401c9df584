import { Bounds } from "./Bounds.ts"
import { REASON_COUNT } from "./Reason.ts"

/**
 * Which denials have been told lately: for each port and reason the second after which the next may be told. So a
 * storm of denied frames is one notice a port and reason in `Bounds.denialLogSeconds`. 256 octets a port.
 */
export interface DenialWatch {
  /** By port and reason; of the exchange's clock, 0 for at once. */
  readonly untilSeconds: Uint32Array
}

export const make = (ports: number): DenialWatch => ({ untilSeconds: new Uint32Array(ports * REASON_COUNT) })

/** True if a denial of this port is to be told now; it is then taken as told. */
export const isDue = (watch: DenialWatch, port: number, reason: number, nowMs: number): boolean => {
  const nowSeconds = Math.floor(nowMs / 1000)
  const at = port * REASON_COUNT + reason
  if (watch.untilSeconds[at]! > nowSeconds) return false
  watch.untilSeconds[at] = nowSeconds + Bounds.denialLogSeconds
  return true
}

/** Whoever comes to a port next starts anew. */
export const forget = ({ untilSeconds }: DenialWatch, port: number): void => {
  untilSeconds.fill(0, port * REASON_COUNT, (port + 1) * REASON_COUNT)
}
