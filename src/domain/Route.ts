import { TAP_PORT } from "./Bounds.ts"
import type { Counters } from "./Counters.ts"
import { Column, countDrop, ROW } from "./Counters.ts"
import { FLOOD } from "./Destination.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import type { Backlog } from "./Backlog.ts"
import * as Backlogs from "./Backlog.ts"
import type { Patience } from "./Patience.ts"
import * as Patiences from "./Patience.ts"
import type { PolicySettings } from "./policy/PolicySettings.ts"
import type { PortControl } from "./PortControl.ts"
import { parts } from "./PortControl.ts"
import type { Ports } from "./Ports.ts"
import { Reason } from "./Reason.ts"
import type { SendPlan } from "./SendPlan.ts"
import * as Plan from "./SendPlan.ts"

/**
 * Denies what has a destination and may not reach it: it would leave by the port it came from, goes to the tap alone
 * and is kept from it, or to a guest from whom the sender is kept apart (F3, E1).
 */
export const route = (
  batch: FrameBatch,
  tapReason: Uint8Array,
  apart: Apart,
  destination: Int32Array,
  reason: Uint8Array
): void => {
  const { port } = batch
  for (let i = 0; i < batch.count; i++) {
    if (reason[i] !== Reason.PASS) continue
    const to = destination[i]!
    if (to === FLOOD) continue
    if (to === port[i]) reason[i] = Reason.HAIRPIN
    else if (to === TAP_PORT) reason[i] = tapReason[i]!
    else if (areApart(apart, port[i]!, to)) reason[i] = Reason.ISOLATED
  }
}

/** Which guests are kept apart: by the policy, and by an operator's word about single ports. */
export interface Apart {
  isolate: PolicySettings["isolate"]
  readonly control: PortControl
  readonly ports: Ports
}

/** E1, between two different ports. */
const areApart = ({ control, isolate, ports }: Apart, from: number, to: number): boolean => {
  if (isolate === "none" && control.isolatedCount === 0) return false
  if (parts(control, from, to)) return true
  if (isolate === "none" || from === TAP_PORT || to === TAP_PORT) return false
  return isolate === "all" || ports.uid[from] !== ports.uid[to]
}

/** What {@link plan} reads and fills besides the batch. */
export interface Outlets {
  readonly ports: Ports
  readonly apart: Apart
  readonly backlog: Backlog
  readonly patience: Patience
  readonly counters: Counters
  readonly plan: SendPlan
  /** Called when a frame is kept for a full port: its sender is to wait for that port. */
  readonly waitFor: (ingress: number, egress: number) => void
}

/** Turns destinations into entries of the plan; a frame for a port that is full is kept or dropped here. */
export const plan = (
  batch: FrameBatch,
  reason: Uint8Array,
  tapReason: Uint8Array,
  destination: Int32Array,
  outlets: Outlets,
  nowMs: number
): void => {
  for (let i = 0; i < batch.count; i++) {
    if (reason[i] !== Reason.PASS) continue
    const to = destination[i]!
    if (to === FLOOD) flood(batch, i, tapReason[i]!, outlets, nowMs)
    else unicast(batch, i, to, outlets, nowMs)
  }
}

const unicast = (batch: FrameBatch, slot: number, to: number, outlets: Outlets, nowMs: number): void => {
  const { backlog, counters, patience } = outlets
  counters.values[to * ROW + Column.offeredFrames]! += 1
  Patiences.send(patience, batch.port[slot]!, to, nowMs)
  if (backlog.troubled === 0 || Backlogs.takes(backlog, to)) {
    Plan.add(outlets.plan, slot, to, batch.size[slot]!)
  } else {
    keepOrDrop(batch, slot, to, outlets, nowMs)
  }
}

/** Keeps a unicast frame for a full port, and has its sender wait if that one has patience; or drops it there. */
export const keepOrDrop = (batch: FrameBatch, slot: number, to: number, outlets: Outlets, nowMs: number): void => {
  const kept = Backlogs.keep(outlets.backlog, batch, slot, to, nowMs)
  const ingress = batch.port[slot]!
  if (kept === Backlogs.Kept.Waiting && Patiences.lasts(outlets.patience, ingress, nowMs)) outlets.waitFor(ingress, to)
  else if (kept === Backlogs.Kept.Dropped) countDrop(outlets.counters, to, Reason.EGRESS_FULL)
}

const flood = (
  batch: FrameBatch,
  slot: number,
  tapReason: number,
  outlets: Outlets,
  nowMs: number
): void => {
  const { apart, backlog, counters, patience, ports } = outlets
  const ingress = batch.port[slot]!
  if (ingress === TAP_PORT && ports.openCount > 2) Patiences.flood(patience, ingress, nowMs)
  const size = batch.size[slot]!
  for (let k = 0; k < ports.openCount; k++) {
    const to = ports.open[k]!
    if (to === ingress) continue
    const row = to * ROW
    counters.values[row + Column.offeredFrames]! += 1
    if (to === TAP_PORT && tapReason !== Reason.PASS) counters.values[row + Column.dropped + tapReason]! += 1
    else if (areApart(apart, ingress, to)) countDrop(counters, to, Reason.ISOLATED)
    else if (backlog.troubled === 0 || Backlogs.takesFlood(backlog, to)) Plan.add(outlets.plan, slot, to, size)
    else countDrop(counters, to, Reason.EGRESS_FULL)
  }
}
