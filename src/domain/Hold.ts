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
 * resumes. After `Bounds.holdMs` at most reading resumes all the same and the port counts as congested: some
 * frames are kept for when it drains, and the rest is dropped at once. A port whose hold ran out makes nobody wait for
 * `Bounds.holdPauseMs`, so that a guest that never reads cannot keep slowing those who send to it.
 *
 * Frames of a flood are never held, and a port that did not take a frame gets none of them before it has drained: what
 * room it makes is for frames that are meant for it. Otherwise who broadcasts fast enough would cost everybody else
 * theirs.
 *
 * A port is open (frames go), held, flushing (what is held is in the plan, and new frames may follow it),
 * or congested. Kept frames lie in slots of the batch's arena behind those that are received into.
 * `active` lists the ports that are held or flushing, without gaps: each turn walks over them.
 */
export interface Hold {
  /** Per port: a {@link HoldState}. */
  readonly state: Uint8Array
  /** Per port: 1 from when it was full until it has drained. */
  readonly noFlood: Uint8Array
  /** Ports that are not open, and those that get no floods; 0 means that no pass has to look. */
  troubled: number
  /** Ports held or flushing, in `active[0 .. activeCount)`; none means that no timer runs and nobody waits. */
  readonly active: Uint16Array
  activeCount: number
  /** Where in `active` a port stands, or -1. */
  readonly position: Int32Array
  /** Per port: its first and last held slot, -1 when none, and how many. */
  readonly first: Int32Array
  readonly last: Int32Array
  readonly count: Int32Array
  /** Per slot: the next one held for the same port. */
  readonly next: Int32Array
  /** First free slot, -1 when none, and how many there are. */
  free: number
  freeCount: number
  /** Per port, milliseconds: when its hold began (Infinity: it has none), was last tried; until when it gets none. */
  readonly sinceMs: Float64Array
  readonly triedMs: Float64Array
  readonly noneUntilMs: Float64Array
  /** Per port: the egress it waits for, or -1 when it is read. */
  readonly waitsFor: Int32Array
}

export const HoldState = { Open: 0, Held: 1, Flushing: 2, Congested: 3 } as const

/** What becomes of a frame that a port cannot take now: kept while its sender waits, kept, or dropped. */
export const Kept = { Waiting: 0, Yes: 1, Dropped: 2 } as const
export type Kept = (typeof Kept)[keyof typeof Kept]

export const make = (ports: number, batch: FrameBatch): Hold => {
  const next = new Int32Array(batch.slotCount).fill(-1)
  for (let slot = Bounds.batchFrames; slot + 1 < batch.slotCount; slot++) next[slot] = slot + 1
  return {
    state: new Uint8Array(ports),
    noFlood: new Uint8Array(ports),
    troubled: 0,
    active: new Uint16Array(ports),
    activeCount: 0,
    position: new Int32Array(ports).fill(-1),
    first: new Int32Array(ports).fill(-1),
    last: new Int32Array(ports).fill(-1),
    count: new Int32Array(ports),
    next,
    free: Bounds.batchFrames < batch.slotCount ? Bounds.batchFrames : -1,
    freeCount: batch.slotCount - Bounds.batchFrames,
    sinceMs: new Float64Array(ports).fill(Infinity),
    triedMs: new Float64Array(ports),
    noneUntilMs: new Float64Array(ports).fill(-Infinity),
    waitsFor: new Int32Array(ports).fill(-1)
  }
}

/** Whether a unicast frame may go straight into the plan for this port. */
export const takes = (hold: Hold, port: number): boolean =>
  hold.state[port] === HoldState.Open || hold.state[port] === HoldState.Flushing

/** Whether a copy of a flood may. */
export const takesFlood = (hold: Hold, port: number): boolean => hold.noFlood[port] === 0 && takes(hold, port)

/**
 * Keeps the unicast frame in `slot` for a port that is full, and says whether its sender is to wait.
 * Begins a hold if the port has none and may have one.
 */
