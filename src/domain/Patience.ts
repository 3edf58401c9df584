import { Bounds } from "./Bounds.ts"

/**
 * How long each port may still wait for full ones to which it has sent.
 *
 * Who sends to one other port is as fast as that one reads: then waiting is all that there is to do, and loses nothing.
 * Who sends to several, the host above all, has every one of them wait for the slowest, and a guest that reads slowly
 * on purpose, or many that do not read, would take away everybody's traffic. So such a port waits for `Bounds.waitMs`
 * at once, and as much in each `Bounds.waitPeriodMs`; when that is spent it is read on, and of what it sends to a full
 * port as much is kept as there is room for.
 */
export interface Patience {
  /** Per port: where its latest unicast frame went, or -1. */
  readonly latest: Int32Array
  /** Per port, milliseconds: when that was another port than before. */
  readonly variedMs: Float64Array
  /** Per port, milliseconds: since when it waits. */
  readonly sinceMs: Float64Array
  /** Per port, milliseconds: when it will have made up for having waited. */
  readonly evenMs: Float64Array
}

export const make = (ports: number): Patience => ({
  latest: new Int32Array(ports).fill(-1),
  variedMs: new Float64Array(ports).fill(-Infinity),
  sinceMs: new Float64Array(ports),
  evenMs: new Float64Array(ports).fill(-Infinity)
})

/** Notes that a port sends a unicast frame to another one. */
export const send = (patience: Patience, ingress: number, egress: number, nowMs: number): void => {
  if (patience.latest[ingress] === egress) return
  if (patience.latest[ingress]! >= 0) patience.variedMs[ingress] = nowMs
  patience.latest[ingress] = egress
}

/**
 * Notes that the host sends a frame to all of several guests: what all wait for, as ARP, must not go at the pace of the
 * one to whom it sends more.
 */
export const flood = (patience: Patience, ingress: number, nowMs: number): void => {
  patience.variedMs[ingress] = nowMs
}

/** Whether a port may begin to wait: not for what another guest sent that had its number before. */
export const lasts = (patience: Patience, ingress: number, nowMs: number): boolean =>
  patience.latest[ingress]! >= 0
  && (nowMs - patience.variedMs[ingress]! >= Bounds.waitPeriodMs
    || patience.evenMs[ingress]! - nowMs < Bounds.waitPeriodMs)

/** A port begins to wait. */
export const begin = (patience: Patience, ingress: number, nowMs: number): void => {
  patience.sinceMs[ingress] = nowMs
}

/** A port has waited. */
export const end = (patience: Patience, ingress: number, nowMs: number): void => {
  const owedMs = (nowMs - patience.sinceMs[ingress]!) * (Bounds.waitPeriodMs / Bounds.waitMs)
  patience.evenMs[ingress] = Math.max(patience.evenMs[ingress]!, nowMs) + owedMs
}

/** A port goes away: the next one with its number has not waited. */
export const forget = (patience: Patience, port: number): void => {
  patience.latest[port] = -1
  patience.variedMs[port] = -Infinity
  patience.evenMs[port] = -Infinity
}
