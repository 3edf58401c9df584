import { type AdmissionState, isHostMac } from "./AdmissionState.ts"
import { TAP_PORT } from "./Bounds.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import * as Stations from "./Stations.ts"

/** Destination of a frame that goes to every port but its own. */
export const FLOOD = -1

/** F1 to F4: the port that a frame goes to, or {@link FLOOD}, as the tables stand before it. */
export const destinationOf = (state: AdmissionState, batch: FrameBatch, slot: number): number => {
  const start = slot * batch.slotBytes
  if ((batch.bytes[start]! & 1) !== 0) return FLOOD
  const at = start >> 1
  const hi = batch.halves[at]! | (batch.halves[at + 1]! << 16)
  const lo = batch.halves[at + 2]!
  return isHostMac(state, hi, lo) ? TAP_PORT : Stations.lookup(state, hi, lo)
}