export const keep = (hold: Hold, batch: FrameBatch, slot: number, egress: number, nowMs: number): Kept => {
  noteFull(hold, egress, nowMs)
  const congested = hold.state[egress] === HoldState.Congested
  const framesMax = congested ? keptMax(hold) : Math.max(keptMax(hold), Bounds.heldFramesPerPort)
  if (hold.free < 0 || hold.count[egress]! >= framesMax) return Kept.Dropped
  const into = append(hold, egress)
  const start = slot * batch.slotBytes
  batch.bytes.copyWithin(into * batch.slotBytes, start, start + batch.size[slot]!)
  batch.size[into] = batch.size[slot]!
  batch.port[into] = batch.port[slot]!
  return congested ? Kept.Yes : Kept.Waiting
}

/** Takes a free slot, which there has to be, and makes it the last one held for a port. */
const append = (hold: Hold, egress: number): number => {
  const slot = hold.free
  hold.free = hold.next[slot]!
  hold.freeCount--
  hold.next[slot] = -1
  if (hold.last[egress]! >= 0) hold.next[hold.last[egress]!] = slot
  else hold.first[egress] = slot
  hold.last[egress] = slot
  hold.count[egress]!++
  return slot
}

/** Frames that a congested port may keep: fewer the more are kept, so that ports that drain in time find slots. */
const keptMax = (hold: Hold): number =>
  Math.max(0, Math.min(Bounds.keptFramesPerPort, hold.freeCount - Bounds.heldFrames / 4))

/** Notes that a port did not take a unicast frame: its hold begins, goes on, or is not granted and it is congested. */
export const noteFull = (hold: Hold, egress: number, nowMs: number): void => {
  noteFullForFlood(hold, egress)
  hold.triedMs[egress] = nowMs
  const state = hold.state[egress]!
  if (state === HoldState.Held || state === HoldState.Congested) return
  if (nowMs < hold.noneUntilMs[egress]!) return enter(hold, egress, HoldState.Congested)
  enter(hold, egress, HoldState.Held)
  // A hold that is tried again in vain goes on with its time.
  if (hold.sinceMs[egress] === Infinity) hold.sinceMs[egress] = nowMs
}

/** Notes that a port did not take a copy of a flood: it gets no more of them before it has drained. */
export const noteFullForFlood = (hold: Hold, egress: number): void => {
  if (hold.noFlood[egress] === 1) return
  hold.noFlood[egress] = 1
  hold.troubled++
}

/** A port has drained: it gets floods again, and what is held for it goes to the end of the plan. */
export const drained = (hold: Hold, plan: SendPlan, batch: FrameBatch, egress: number): void => {
  if (hold.noFlood[egress] === 1) {
    hold.noFlood[egress] = 0
    hold.troubled--
  }
  flush(hold, plan, batch, egress)
}

/** Puts what is held for a port at the end of the plan. */
export const flush = (hold: Hold, plan: SendPlan, batch: FrameBatch, egress: number): void => {
  if (takes(hold, egress)) return
  enter(hold, egress, HoldState.Flushing)
  for (let slot = hold.first[egress]!; slot >= 0; slot = hold.next[slot]!) {
    Plan.add(plan, slot, egress, batch.size[slot]!)
  }
}

/**
 * Keeps a frame that another process kept, and puts it at the end of the plan: what the port does not take now begins a
 * hold here. False if there is no room for it.
 *
 * @param octets of at most a slot's size. @param ingress the port that it came from.
 */
export const adopt = (
  hold: Hold,
  plan: SendPlan,
  batch: FrameBatch,
  egress: number,
  octets: Uint8Array,
  ingress: number
): boolean => {
  if (hold.free < 0 || hold.count[egress]! >= Math.max(keptMax(hold), Bounds.heldFramesPerPort)) return false
  const slot = append(hold, egress)
  batch.bytes.set(octets, slot * batch.slotBytes)
  batch.size[slot] = octets.length
  batch.port[slot] = ingress
  enter(hold, egress, HoldState.Flushing)
  Plan.add(plan, slot, egress, octets.length)
  return true
}

