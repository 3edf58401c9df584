import { Bounds } from "./Bounds.ts"
import * as MoveLog from "./MoveLog.ts"

/**
 * Which station lives behind which port.
 *
 * A station is eight integers of one array, so that what is known of it lies in one cache line's half. A second,
 * four times longer array finds it: open addressing, linear probing, and a hash seeded with numbers no guest knows, for
 * a guest chooses its addresses and must not be able to put all of them into one chain. A removed slot
 * is closed by moving later ones back, so there are no tombstones to collect.
 *
 * The stations of a port form a list from the latest seen to the one longest silent. Seconds are
 * the grain: within a second the order is that of arrival, and a busy station costs no list work.
 *
 * When a port is at its cap it loses its own longest silent station; when the whole table is full, the fullest
 * port loses one. So a guest that invents addresses pushes out its own, never those of a port
 * that holds fewer.
 */
export interface StationTable {
  /** `STRIDE` integers a station: hi, lo, port, seen, newer, older, hash, static. Free ones are chained by `newer`. */
  readonly stations: Int32Array
  /** Station's number, or -1, by hash. Length: a power of two, at least four times the stations. */
  readonly slots: Int32Array
  /** Per port: its latest station, its longest silent one (-1: none), and how many. */
  readonly newest: Int32Array
  readonly oldest: Int32Array
  readonly portCount: Int32Array
  readonly seedHi: number
  readonly seedLo: number
  /** Seconds after which a silent station is forgotten, unless it is static. */
  ageSeconds: number
  readonly moves: MoveLog.MoveLog
  /** First of the free stations, -1 when the table is full. */
  free: number
  /** Stations known. */
  count: number
  /** Where the next sweep goes on. */
  sweepAt: number
}

const STRIDE = 8
const HI = 0
const LO = 1
const PORT = 2
const SEEN = 3
const NEWER = 4
const OLDER = 5
const HASH = 6
/** 1 for a station that neither ages nor moves. */
const STATIC = 7

/** What learning did. `Static`: nothing, for the station has been pinned to another port. */
export const Learned = { Known: 0, Added: 1, Moved: 2, Evicted: 3, Static: 4 } as const
export type Learned = (typeof Learned)[keyof typeof Learned]

/** @param ports how many port numbers there are. @param seed two secret 32-bit integers. */
export const make = (options: {
  readonly stations: number
  readonly ports: number
  readonly ageSeconds: number
  readonly seed: readonly [number, number]
}): StationTable => {
  const slotCount = 2 ** Math.ceil(Math.log2(options.stations * 4))
  const stations = new Int32Array(options.stations * STRIDE)
  for (let i = 0; i < options.stations; i++) {
    stations[i * STRIDE + NEWER] = i + 1 < options.stations ? i + 1 : -1
    stations[i * STRIDE + PORT] = -1
  }
  return {
    stations,
    slots: new Int32Array(slotCount).fill(-1),
    newest: new Int32Array(options.ports).fill(-1),
    oldest: new Int32Array(options.ports).fill(-1),
    portCount: new Int32Array(options.ports),
    seedHi: options.seed[0] | 0,
    seedLo: options.seed[1] | 0,
    ageSeconds: options.ageSeconds,
    moves: MoveLog.make(),
    free: options.stations > 0 ? 0 : -1,
    count: 0,
    sweepAt: 0
  }
}

/** A table of the switch's own bounds. */
export const makeDefault = (ports: number, ageSeconds: number, seed: readonly [number, number]): StationTable =>
  make({ stations: Bounds.stations, ports, ageSeconds, seed })

/** The finalizer of MurmurHash3 over both halves, each under its own seed. */
const hashOf = (table: StationTable, hi: number, lo: number): number => {
  let h = Math.imul(hi ^ table.seedHi, 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h ^ lo ^ table.seedLo, 0xc2b2ae35)
  h ^= h >>> 13
  h = Math.imul(h, 0x27d4eb2f)
  return h ^ (h >>> 16)
}

/** The station's number, or -1; however long it has been silent. */
const find = (table: StationTable, hash: number, hi: number, lo: number): number => {
  const { slots, stations } = table
  const last = slots.length - 1
  for (let at = hash & last;; at = (at + 1) & last) {
    const station = slots[at]!
    if (station < 0) return -1
    const base = station * STRIDE
    if (stations[base + HI] === hi && stations[base + LO] === lo) return station
  }
}

/** The port a station was last seen on, or -1 if it is unknown or has been silent for too long. Changes nothing. */
export const lookup = (table: StationTable, hi: number, lo: number, nowSeconds: number): number => {
  const station = find(table, hashOf(table, hi, lo), hi, lo)
  if (station < 0) return -1
  const base = station * STRIDE
  return isOld(table, base, nowSeconds) ? -1 : table.stations[base + PORT]!
}

const isOld = (table: StationTable, base: number, nowSeconds: number): boolean =>
  nowSeconds - table.stations[base + SEEN]! > table.ageSeconds && table.stations[base + STATIC] === 0

/**
 * Notes that a station sent from a port, `portCap` stations at most behind it.
 * The caller has made sure that the address is one: no group, not zero, not the tap's.
 */
