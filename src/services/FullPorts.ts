import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import * as Count from "../domain/Counters.ts"
import { FLOOD } from "../domain/Destination.ts"
import * as Holds from "../domain/Hold.ts"
import * as Patiences from "../domain/Patience.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason } from "../domain/Reason.ts"
import * as Route from "../domain/Route.ts"
import type { Forwarder } from "./Forwarder.ts"

/*
 * What a turn of the forwarding loop does about ports that are full: it settles what the step could not send, tries
 * held ports again, ends holds in time, and has those who send to them wait and go on. What a hold is, and for how long
 * it lasts, is in `Hold.ts`.
 */

/** How long a step may wait: no longer than until a hold is due. @param timeoutMs if there is none. */
export const waitMs = (forwarder: Forwarder, timeoutMs: number): number => {
  const { exchange, hold } = forwarder
  if (hold.activeCount === 0) return timeoutMs
  let soonest = Infinity
  for (let k = 0; k < hold.activeCount; k++) {
    const port = hold.active[k]!
    // Whoever waits for a port that is being flushed is to be read as soon as that is done.
    if (hold.state[port] === Holds.HoldState.Flushing) return 0
    const overMs = hold.sinceMs[port]! + Bounds.holdMs
    soonest = Math.min(soonest, overMs, hold.triedMs[port]! + Bounds.holdRetryMs)
  }
  const leftMs = Math.max(0, soonest - exchange.nowMs)
  return timeoutMs < 0 ? leftMs : Math.min(timeoutMs, leftMs)
}

/** Counts what the step sent, and deals with what it could not send. Empties the plan. */
export const settle = (forwarder: Forwarder): void => {
  const { counters, exchange, hold, outlets } = forwarder
  const { plan } = exchange
  const { values } = counters
  for (let i = 0; i < plan.count; i++) {
    const to = plan.egress[i]!
    const slot = plan.slot[i]!
    const held = slot >= Bounds.batchFrames
    if (plan.failed === 0 || plan.outcome[i] === 0) {
      const row = to * Count.ROW
      values[row + Count.Column.sentFrames]! += 1
      values[row + Count.Column.sentBytes]! += plan.size[i]!
      if (held) Holds.freeFirst(hold, to)
    } else if (isFull(plan.outcome[i]!)) {
      if (held) Holds.noteFull(hold, to, exchange.nowMs)
      else if (forwarder.destination[slot] === FLOOD) {
        Holds.noteFullForFlood(hold, to)
        Count.countDrop(counters, to, Reason.EGRESS_FULL)
      } else Route.keepOrDrop(exchange.batch, slot, to, outlets, exchange.nowMs)
    } else {
      Count.countDrop(counters, to, to === TAP_PORT ? Reason.TAP_WRITE_ERROR : Reason.EGRESS_FULL)
      if (held) Holds.freeFirst(hold, to)
    }
  }
  plan.count = 0
  reopen(forwarder)
}

/** EAGAIN, on Linux and on DragonFly. */
const isFull = (errno: number): boolean => errno === 11 || errno === 35

/** Ports whose flush went through are open again, and their senders are read. */
const reopen = (forwarder: Forwarder): void => {
  const { hold } = forwarder
  for (let k = hold.activeCount - 1; k >= 0; k--) {
    const port = hold.active[k]!
    if (Holds.settle(hold, port)) resume(forwarder, port)
  }
}

/** Held ports are tried again now and then; holds that have lasted their time end, and the senders are read again. */
export const attend = (forwarder: Forwarder): void => {
  const { counters, exchange, hold } = forwarder
  for (let k = hold.activeCount - 1; k >= 0; k--) {
    const port = hold.active[k]!
    if (Holds.isOver(hold, port, exchange.nowMs)) {
      const dropped = Holds.congest(hold, port, exchange.nowMs)
      counters.values[port * Count.ROW + Count.Column.dropped + Reason.EGRESS_FULL]! += dropped
      resume(forwarder, port)
    } else if (Holds.isDue(hold, port, exchange.nowMs)) Holds.flush(hold, exchange.plan, exchange.batch, port)
  }
}

/** Has a port that sends wait for a full one. */
export const pause = (forwarder: Forwarder, ingress: number, egress: number): void => {
  const { exchange, hold, outlets: { patience }, ports } = forwarder
  if (hold.waitsFor[ingress]! >= 0 || !PortSet.isOpen(ports, ingress)) return
  hold.waitsFor[ingress] = egress
  Patiences.begin(patience, ingress, exchange.nowMs)
  exchange.pause(ingress)
}

/** Reads again all ports that waited for this one. */
export const resume = (forwarder: Forwarder, egress: number): void => {
  const { exchange, hold, outlets: { patience }, ports } = forwarder
  for (let k = 0; k < ports.openCount; k++) {
    const port = ports.open[k]!
    if (hold.waitsFor[port] !== egress) continue
    hold.waitsFor[port] = -1
    Patiences.end(patience, port, exchange.nowMs)
    exchange.resume(port)
  }
}
