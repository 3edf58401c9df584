import { Bounds, TAP_PORT } from "../Bounds.ts"
import * as Owners from "../OwnerTable.ts"
import { Field, type OwnerTable } from "../OwnerTable.ts"
import type { DhcpFacts } from "./DhcpFacts.ts"

/**
 * Requests for addresses that wait for the host's answer (rule B4): by transaction and hardware address the port that
 * asked.
 *
 * Each port has a few at most, and its oldest makes room; over all the oldest of the port that has most does, so that
 * nobody's request is pushed out by others' many. What a guest sends costs the same however many wait, but when there
 * is no room at all: then, and for what the host answers, all of them are looked at.
 */
export interface DhcpSnoop {
  /** By transaction, hardware address and port. A port's are in the order of asking. */
  readonly pending: OwnerTable
  /** Numbers requests in the order of asking. Wraps: by then what has waited so long is not answered any more. */
  asked: number
}

/** Of a request: its number. */
const NUMBER = Field.kind

/** @param ports how many port numbers there are. @param seed as of `OwnerTable`. */
export const make = (ports: number, seed: readonly [number, number]): DhcpSnoop => ({
  pending: Owners.make({ capacity: Bounds.pendingDhcp, ports, seed }),
  asked: 0
})

/** Notes that a guest's port asked. @param most how many requests of a port wait. */
export const ask = (snoop: DhcpSnoop, facts: DhcpFacts, port: number, most: number, nowSeconds: number): void => {
  const { pending } = snoop
  const same = Owners.find(pending, facts.xid, facts.macHigh, facts.macLow, port)
  if (same >= 0) Owners.remove(pending, same)
  if (pending.portCount[port]! >= most) Owners.remove(pending, pending.oldest[port]!)
  if (!Owners.hasRoom(pending)) Owners.remove(pending, oldestOfBusiest(pending))
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
}

const isThere = (pending: OwnerTable, request: number): boolean => Owners.get(pending, request, Field.port) >= 0

/** Whether one request was made before another, wherever the numbers wrap. */
const isBefore = (pending: OwnerTable, one: number, other: number): boolean =>
  ((Owners.get(pending, one, NUMBER) - Owners.get(pending, other, NUMBER)) | 0) < 0

/** The oldest request of the port with most; of equals that of the port that has waited longest. There is one. */
const oldestOfBusiest = (pending: OwnerTable): number => {
  let found = -1
  let most = 0
  for (let request = 0; request < pending.used; request++) {
    const port = Owners.get(pending, request, Field.port)
    if (port < 0 || pending.oldest[port] !== request) continue
    const count = pending.portCount[port]!
    if (count < most || (count === most && !isBefore(pending, request, found))) continue
    found = request
    most = count
  }
  return found
}

/** The port that an answer is for, the first that asked, or -1; the request is settled. */
export const settle = ({ pending }: DhcpSnoop, facts: DhcpFacts, nowSeconds: number): number => {
  let found = -1
  for (let request = 0; request < pending.used; request++) {
    if (!isThere(pending, request) || !isOf(pending, request, facts)) continue
    if (nowSeconds >= Owners.get(pending, request, Field.until)) continue
    if (found < 0 || isBefore(pending, request, found)) found = request
  }
  if (found < 0) return -1
  const port = Owners.get(pending, found, Field.port)
  Owners.remove(pending, found)
  return port
}

const isOf = (pending: OwnerTable, request: number, facts: DhcpFacts): boolean =>
  Owners.get(pending, request, 0) === facts.xid && Owners.get(pending, request, 1) === facts.macHigh &&
  Owners.get(pending, request, 2) === facts.macLow

/** A port has closed, or all of them when the tap's is meant. */
export const forget = ({ pending }: DhcpSnoop, port: number): void => {
  if (port !== TAP_PORT) {
    while (pending.oldest[port]! >= 0) Owners.remove(pending, pending.oldest[port]!)
    return
  }
  for (let request = 0; request < pending.used; request++) {
    if (isThere(pending, request)) Owners.remove(pending, request)
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
  for (let at = 0; at < rows.length; at += PENDING_WIDTH) {
    const [xid, macHigh, macLow, port, untilSeconds] = rows.subarray(at, at + PENDING_WIDTH) as unknown as Row
    if (port < snoop.pending.oldest.length && Owners.hasRoom(snoop.pending)) {
      add(snoop, xid, macHigh, macLow, port, untilSeconds)
    }
  }
}

type Row = readonly [number, number, number, number, number]