/** The first held frame of a port has been sent or given up: its slot is free. */
export const freeFirst = (hold: Hold, egress: number): void => {
  const slot = hold.first[egress]!
  if (slot < 0) return
  hold.first[egress] = hold.next[slot]!
  if (hold.first[egress]! < 0) hold.last[egress] = -1
  free(hold, slot)
  hold.count[egress]!--
}

/** After a flush of which nothing failed the port is open; false if it was none. */
export const settle = (hold: Hold, egress: number): boolean => {
  if (hold.state[egress] !== HoldState.Flushing || hold.count[egress]! > 0) return false
  enter(hold, egress, HoldState.Open)
  hold.sinceMs[egress] = Infinity
  return true
}

/** Whether a port's hold has lasted its time. */
export const isOver = (hold: Hold, egress: number, nowMs: number): boolean =>
  hold.state[egress] === HoldState.Held && nowMs - hold.sinceMs[egress]! >= Bounds.holdMs

/** Whether a held port is to be tried again. */
export const isDue = (hold: Hold, egress: number, nowMs: number): boolean =>
  hold.state[egress] === HoldState.Held && nowMs - hold.triedMs[egress]! >= Bounds.holdRetryMs

/** A hold is over: the port is congested. Returns how many frames were dropped. */
export const congest = (hold: Hold, egress: number, nowMs: number): number => {
  enter(hold, egress, HoldState.Congested)
  hold.sinceMs[egress] = Infinity
  hold.noneUntilMs[egress] = nowMs + Bounds.holdPauseMs
  return trim(hold, egress, keptMax(hold))
}

/** A port goes away. Returns how many frames were held for it. */
export const close = (hold: Hold, egress: number): number => {
  enter(hold, egress, HoldState.Open)
  hold.sinceMs[egress] = Infinity
  hold.noneUntilMs[egress] = -Infinity
  hold.waitsFor[egress] = -1
  if (hold.noFlood[egress] === 1) {
    hold.noFlood[egress] = 0
    hold.troubled--
  }
  return trim(hold, egress, 0)
}

/** Drops what is held for a port behind its first `keep` frames; returns how many. */
const trim = (hold: Hold, egress: number, keep: number): number => {
  let last = -1
  let slot = hold.first[egress]!
  for (let kept = 0; kept < keep && slot >= 0; kept++) {
    last = slot
    slot = hold.next[slot]!
  }
  let dropped = 0
  while (slot >= 0) {
    const next = hold.next[slot]!
    free(hold, slot)
    slot = next
    dropped++
  }
  if (last >= 0) hold.next[last] = -1
  else hold.first[egress] = -1
  hold.last[egress] = last
  hold.count[egress]! -= dropped
  return dropped
}

const free = (hold: Hold, slot: number): void => {
  hold.next[slot] = hold.free
  hold.free = slot
  hold.freeCount++
}

/** Puts a port into a state, and what counts and lists such ports right. */
const enter = (hold: Hold, egress: number, state: number): void => {
  const was = hold.state[egress]!
  hold.state[egress] = state
  hold.troubled += Number(state !== HoldState.Open) - Number(was !== HoldState.Open)
  if (isActive(state) === isActive(was)) return
  if (isActive(state)) list(hold, egress)
  else unlist(hold, egress)
}

const isActive = (state: number): boolean => state === HoldState.Held || state === HoldState.Flushing

const list = (hold: Hold, egress: number): void => {
  hold.position[egress] = hold.activeCount
  hold.active[hold.activeCount++] = egress
}

/** The last of the list takes its place: a walk from the end to the start misses none. */
const unlist = (hold: Hold, egress: number): void => {
  const at = hold.position[egress]!
  const last = hold.active[--hold.activeCount]!
  hold.active[at] = last
  hold.position[last] = at
  hold.position[egress] = -1
}
