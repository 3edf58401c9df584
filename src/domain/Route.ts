import { FLOOD } from "./Admission.ts"
import { TAP_PORT } from "./Bounds.ts"
import type { Counters } from "./Counters.ts"
import { Column, countDrop, ROW } from "./Counters.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import type { Hold } from "./Hold.ts"
import * as Holds from "./Hold.ts"
import type { PolicySettings } from "./policy/PolicySettings.ts"
import type { Ports } from "./Ports.ts"
import { Reason } from "./Reason.ts"
import type { SendPlan } from "./SendPlan.ts"
import * as Plan from "./SendPlan.ts"

/**
 * Denies what has a destination and may not reach it: it would leave by the port it came from, goes to the tap alone
 * and
 * is kept from it, or to a guest from whom the sender is isolated (F3, E1).
 */
export const route = (
  batch: FrameBatch,
  tapReason: Uint8Array,
  isolate: PolicySettings["isolate"],
  ports: Ports,
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
    else if (isolate !== "none" && isIsolated(isolate, ports, port[i]!, to)) reason[i] = Reason.ISOLATED
  }
}

/** E1, between two different ports. */
const isIsolated = (isolate: PolicySettings["isolate"], ports: Ports, from: number, to: number): boolean =>
  isolate !== "none" && from !== TAP_PORT && to !== TAP_PORT && (isolate === "all" || ports.uid[from] !== ports.uid[to])

/** What {@link plan} reads and fills besides the batch. */
export interface Egress {
  readonly ports: Ports
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
  isolate: PolicySettings["isolate"],
  destination: Int32Array,
  egress: Egress,
  nowMs: number
): void => {
  for (let i = 0; i < batch.count; i++) {
    if (reason[i] !== Reason.PASS) continue
    const to = destination[i]!
    if (to === FLOOD) flood(batch, i, tapReason[i]!, isolate, egress)
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

/** Keeps a unicast frame for a full port, its sender waiting if that may be, or drops it there. */
export const keepOrDrop = (batch: FrameBatch, slot: number, to: number, egress: Egress, nowMs: number): void => {
  const kept = Holds.keep(egress.hold, batch, slot, to, nowMs)
  if (kept === Holds.Kept.Waiting) egress.waitFor(batch.port[slot]!, to)
  else if (kept === Holds.Kept.Dropped) countDrop(egress.counters, to, Reason.EGRESS_FULL)
}

const flood = (
  batch: FrameBatch,
  slot: number,
  tapReason: number,
  isolate: PolicySettings["isolate"],
  egress: Egress
): void => {
  const { counters, hold, ports } = egress
  const ingress = batch.port[slot]!
  const size = batch.size[slot]!
  for (let k = 0; k < ports.openCount; k++) {
    const to = ports.open[k]!
    if (to === ingress) continue
    const row = to * ROW
    counters.values[row + Column.offeredFrames]! += 1
    if (to === TAP_PORT && tapReason !== Reason.PASS) counters.values[row + Column.dropped + tapReason]! += 1
    else if (isIsolated(isolate, ports, ingress, to)) countDrop(counters, to, Reason.ISOLATED)
    else if (hold.troubled === 0 || Holds.takesFlood(hold, to)) Plan.add(egress.plan, slot, to, size)
    else countDrop(counters, to, Reason.EGRESS_FULL)
  }
}