export const learn = (
  table: StationTable,
  hi: number,
  lo: number,
  port: number,
  nowSeconds: number,
  portCap: number
): Learned => {
  const hash = hashOf(table, hi, lo)
  const known = find(table, hash, hi, lo)
  if (known >= 0) {
    const base = known * STRIDE
    if (table.stations[base + PORT] === port) {
      if (table.stations[base + SEEN] !== nowSeconds) refresh(table, known, port, nowSeconds)
      return Learned.Known
    }
    if (table.stations[base + STATIC] !== 0) return Learned.Static
    MoveLog.note(table.moves, hi, lo, table.stations[base + PORT]!, port, nowSeconds)
    if (table.portCount[port]! >= portCap) remove(table, table.oldest[port]!)
    unlink(table, known)
    link(table, known, port, nowSeconds)
    return Learned.Moved
  }
  const outcome = makeRoom(table, port, portCap)
  const station = table.free
  const base = station * STRIDE
  table.free = table.stations[base + NEWER]!
  table.stations[base + HI] = hi
  table.stations[base + LO] = lo
  table.stations[base + HASH] = hash
  table.stations[base + STATIC] = 0
  link(table, station, port, nowSeconds)
  table.count++
  insert(table, station, hash)
  return outcome
}

/** Forgets every station of a port that has closed. */
export const forgetPort = (table: StationTable, port: number): void => {
  while (table.oldest[port]! >= 0) remove(table, table.oldest[port]!)
}

/**
 * Makes all stations that a port has now static, or all of them ordinary again. Returns how many.
 * A static station is still the first to go if its own port brings more than it may.
 */
export const pinPort = (table: StationTable, port: number, on: boolean): number => {
  let count = 0
  for (let station = table.newest[port]!; station >= 0; station = table.stations[station * STRIDE + OLDER]!) {
    table.stations[station * STRIDE + STATIC] = on ? 1 : 0
    count++
  }
  return count
}

/** Looks at `budget` stations, going on where the last sweep stopped, and forgets those that are too old. */
export const sweep = (table: StationTable, nowSeconds: number, budget: number): void => {
  const total = table.stations.length / STRIDE
  for (let n = Math.min(budget, total); n > 0; n--) {
    const station = table.sweepAt
    table.sweepAt = station + 1 === total ? 0 : station + 1
    const base = station * STRIDE
    if (table.stations[base + PORT]! < 0) continue
    if (isOld(table, base, nowSeconds)) remove(table, station)
  }
}

/** Calls back for every station that is not too old: for people, not for frames. */
export const forEach = (
  table: StationTable,
  nowSeconds: number,
  visit: (station: { hi: number; lo: number; port: number; ageSeconds: number; static: boolean }) => void
): void => {
  for (let base = 0; base < table.stations.length; base += STRIDE) {
    const ageSeconds = nowSeconds - table.stations[base + SEEN]!
    if (table.stations[base + PORT]! < 0 || isOld(table, base, nowSeconds)) continue
    visit({
      hi: table.stations[base + HI]!,
      lo: table.stations[base + LO]!,
      port: table.stations[base + PORT]!,
      ageSeconds,
      static: table.stations[base + STATIC] !== 0
    })
  }
}

const makeRoom = (table: StationTable, port: number, portCap: number): Learned => {
  if (table.portCount[port]! >= portCap && table.portCount[port]! > 0) {
    remove(table, table.oldest[port]!)
    return Learned.Evicted
  }
  if (table.free >= 0) return Learned.Added
  let fullest = port
  for (let p = 0; p < table.portCount.length; p++) {
    if (table.portCount[p]! > table.portCount[fullest]!) fullest = p
  }
  remove(table, table.oldest[fullest]!)
  return Learned.Evicted
}

const refresh = (table: StationTable, station: number, port: number, nowSeconds: number): void => {
  if (table.newest[port] === station) {
    table.stations[station * STRIDE + SEEN] = nowSeconds
    return
  }
  unlink(table, station)
  link(table, station, port, nowSeconds)
}

const link = (table: StationTable, station: number, port: number, nowSeconds: number): void => {
  const { newest, oldest, stations } = table
  const base = station * STRIDE
  const second = newest[port]!
  stations[base + PORT] = port
  stations[base + SEEN] = nowSeconds
  stations[base + NEWER] = -1
  stations[base + OLDER] = second
  if (second >= 0) stations[second * STRIDE + NEWER] = station
  else oldest[port] = station
  newest[port] = station
  table.portCount[port]!++
}

const unlink = (table: StationTable, station: number): void => {
  const { newest, oldest, stations } = table
  const base = station * STRIDE
  const port = stations[base + PORT]!
  const newer = stations[base + NEWER]!
  const older = stations[base + OLDER]!
  if (newer >= 0) stations[newer * STRIDE + OLDER] = older
  else newest[port] = older
  if (older >= 0) stations[older * STRIDE + NEWER] = newer
  else oldest[port] = newer
  table.portCount[port]!--
}

const insert = (table: StationTable, station: number, hash: number): void => {
  const last = table.slots.length - 1
  let at = hash & last
  while (table.slots[at]! >= 0) at = (at + 1) & last
  table.slots[at] = station
}

const remove = (table: StationTable, station: number): void => {
  const { slots, stations } = table
  const last = slots.length - 1
  let hole = stations[station * STRIDE + HASH]! & last
  while (slots[hole] !== station) hole = (hole + 1) & last
  for (let at = (hole + 1) & last; slots[at]! >= 0; at = (at + 1) & last) {
    const home = stations[slots[at]! * STRIDE + HASH]! & last
    // Moves back only what the hole cuts off from its home.
    if (((at - home) & last) >= ((at - hole) & last)) {
      slots[hole] = slots[at]!
      hole = at
    }
  }
  slots[hole] = -1
  unlink(table, station)
  stations[station * STRIDE + PORT] = -1
  stations[station * STRIDE + NEWER] = table.free
  table.free = station
  table.count--
}
