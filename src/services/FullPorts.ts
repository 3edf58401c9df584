import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import * as Count from "../domain/Counters.ts"
import { FLOOD } from "../domain/Destination.ts"
import * as Backlogs from "../domain/Backlog.ts"
import * as Patiences from "../domain/Patience.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason } from "../domain/Reason.ts"
import * as Route from "../domain/Route.ts"
import type { Forwarder } from "./Forwarder.ts"

/*
 * What a turn of the forwarding loop does about ports that are full: it settles what the step could not send, tries
 * stalled ports again, ends that in time, and has those who send to them wait and go on. What is kept for a stalled
 * port, and for how long it may be one, is in `Backlog.ts`.
 */

/** How long a step may wait: no longer than until a stalled port is due. @param timeoutMs if there is none. */
export const waitMs = (forwarder: Forwarder, timeoutMs: number): number => {
  const { backlog, exchange } = forwarder
  if (backlog.activeCount === 0) return timeoutMs
  let soonest = Infinity
  for (let k = 0; k < backlog.activeCount; k++) {
    const port = backlog.active[k]!
    // Whoever waits for a port that is being flushed is to be read as soon as that is done.
    if (backlog.state[port] === Backlogs.BacklogState.Flushing) return 0
    const overMs = backlog.sinceMs[port]! + Bounds.stallMs
    soonest = Math.min(soonest, overMs, backlog.triedMs[port]! + Bounds.stallRetryMs)
  }
  const leftMs = Math.max(0, soonest - exchange.nowMs)
  return timeoutMs < 0 ? leftMs : Math.min(timeoutMs, leftMs)
}

/** Counts what the step sent, and deals with what it could not send. Empties the plan. */
export const settle = (forwarder: Forwarder): void => {
  const { backlog, counters, exchange, outlets } = forwarder
  const { plan } = exchange
  const { values } = counters
  for (let i = 0; i < plan.count; i++) {
    const to = plan.egress[i]!
    const slot = plan.slot[i]!
    const wasKept = slot >= Bounds.batchFrames
    if (plan.failed === 0 || plan.outcome[i] === 0) {
      const row = to * Count.ROW
      values[row + Count.Column.sentFrames]! += 1
      values[row + Count.Column.sentBytes]! += plan.size[i]!
      if (wasKept) Backlogs.freeFirst(backlog, to)
    } else if (isFull(plan.outcome[i]!)) {
      if (wasKept) Backlogs.noteFull(backlog, to, exchange.nowMs)
      else if (forwarder.destination[slot] === FLOOD) {
        Backlogs.noteFullForFlood(backlog, to)
        Count.countDrop(counters, to, Reason.EGRESS_FULL)
      } else Route.keepOrDrop(exchange.batch, slot, to, outlets, exchange.nowMs)
    } else {
      Count.countDrop(counters, to, to === TAP_PORT ? Reason.TAP_WRITE_ERROR : Reason.EGRESS_FULL)
      if (wasKept) Backlogs.freeFirst(backlog, to)
    }
  }
  plan.count = 0
  reopen(forwarder)
}

/** EAGAIN, on Linux and on DragonFly. */
const isFull = (errno: number): boolean => errno === 11 || errno === 35

/** Ports whose flush went through are open again, and their senders are read. */
const reopen = (forwarder: Forwarder): void => {
  const { backlog } = forwarder
  for (let k = backlog.activeCount - 1; k >= 0; k--) {
    const port = backlog.active[k]!
    if (Backlogs.settle(backlog, port)) resume(forwarder, port)
  }
}

/** Stalled ports are tried again now and then; in time they are congested, and the senders are read again. */
export const attend = (forwarder: Forwarder): void => {
  const { backlog, counters, exchange } = forwarder
  for (let k = backlog.activeCount - 1; k >= 0; k--) {
    const port = backlog.active[k]!
    if (Backlogs.isOver(backlog, port, exchange.nowMs)) {
      const dropped = Backlogs.congest(backlog, port, exchange.nowMs)
      counters.values[port * Count.ROW + Count.Column.dropped + Reason.EGRESS_FULL]! += dropped
      resume(forwarder, port)
    } else if (Backlogs.isDue(backlog, port, exchange.nowMs)) {
      Backlogs.flush(backlog, exchange.plan, exchange.batch, port)
    }
  }
}

/** Has a port that sends wait for a full one. */
export const pause = (forwarder: Forwarder, ingress: number, egress: number): void => {
  const { backlog, exchange, outlets: { patience }, ports } = forwarder
  if (backlog.waitsFor[ingress]! >= 0 || !PortSet.isOpen(ports, ingress)) return
  backlog.waitsFor[ingress] = egress
  Patiences.begin(patience, ingress, exchange.nowMs)
  exchange.pause(ingress)
}

/** Reads again all ports that waited for this one. */
export const resume = (forwarder: Forwarder, egress: number): void => {
  const { backlog, exchange, outlets: { patience }, ports } = forwarder
  for (let k = 0; k < ports.openCount; k++) {
    const port = ports.open[k]!
    if (backlog.waitsFor[port] !== egress) continue
    backlog.waitsFor[port] = -1
    Patiences.end(patience, port, exchange.nowMs)
    exchange.resume(port)
  }
}
