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
 * resumes. After `Bounds.stallMs` at most reading resumes all the same and the port counts as congested: some
 * frames are kept for when it drains, and the rest is dropped at once. A port that stalled that long makes nobody wait
 * for `Bounds.stallPauseMs`, so that a guest that never reads cannot keep slowing those who send to it.
 *
 * Frames of a flood are never kept, and a port that did not take a frame gets none of them before it has drained: what
 * room it makes is for frames that are meant for it. Otherwise who broadcasts fast enough would cost everybody else
 * theirs.
 *
 * A port is open (frames go), stalled, flushing (what is kept is in the plan, and new frames may follow it),
 * or congested. Kept frames lie in slots of the batch's arena behind those that are received into.
 * `active` lists the ports that are stalled or flushing, without gaps: each turn walks over them.
 */
export interface Backlog {
  /** Per port: a {@link BacklogState}. */
  readonly state: Uint8Array
  /** Per port: 1 from when it was full until it has drained. */
  readonly noFlood: Uint8Array
  /** Ports that are not open, and those that get no floods; 0 means that no pass has to look. */
  troubled: number
  /** Ports stalled or flushing, in `active[0 .. activeCount)`; none means that no timer runs and nobody waits. */
  readonly active: Uint16Array
  activeCount: number
  /** Where in `active` a port stands, or -1. */
  readonly position: Int32Array
  /** Per port: its first and last kept slot, -1 when none, and how many. */
  readonly first: Int32Array
  readonly last: Int32Array
  readonly count: Int32Array
  /** Per slot: the next one kept for the same port. */
  readonly next: Int32Array
  /** First free slot, -1 when none, and how many there are. */
  free: number
  freeCount: number
  /** Per port, milliseconds: when it stalled (Infinity: it has not), was last tried; until when it may not stall. */
  readonly sinceMs: Float64Array
  readonly triedMs: Float64Array
  readonly noneUntilMs: Float64Array
  /** Per port: the egress it waits for, or -1 when it is read. */
  readonly waitsFor: Int32Array
}

export const BacklogState = { Open: 0, Stalled: 1, Flushing: 2, Congested: 3 } as const

/** What becomes of a frame that a port cannot take now: kept while its sender waits, kept, or dropped. */
export const Kept = { Waiting: 0, Yes: 1, Dropped: 2 } as const
export type Kept = (typeof Kept)[keyof typeof Kept]

