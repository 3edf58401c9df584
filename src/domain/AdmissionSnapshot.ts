import type { AdmissionState } from "./AdmissionState.ts"
import { ratesOf } from "./AdmissionState.ts"
import type { OwnerTable } from "./OwnerTable.ts"
import * as Owners from "./OwnerTable.ts"
import * as Snoop from "./policy/DhcpSnoop.ts"
import * as Held from "./policy/HeldIdentities.ts"
import { Field } from "./OwnerTable.ts"

/*
 * What is remembered, as plain data that another process can go on from.
 *
 * Facts are written one by one and entered anew on the other side: so neither the tables' sizes nor the seeds of their
 * hashes need be the same, and a fact that does not fit is forgotten as if it had been silent for long. Times are those
 * of the kernel's monotonic clock, which all processes share.
 */
export interface AdmissionSnapshot {
  /** `FACT_WIDTH` integers a fact; the facts of a port in the order of its list. */
  readonly stations: Int32Array
  readonly claims: Int32Array
  readonly identifiers: Int32Array
  readonly moves: {
    readonly rows: Int32Array
    readonly count: Float64Array
    readonly latest: Float64Array
    readonly total: number
  }
  /** As `HeldIdentities` writes them. */
  readonly held: Int32Array
  /** As `DhcpSnoop` does. */
  readonly pending: Int32Array
  /** `BUCKET_WIDTH` numbers an open port: its number, then tokens and filling time of each of its buckets. */
  readonly buckets: Float64Array
}

/**
 * Key, port, second of the last use, kind, end of term, whether it is pinned, until when its port finds out whether it
 * is free, what else there is to say.
 */
export const FACT_WIDTH = 12
const fields = [
  Field.key, Field.key + 1, Field.key + 2, Field.key + 3, Field.port, Field.seen, Field.kind, Field.until,
  Field.pinned, Field.probed, Field.told, Field.told + 1
] as const

/** Port; tokens and milliseconds of each rate. */
export const BUCKET_WIDTH = 13

/** @param open the open ports. */
export const snapshot = (state: AdmissionState, open: Uint16Array): AdmissionSnapshot => {
  const { held, moves, snoop } = state
  const buckets = new Float64Array(open.length * BUCKET_WIDTH)
  open.forEach((port, i) => {
    const at = i * BUCKET_WIDTH
    buckets[at] = port
    ratesOf(state).forEach((limit, k) => {
      buckets[at + 1 + 2 * k] = limit.tokens[port]!
      buckets[at + 2 + 2 * k] = limit.filledMs[port]!
    })
  })
  return {
    stations: factsOf(state.stations),
    claims: factsOf(state.claims),
    identifiers: factsOf(state.identifiers),
    moves: {
      rows: moves.rows.slice(),
      count: moves.count.slice(),
      latest: moves.latest.slice(),
      total: moves.total
    },
    held: Held.rowsOf(held),
    pending: Snoop.rowsOf(snoop),
    buckets
  }
}

const factsOf = (table: OwnerTable): Int32Array => {
  const rows = new Int32Array(table.count * FACT_WIDTH)
  let at = 0
  for (let port = 0; port < table.oldest.length; port++) {
    for (let fact = table.oldest[port]!; fact >= 0; fact = Owners.next(table, fact)) {
      for (const field of fields) rows[at++] = Owners.get(table, fact, field)
    }
  }
  return rows
}

/** @param state as made; with the ports of the snapshot. Facts of ports that there are not are left out. */
export const restore = (state: AdmissionState, from: AdmissionSnapshot): void => {
  enter(state.stations, from.stations)
  enter(state.claims, from.claims)
  enter(state.identifiers, from.identifiers)
  const { moves } = state
  // With another number of rows the latest moves are not worth the trouble.
  if (from.moves.latest.length === moves.latest.length && from.moves.rows.length === moves.rows.length) {
    moves.rows.set(from.moves.rows)
    moves.count.set(from.moves.count)
    moves.latest.set(from.moves.latest)
  }
  moves.total = from.moves.total
  Held.enter(state.held, from.held)
  Snoop.enter(state.snoop, from.pending)
  for (let at = 0; at < from.buckets.length; at += BUCKET_WIDTH) {
    const port = from.buckets[at]!
    if (port < state.ratedUid.length) state.ratedUid[port] = state.uid[port]!
    ratesOf(state).forEach((limit, k) => {
      if (port >= limit.tokens.length) return
      limit.tokens[port] = from.buckets[at + 1 + 2 * k]!
      limit.filledMs[port] = from.buckets[at + 2 + 2 * k]!
    })
  }
}

const enter = (table: OwnerTable, rows: Int32Array): void => {
  for (let at = 0; at < rows.length; at += FACT_WIDTH) {
    // The type of a typed array does not say how long it is.
    const row = rows.subarray(at, at + FACT_WIDTH) as unknown as Row
    const [a, b, c, d, port, seen, kind, until, pinned, probed, one, two] = row
    if (port >= table.oldest.length || !Owners.hasRoom(table) || Owners.find(table, a, b, c, d) >= 0) continue
    const fact = Owners.add(table, a, b, c, d, port, seen)
    Owners.set(table, fact, Field.kind, kind)
    Owners.set(table, fact, Field.until, until)
    Owners.set(table, fact, Field.probed, probed)
    Owners.set(table, fact, Field.told, one)
    Owners.set(table, fact, Field.told + 1, two)
    if (pinned === 1) Owners.pin(table, fact)
  }
}

type Row = readonly [
  number, number, number, number, number, number, number, number, number, number, number, number
]
