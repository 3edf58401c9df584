import { Bounds } from "./Bounds.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import type { SendPlan } from "./SendPlan.ts"
import * as Plan from "./SendPlan.ts"

/**
 * Frames that a full port could not take, kept for a moment.
 *
 * Dropping at once ruins TCP and loses half of an open flood; waiting lets one guest stop all. So: the first
 * unicast frame that a port does not take, and those that follow for it, are kept here in order, and the
 * ports that sent them are not read. When the port takes frames again they go first and reading
 * resumes. After `Bounds.holdMs` at most they are dropped, reading resumes all the same, and the port counts as
 * congested: frames for it are dropped at once until it drains. A port whose hold ran out gets none again for
 * `Bounds.holdPauseMs`, so that a guest that never reads cannot keep slowing those who send to it.
 * Frames of a flood are never held.
 *
 * A port is open (frames go), held, flushing (what is held is in the plan, and new frames may follow it),
 * or congested. Kept frames lie in slots of the batch's arena behind those that are received into.
 */
export interface Hold {
  /** Per port: a {@link HoldState}. */
  readonly state: Uint8Array
  /** Ports that are not open; 0 means that no pass has to look at `state`. */
  troubled: number
  /** Ports held or flushing; 0 means that no timer runs and nobody waits. */
  active: number
  /** Per port: its first and last held slot, -1 when none, and how many. */
  readonly first: Int32Array
  readonly last: Int32Array
  readonly count: Int32Array
  /** Per slot: the next one held for the same port. */
  readonly next: Int32Array
  /** First free slot, -1 when none. */
  free: number
  /** Per port: when its hold began; until when it gets none. Milliseconds of the exchange's clock. */
  readonly sinceMs: Float64Array
  readonly noneUntilMs: Float64Array
  /** Per port: the egress it waits for, or -1 when it is read. */
  readonly waitsFor: Int32Array
}

export const HoldState = { Open: 0, Held: 1, Flushing: 2, Congested: 3 } as const

/** What becomes of a frame that a port cannot take now. */
export const Kept = { Yes: 0, Dropped: 1 } as const

export const make = (ports: number, batch: FrameBatch): Hold => {
  const next = new Int32Array(batch.slotCount).fill(-1)
  for (let slot = Bounds.batchFrames; slot + 1 < batch.slotCount; slot++) next[slot] = slot + 1
  return {
    state: new Uint8Array(ports),
    troubled: 0,
    active: 0,
    first: new Int32Array(ports).fill(-1),
    last: new Int32Array(ports).fill(-1),
    count: new Int32Array(ports),
    next,
    free: Bounds.batchFrames < batch.slotCount ? Bounds.batchFrames : -1,
    sinceMs: new Float64Array(ports),
    noneUntilMs: new Float64Array(ports).fill(-Infinity),
    waitsFor: new Int32Array(ports).fill(-1)
  }
}

/** Whether a frame may go straight into the plan for this port. */
export const takes = (hold: Hold, port: number): boolean =>
  hold.state[port] === HoldState.Open || hold.state[port] === HoldState.Flushing

/**
 * Keeps the unicast frame in `slot` for a port that is full, and says that its sender must wait, if that may be.
 * Begins a hold if the port has none and may have one.
 */
export const keep = (
  hold: Hold,
  batch: FrameBatch,
  slot: number,
  egress: number,
  nowMs: number
): (typeof Kept)[keyof typeof Kept] => {
  refuse(hold, egress, nowMs)
  if (hold.state[egress] === HoldState.Congested) return Kept.Dropped
  if (hold.count[egress]! >= Bounds.heldFramesPerPort || hold.free < 0) return Kept.Dropped
  const into = hold.free
  hold.free = hold.next[into]!
  const start = slot * batch.slotBytes
  batch.bytes.copyWithin(into * batch.slotBytes, start, start + batch.size[slot]!)
  batch.size[into] = batch.size[slot]!
  batch.port[into] = batch.port[slot]!
  hold.next[into] = -1
  if (hold.last[egress]! >= 0) hold.next[hold.last[egress]!] = into
  else hold.first[egress] = into
  hold.last[egress] = into
  hold.count[egress]!++
  return Kept.Yes
}

/** Notes that a port takes no more: a hold begins, goes on, or is not granted and the port is congested. */
export const refuse = (hold: Hold, egress: number, nowMs: number): void => {
  const state = hold.state[egress]!
  if (state === HoldState.Held || state === HoldState.Congested) return
  if (state === HoldState.Flushing) {
    hold.state[egress] = HoldState.Held
    return
  }
  hold.troubled++
  if (nowMs < hold.noneUntilMs[egress]!) {
    hold.state[egress] = HoldState.Congested
  } else {
    hold.state[egress] = HoldState.Held
    hold.active++
    hold.sinceMs[egress] = nowMs
  }
}

/** A port takes frames again: puts what is held for it at the end of the plan. */
export const flush = (hold: Hold, plan: SendPlan, batch: FrameBatch, egress: number): void => {
  if (takes(hold, egress)) return
  if (hold.state[egress] === HoldState.Congested) hold.active++
  hold.state[egress] = HoldState.Flushing
  for (let slot = hold.first[egress]!; slot >= 0; slot = hold.next[slot]!) {
    Plan.add(plan, slot, egress, batch.size[slot]!)
  }
}

/** The first held frame of a port has been sent or given up: its slot is free. */
export const release = (hold: Hold, egress: number): void => {
  const slot = hold.first[egress]!
  if (slot < 0) return
  hold.first[egress] = hold.next[slot]!
  if (hold.first[egress]! < 0) hold.last[egress] = -1
  hold.next[slot] = hold.free
  hold.free = slot
  hold.count[egress]!--
}

/** After a flush of which nothing failed: the port is open. */
export const settle = (hold: Hold, egress: number): void => {
  if (hold.state[egress] !== HoldState.Flushing || hold.count[egress]! > 0) return
  hold.state[egress] = HoldState.Open
  hold.troubled--
  hold.active--
}

/**
 * Gives up what is held for a port; returns how many frames that were. `closing`: the port goes away and its
 * state with it, else it is congested from now on.
 */
export const giveUp = (hold: Hold, egress: number, nowMs: number, closing: boolean): number => {
  const dropped = hold.count[egress]!
  while (hold.first[egress]! >= 0) release(hold, egress)
  const state = hold.state[egress]!
  if (state === HoldState.Held || state === HoldState.Flushing) hold.active--
  if (closing) {
    if (state !== HoldState.Open) hold.troubled--
    hold.state[egress] = HoldState.Open
    hold.noneUntilMs[egress] = -Infinity
  } else {
    hold.state[egress] = HoldState.Congested
    hold.noneUntilMs[egress] = nowMs + Bounds.holdPauseMs
  }
  return dropped
}

/** Whether a port's hold has lasted its time. */
export const isOver = (hold: Hold, egress: number, nowMs: number): boolean =>
  hold.state[egress] === HoldState.Held && nowMs - hold.sinceMs[egress]! >= Bounds.holdMs
