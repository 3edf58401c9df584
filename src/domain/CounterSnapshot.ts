import type { Counters } from "./Counters.ts"
import { Column, ROW } from "./Counters.ts"
import { reasonNames, refusalNames } from "./Reason.ts"

/**
 * Counters as plain data, by name: whoever goes on with them may know other reasons, or the same ones under other
 * numbers.
 */
export interface CounterSnapshot {
  readonly columns: ReadonlyArray<string>
  /** The ports whose rows these are; -1: the sum of closed ones. */
  readonly ports: Int32Array
  /** One row a port, one number a column. */
  readonly values: Float64Array
  readonly refusals: ReadonlyArray<readonly [name: string, connections: number]>
}

/** Every column's name, and where it stands. */
const columns: ReadonlyArray<readonly [string, number]> = [
  ...Object.entries(Column).filter(([name]) => name !== "denied" && name !== "dropped"),
  ...reasonNames.flatMap((reason, i) => [
    [`denied ${reason}`, Column.denied + i] as const,
    [`dropped ${reason}`, Column.dropped + i] as const
  ])
]

/** Where named columns stand in a row; what lies between is not in use. */
export const places: ReadonlyArray<number> = columns.map(([, column]) => column)

/** Rows of closed ports' sum are known by this. */
const CLOSED = -1

/** @param open the open ports. */
export const snapshot = (counters: Counters, open: Uint16Array): CounterSnapshot => {
  const ports = Int32Array.of(...open, CLOSED)
  const values = new Float64Array(ports.length * columns.length)
  ports.forEach((port, i) => {
    const row = rowOf(counters, port)
    columns.forEach(([, column], k) => {
      values[i * columns.length + k] = counters.values[row + column]!
    })
  })
  return {
    columns: columns.map(([name]) => name),
    ports,
    values,
    refusals: refusalNames.map((name, i) => [name, counters.refused[i]!] as const)
  }
}

const rowOf = (counters: Counters, port: number): number => (port === CLOSED ? counters.rows - 1 : port) * ROW

/**
 * @param counters all 0. Ports and columns that there are not are left out.
 */
export const restore = (counters: Counters, from: CounterSnapshot): void => {
  const known = new Map(columns)
  const into = from.columns.map((name) => known.get(name))
  from.ports.forEach((port, i) => {
    if (port >= counters.rows - 1) return
    const row = rowOf(counters, port)
    into.forEach((column, k) => {
      if (column !== undefined) counters.values[row + column] = from.values[i * from.columns.length + k]!
    })
  })
  for (const [name, connections] of from.refusals) {
    const at = (refusalNames as ReadonlyArray<string>).indexOf(name)
    if (at >= 0) counters.refused[at] = connections
  }
}
