import type { AdmissionState } from "./AdmissionState.ts"
import { Bounds } from "./Bounds.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import { isReachable } from "./Stations.ts"

/*
 * The table of stations as people are told it: slice by slice, for the thread that is asked is the one that forwards,
 * and a quarter of a million stations in one go would hold up every guest for a tenth of a second. A slice is of one
 * moment, and a station that is there all the while is told once, at the port where it was then. One that is forgotten
 * and heard anew between two slices may be told twice, or not at all.
 */

/** The integers of a row: the MAC address in two, the port, for how long it has been silent, and 1 if it is pinned. */
export const StationField = { hi: 0, lo: 1, port: 2, ageSeconds: 3, pinned: 4 } as const
export const STATION_FIELDS = 5

export interface StationSlice {
  /** `STATION_FIELDS` integers a station, in no order. Plain data: it crosses threads. */
  readonly rows: Int32Array
  /** Where the next slice begins; -1: that was the last. */
  readonly next: number
}

/** Looks at `Bounds.stationsPerSlice` places of the table, and takes what may be reached. @param from 0 at first. */
export const take = (state: AdmissionState, from: number, nowSeconds: number): StationSlice => {
  const { stations } = state
  const next = Math.min(stations.used, from + Bounds.stationsPerSlice)
  const rows = new Int32Array(Math.max(0, next - from) * STATION_FIELDS)
  let end = 0
  for (let station = from; station < next; station++) {
    const port = Owners.get(stations, station, Field.port)
    if (port < 0 || !isReachable(state, station, nowSeconds)) continue
    rows[end + StationField.hi] = Owners.get(stations, station, Field.key)
    rows[end + StationField.lo] = Owners.get(stations, station, Field.key + 1)
    rows[end + StationField.port] = port
    rows[end + StationField.ageSeconds] = nowSeconds - Owners.get(stations, station, Field.seen)
    rows[end + StationField.pinned] = Owners.get(stations, station, Field.pinned)
    end += STATION_FIELDS
  }
  return { rows: rows.subarray(0, end), next: next < stations.used ? next : -1 }
}

/**
 * The rows of all slices port by port, in pieces of whole ports: each has `Bounds.stationsPerSlice` stations, or with
 * its last port more, but for the last piece.
 */
export const byPort = (slices: ReadonlyArray<Int32Array>): ReadonlyArray<Int32Array> => {
  const ends: Array<number> = []
  let length = 0
  for (const rows of slices) {
    length += rows.length
    for (let at = StationField.port; at < rows.length; at += STATION_FIELDS) {
      for (let port = ends.length; port <= rows[at]!; port++) ends.push(0)
      ends[rows[at]!]! += STATION_FIELDS
    }
  }
  const pieces: Array<readonly [from: number, to: number]> = []
  let from = 0
  let end = 0
  for (const [port, size] of ends.entries()) {
    ends[port] = end
    end += size
    if (end - from < Bounds.stationsPerSlice * STATION_FIELDS && end < length) continue
    pieces.push([from, end])
    from = end
  }
  const sorted = new Int32Array(length)
  for (const rows of slices) {
    for (let at = 0; at < rows.length; at += STATION_FIELDS) {
      const port = rows[at + StationField.port]!
      for (let k = 0; k < STATION_FIELDS; k++) sorted[ends[port]! + k] = rows[at + k]!
      ends[port]! += STATION_FIELDS
    }
  }
  return pieces.map(([from, to]) => sorted.subarray(from, to))
}
