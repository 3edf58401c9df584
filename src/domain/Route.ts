import { TAP_PORT } from "./Bounds.ts"
import type { Counters } from "./Counters.ts"
import { Column, countDrop, ROW } from "./Counters.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import type { Hold } from "./Hold.ts"
import * as Holds from "./Hold.ts"
import type { LearnRules } from "./Learn.ts"
import type { PortControl } from "./PortControl.ts"
import { parts } from "./PortControl.ts"
import type { Ports } from "./Ports.ts"
import { Reason } from "./Reason.ts"
import type { SendPlan } from "./SendPlan.ts"
import * as Plan from "./SendPlan.ts"
import type { StationTable } from "./StationTable.ts"
import * as Stations from "./StationTable.ts"

/** Destination of a frame that goes to every port but its own. */
export const FLOOD = -1

/**
 * Finds where each frame goes: rules F1 to F4.
 *
 * Fills `destination[i]` with a port or {@link FLOOD} for frames that passed, and denies in `reason` what
 * would leave by the port it came from, go to the tap alone and is kept from it, or go to a port that is kept apart.
 */
export const route = (
  batch: FrameBatch,
  tapReason: Uint8Array,
  table: StationTable,
  rules: LearnRules,
  control: PortControl,
  nowSeconds: number,
  reason: Uint8Array,
  destination: Int32Array
): void => {
  const { bytes, halves, port, slotBytes } = batch
  for (let i = 0, start = 0; i < batch.count; i++, start += slotBytes) {
    if (reason[i] !== Reason.PASS) continue
    if ((bytes[start]! & 1) !== 0) {
      destination[i] = FLOOD
      continue
    }
    const at = start >> 1
    const hi = halves[at]! | (halves[at + 1]! << 16)
    const lo = halves[at + 2]!
    const egress = hi === rules.tapHi && lo === rules.tapLo ? TAP_PORT : Stations.lookup(table, hi, lo, nowSeconds)
    destination[i] = egress
    if (egress === port[i]) reason[i] = Reason.HAIRPIN
    else if (egress === TAP_PORT) reason[i] = tapReason[i]!
    else if (egress !== FLOOD && parts(control, port[i]!, egress)) reason[i] = Reason.ISOLATED
  }
}

/** What {@link plan} reads and fills besides the batch. */
export interface Egress {
  readonly ports: Ports
  readonly control: PortControl
  readonly hold: Hold
  readonly counters: Counters
  readonly plan: SendPlan
  /** Called when a frame is kept for a full port: its sender must wait for that port. */
  readonly waitFor: (ingress: number, egress: number) => void
}

/** Turns destinations into entries of the plan; a frame for a port that is full is held or dropped here. */
export const plan = (
  batch: FrameBatch,
  reason: Uint8Array,
  tapReason: Uint8Array,
  destination: Int32Array,
  egress: Egress,
  nowMs: number
): void => {
  for (let i = 0; i < batch.count; i++) {
    if (reason[i] !== Reason.PASS) continue
    const to = destination[i]!
    if (to === FLOOD) flood(batch, i, tapReason[i]!, egress)
    else unicast(batch, i, to, egress, nowMs)
  }
}

const unicast = (batch: FrameBatch, slot: number, to: number, egress: Egress, nowMs: number): void => {
  const { counters, hold } = egress
  counters.values[to * ROW + Column.offeredFrames]! += 1
  if (hold.troubled === 0 || Holds.takes(hold, to)) {
    Plan.add(egress.plan, slot, to, batch.size[slot]!)
  } else {
    keepOrDrop(batch, slot, to, egress, nowMs)
  }
}

/** Keeps a unicast frame for a full port and makes its sender wait, or drops it there. */
export const keepOrDrop = (batch: FrameBatch, slot: number, to: number, egress: Egress, nowMs: number): void => {
  if (Holds.keep(egress.hold, batch, slot, to, nowMs) === Holds.Kept.Yes) egress.waitFor(batch.port[slot]!, to)
  else countDrop(egress.counters, to, Reason.EGRESS_FULL)
}

const flood = (batch: FrameBatch, slot: number, tapReason: number, egress: Egress): void => {
  const { control, counters, hold, ports } = egress
  const ingress = batch.port[slot]!
  const size = batch.size[slot]!
  for (let k = 0; k < ports.openCount; k++) {
    const to = ports.open[k]!
    if (to === ingress) continue
    const row = to * ROW
    counters.values[row + Column.offeredFrames]! += 1
    if (to === TAP_PORT && tapReason !== Reason.PASS) counters.values[row + Column.dropped + tapReason]! += 1
    else if (parts(control, ingress, to)) countDrop(counters, to, Reason.ISOLATED)
    else if (hold.troubled === 0 || Holds.takes(hold, to)) Plan.add(egress.plan, slot, to, size)
    else countDrop(counters, to, Reason.EGRESS_FULL)
  }
}