export const make = (ports: number, batch: FrameBatch): Backlog => {
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
export const takes = (backlog: Backlog, port: number): boolean =>
  backlog.state[port] === BacklogState.Open || backlog.state[port] === BacklogState.Flushing

/** Whether a copy of a flood may. */
export const takesFlood = (backlog: Backlog, port: number): boolean =>
  backlog.noFlood[port] === 0 && takes(backlog, port)

/**
 * Keeps the unicast frame in `slot` for a port that is full, and says whether its sender is to wait.
 * The port stalls if it may.
 */
export const keep = (backlog: Backlog, batch: FrameBatch, slot: number, egress: number, nowMs: number): Kept => {
  noteFull(backlog, egress, nowMs)
  const congested = backlog.state[egress] === BacklogState.Congested
  const framesMax = congested ? keptMax(backlog) : Math.max(keptMax(backlog), Bounds.backlogFramesPerPort)
  if (backlog.free < 0 || backlog.count[egress]! >= framesMax) return Kept.Dropped
  const into = append(backlog, egress)
  const start = slot * batch.slotBytes
  batch.bytes.copyWithin(into * batch.slotBytes, start, start + batch.size[slot]!)
  batch.size[into] = batch.size[slot]!
  batch.port[into] = batch.port[slot]!
  return congested ? Kept.Yes : Kept.Waiting
}

/** Takes a free slot, which there has to be, and makes it the last one kept for a port. */
const append = (backlog: Backlog, egress: number): number => {
  const slot = backlog.free
  backlog.free = backlog.next[slot]!
  backlog.freeCount--
  backlog.next[slot] = -1
  if (backlog.last[egress]! >= 0) backlog.next[backlog.last[egress]!] = slot
  else backlog.first[egress] = slot
  backlog.last[egress] = slot
  backlog.count[egress]!++
  return slot
}

/** Frames that a congested port may keep: fewer the more are kept, so that ports that drain in time find slots. */
const keptMax = (backlog: Backlog): number =>
  Math.max(0, Math.min(Bounds.keptFramesPerPort, backlog.freeCount - Bounds.backlogFrames / 4))

/** Notes that a port did not take a unicast frame: it stalls, is still stalled, or may not be and is congested. */
export const noteFull = (backlog: Backlog, egress: number, nowMs: number): void => {
  noteFullForFlood(backlog, egress)
  backlog.triedMs[egress] = nowMs
  const state = backlog.state[egress]!
  if (state === BacklogState.Stalled || state === BacklogState.Congested) return
  if (nowMs < backlog.noneUntilMs[egress]!) return enter(backlog, egress, BacklogState.Congested)
  enter(backlog, egress, BacklogState.Stalled)
  // One that is tried again in vain has been stalled since the first time.
  if (backlog.sinceMs[egress] === Infinity) backlog.sinceMs[egress] = nowMs
}

/** Notes that a port did not take a copy of a flood: it gets no more of them before it has drained. */
export const noteFullForFlood = (backlog: Backlog, egress: number): void => {
  if (backlog.noFlood[egress] === 1) return
  backlog.noFlood[egress] = 1
  backlog.troubled++
}

/** A port has drained: it gets floods again, and what is kept for it goes to the end of the plan. */
export const drained = (backlog: Backlog, plan: SendPlan, batch: FrameBatch, egress: number): void => {
  if (backlog.noFlood[egress] === 1) {
    backlog.noFlood[egress] = 0
    backlog.troubled--
  }
  flush(backlog, plan, batch, egress)
}

/** Puts what is kept for a port at the end of the plan. */
export const flush = (backlog: Backlog, plan: SendPlan, batch: FrameBatch, egress: number): void => {
  if (takes(backlog, egress)) return
  enter(backlog, egress, BacklogState.Flushing)
  for (let slot = backlog.first[egress]!; slot >= 0; slot = backlog.next[slot]!) {
    Plan.add(plan, slot, egress, batch.size[slot]!)
  }
}

/**
 * Keeps a frame that another process kept, and puts it at the end of the plan: what the port does not take now stalls
 * it here. False if there is no room for it.
 *
 * @param octets of at most a slot's size. @param ingress the port that it came from.
 */
export const adopt = (
  backlog: Backlog,
  plan: SendPlan,
  batch: FrameBatch,
  egress: number,
  octets: Uint8Array,
  ingress: number
): boolean => {
  const framesMax = Math.max(keptMax(backlog), Bounds.backlogFramesPerPort)
  if (backlog.free < 0 || backlog.count[egress]! >= framesMax) return false
  const slot = append(backlog, egress)
  batch.bytes.set(octets, slot * batch.slotBytes)
  batch.size[slot] = octets.length
  batch.port[slot] = ingress
  enter(backlog, egress, BacklogState.Flushing)
  Plan.add(plan, slot, egress, octets.length)
  return true
}

/** The first kept frame of a port has been sent or given up: its slot is free. */
export const freeFirst = (backlog: Backlog, egress: number): void => {
  const slot = backlog.first[egress]!
  if (slot < 0) return
  backlog.first[egress] = backlog.next[slot]!
  if (backlog.first[egress]! < 0) backlog.last[egress] = -1
  free(backlog, slot)
  backlog.count[egress]!--
}

/** After a flush of which nothing failed the port is open; false if it was none. */
export const settle = (backlog: Backlog, egress: number): boolean => {
  if (backlog.state[egress] !== BacklogState.Flushing || backlog.count[egress]! > 0) return false
  enter(backlog, egress, BacklogState.Open)
  backlog.sinceMs[egress] = Infinity
  return true
}

/** Whether a port has been stalled for as long as it may. */
export const isOver = (backlog: Backlog, egress: number, nowMs: number): boolean =>
  backlog.state[egress] === BacklogState.Stalled && nowMs - backlog.sinceMs[egress]! >= Bounds.stallMs

/** Whether a stalled port is to be tried again. */
export const isDue = (backlog: Backlog, egress: number, nowMs: number): boolean =>
  backlog.state[egress] === BacklogState.Stalled && nowMs - backlog.triedMs[egress]! >= Bounds.stallRetryMs

/** A port has been stalled long enough: it is congested. Returns how many frames were dropped. */
export const congest = (backlog: Backlog, egress: number, nowMs: number): number => {
  enter(backlog, egress, BacklogState.Congested)
  backlog.sinceMs[egress] = Infinity
  backlog.noneUntilMs[egress] = nowMs + Bounds.stallPauseMs
  return trim(backlog, egress, keptMax(backlog))
}

/** A port goes away. Returns how many frames were kept for it. */
export const close = (backlog: Backlog, egress: number): number => {
  enter(backlog, egress, BacklogState.Open)
  backlog.sinceMs[egress] = Infinity
  backlog.noneUntilMs[egress] = -Infinity
  backlog.waitsFor[egress] = -1
  if (backlog.noFlood[egress] === 1) {
    backlog.noFlood[egress] = 0
    backlog.troubled--
  }
  return trim(backlog, egress, 0)
}

/** Drops what is kept for a port behind its first `keep` frames; returns how many. */
const trim = (backlog: Backlog, egress: number, keep: number): number => {
  let last = -1
  let slot = backlog.first[egress]!
  for (let kept = 0; kept < keep && slot >= 0; kept++) {
    last = slot
    slot = backlog.next[slot]!
  }
  let dropped = 0
  while (slot >= 0) {
    const next = backlog.next[slot]!
    free(backlog, slot)
    slot = next
    dropped++
  }
  if (last >= 0) backlog.next[last] = -1
  else backlog.first[egress] = -1
  backlog.last[egress] = last
  backlog.count[egress]! -= dropped
  return dropped
}

const free = (backlog: Backlog, slot: number): void => {
  backlog.next[slot] = backlog.free
  backlog.free = slot
  backlog.freeCount++
}

/** Puts a port into a state, and what counts and lists such ports right. */
const enter = (backlog: Backlog, egress: number, state: number): void => {
  const was = backlog.state[egress]!
  backlog.state[egress] = state
  backlog.troubled += Number(state !== BacklogState.Open) - Number(was !== BacklogState.Open)
  if (isActive(state) === isActive(was)) return
  if (isActive(state)) list(backlog, egress)
  else unlist(backlog, egress)
}

const isActive = (state: number): boolean => state === BacklogState.Stalled || state === BacklogState.Flushing

const list = (backlog: Backlog, egress: number): void => {
  backlog.position[egress] = backlog.activeCount
  backlog.active[backlog.activeCount++] = egress
}

/** The last of the list takes its place: a walk from the end to the start misses none. */
const unlist = (backlog: Backlog, egress: number): void => {
  const at = backlog.position[egress]!
  const last = backlog.active[--backlog.activeCount]!
  backlog.active[at] = last
  backlog.position[last] = at
  backlog.position[egress] = -1
}
