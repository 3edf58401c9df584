import { Bounds, TAP_PORT } from "../Bounds.ts"
import * as Owners from "../OwnerTable.ts"
import { Field, type OwnerTable } from "../OwnerTable.ts"
import type { DhcpFacts } from "./DhcpFacts.ts"

/**
 * Requests for addresses that wait for the host's answer (rule B4): by transaction and hardware address the port that
 * asked.
 *
 * Each port has a few at most, and its oldest makes room; over all the oldest of the port that has most does, so that
 * nobody's request is pushed out by others' many. What a guest sends costs the same however many wait: whoever has many
 * ports could else fill the table and have all of it walked for each frame. What the host answers does walk it.
 */
export interface DhcpSnoop {
  /** By transaction, hardware address and port. A port's are in the order of asking. */
  readonly pending: OwnerTable
  /**
   * The ports that have any, each in the list of how many it has, which is what this table calls a port: so the one
   * that has most is found without a search. Of equals the one that has had so many for longest is first.
   */
  readonly askers: OwnerTable
  /** Numbers requests in the order of asking. Wraps: by then what has waited so long is not answered any more. */
  asked: number
}

/** Of a request: its number. */
const NUMBER = Field.kind

/** @param ports how many port numbers there are. @param seed as of `OwnerTable`. */
export const make = (ports: number, seed: readonly [number, number]): DhcpSnoop => ({
  pending: Owners.make({ capacity: Bounds.pendingDhcp, ports, seed }),
  askers: Owners.make({ capacity: Bounds.pendingDhcp, ports: Bounds.pendingDhcpPerTrunk + 1, seed }),
  asked: 0
})

/** Notes that a guest's port asked. @param most how many requests of a port wait. */
export const ask = (snoop: DhcpSnoop, facts: DhcpFacts, port: number, most: number, nowSeconds: number): void => {
  const { pending } = snoop
  const same = Owners.find(pending, facts.xid, facts.macHigh, facts.macLow, port)
  if (same >= 0) drop(snoop, same)
  if (pending.portCount[port]! >= most) drop(snoop, pending.oldest[port]!)
  if (!Owners.hasRoom(pending)) drop(snoop, pending.oldest[busiest(snoop)]!)
  add(snoop, facts.xid, facts.macHigh, facts.macLow, port, nowSeconds + Bounds.pendingDhcpSeconds)
}

const add = (
  snoop: DhcpSnoop,
  xid: number,
  macHigh: number,
  macLow: number,
  port: number,
  untilSeconds: number
): void => {
  const request = Owners.add(snoop.pending, xid, macHigh, macLow, port, port, 0)
  Owners.set(snoop.pending, request, Field.until, untilSeconds)
  Owners.set(snoop.pending, request, NUMBER, snoop.asked)
  snoop.asked = (snoop.asked + 1) | 0
  recount(snoop, port)
}

const drop = (snoop: DhcpSnoop, request: number): void => {
  const port = Owners.get(snoop.pending, request, Field.port)
  Owners.remove(snoop.pending, request)
  recount(snoop, port)
}

/** A port has one more or one less. */
const recount = ({ askers, pending }: DhcpSnoop, port: number): void => {
  const count = pending.portCount[port]!
  const asker = Owners.find(askers, port, 0, 0, 0)
  if (asker < 0) Owners.add(askers, port, 0, 0, 0, count, 0)
  else if (count > 0) Owners.touch(askers, asker, count, 0)
  else Owners.remove(askers, asker)
}

/** The port with most requests. There is one. */
const busiest = ({ askers }: DhcpSnoop): number => {
  let count = Bounds.pendingDhcpPerTrunk
  while (askers.portCount[count] === 0) count--
  return Owners.get(askers, askers.oldest[count]!, Field.key)
}

const isThere = (pending: OwnerTable, request: number): boolean => Owners.get(pending, request, Field.port) >= 0

/** Whether one request was made before another, wherever the numbers wrap. */
const isBefore = (pending: OwnerTable, one: number, other: number): boolean =>
  ((Owners.get(pending, one, NUMBER) - Owners.get(pending, other, NUMBER)) | 0) < 0

/** The port that an answer is for, the first that asked, or -1; the request is settled. */
export const settle = (snoop: DhcpSnoop, facts: DhcpFacts, nowSeconds: number): number => {
  const { pending } = snoop
  let found = -1
  for (let request = 0; request < pending.used; request++) {
    if (!isThere(pending, request) || !isOf(pending, request, facts)) continue
    if (nowSeconds >= Owners.get(pending, request, Field.until)) continue
    if (found < 0 || isBefore(pending, request, found)) found = request
  }
  if (found < 0) return -1
  const port = Owners.get(pending, found, Field.port)
  drop(snoop, found)
  return port
}

const isOf = (pending: OwnerTable, request: number, facts: DhcpFacts): boolean =>
  Owners.get(pending, request, 0) === facts.xid && Owners.get(pending, request, 1) === facts.macHigh &&
  Owners.get(pending, request, 2) === facts.macLow

/** A port has closed, or all of them when the tap's is meant. */
export const forget = (snoop: DhcpSnoop, port: number): void => {
  const { pending } = snoop
  if (port !== TAP_PORT) {
    while (pending.oldest[port]! >= 0) drop(snoop, pending.oldest[port]!)
    return
  }
  for (let request = 0; request < pending.used; request++) {
    if (isThere(pending, request)) drop(snoop, request)
  }
}

/** `PENDING_WIDTH` integers a request, in the order of asking: the four words of its key, and until which second. */
export const rowsOf = ({ pending }: DhcpSnoop): Int32Array => {
  const requests: Array<number> = []
  Owners.forEach(pending, (request) => requests.push(request))
  requests.sort((one, other) => isBefore(pending, one, other) ? -1 : 1)
  return Int32Array.from(requests.flatMap((request) =>
    [0, 1, 2, 3, Field.until].map((field) => Owners.get(pending, request, field))
  ))
}

export const PENDING_WIDTH = 5

/** Waits for what is in such rows, as far as there are such ports and there is room. */
export const enter = (snoop: DhcpSnoop, rows: Int32Array): void => {
  const { pending } = snoop
  for (let at = 0; at < rows.length; at += PENDING_WIDTH) {
    // The type of a typed array does not say how long it is.
    const [xid, macHigh, macLow, port, untilSeconds] = rows.subarray(at, at + PENDING_WIDTH) as unknown as Row
    if (port >= pending.oldest.length || !Owners.hasRoom(pending)) continue
    if (pending.portCount[port]! < Bounds.pendingDhcpPerTrunk) add(snoop, xid, macHigh, macLow, port, untilSeconds)
  }
}

type Row = readonly [number, number, number, number, number]
