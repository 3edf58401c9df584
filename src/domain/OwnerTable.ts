/**
 * What belongs to which port: stations by MAC address, claims by IP address.
 *
 * A fact is sixteen integers of one array, a cache line. A second, at least four times longer array finds it: open
 * addressing, linear probing, and a hash seeded with numbers no guest knows, for a guest chooses its addresses and
 * must not be able to put all of them into one chain. A removed slot is closed by moving later ones back,
 * so there are no tombstones to collect.
 *
 * The facts of a port form a list from the latest used to the one longest unused. Seconds are the grain: within a
 * second the order is that of arrival, and a busy fact costs no list work. Pinned facts are the last of the list,
 * in any order: so the one to give up is found without a search. Who may own what, and how much, is not decided here.
 */
export interface OwnerTable {
  /** `STRIDE` integers a fact, see the field numbers below. */
  readonly facts: Int32Array
  /** Fact's number, or -1, by hash. Length: a power of two. */
  readonly slots: Int32Array
  /** Per port: the two ends of its list, the longest unused fact at `oldest` (-1: none), and how many. */
  readonly newest: Int32Array
  readonly oldest: Int32Array
  readonly portCount: Int32Array
  /** Per port: the first pinned fact on the way from `oldest` to `newest`, -1 if there is none, and how many. */
  readonly pinnedFrom: Int32Array
  readonly pinnedCount: Int32Array
  readonly capacity: number
  readonly seedA: number
  readonly seedB: number
  /** First of the facts that were removed, -1 when none; and how many were ever used. */
  free: number
  used: number
  count: number
  /** Where the next sweep goes on. */
  sweepAt: number
}

const STRIDE = 16
/** Fields of a fact: four words of key, then what is known. Unused keys are 0. */
export const Field = {
  key: 0,
  port: 4,
  /** Second in which it was last used. */
  seen: 5,
  newer: 6,
  older: 7,
  hash: 8,
  /** What kind of fact it is; numbers of the caller's. */
  kind: 9,
  /** Second at which a fact with a term ends. */
  until: 10,
  /** 1: it is not given up to make room. {@link pin} and {@link unpinAll} write it. */
  pinned: 11,
  /** What else there is to say: two words of the caller's, that hold with its kind. */
  told: 12,
  /** Second until which its port finds out whether it is free; 0: it does not. */
  probed: 14
} as const

/** @param ports how many port numbers there are. @param seed two secret 32-bit integers. */
export const make = (options: {
  readonly capacity: number
  readonly ports: number
  readonly seed: readonly [number, number]
}): OwnerTable => ({
  facts: new Int32Array(options.capacity * STRIDE),
  slots: new Int32Array(2 ** Math.ceil(Math.log2(options.capacity * 4))).fill(-1),
  newest: new Int32Array(options.ports).fill(-1),
  oldest: new Int32Array(options.ports).fill(-1),
  portCount: new Int32Array(options.ports),
  pinnedFrom: new Int32Array(options.ports).fill(-1),
  pinnedCount: new Int32Array(options.ports),
  capacity: options.capacity,
  seedA: options.seed[0] | 0,
  seedB: options.seed[1] | 0,
  free: -1,
  used: 0,
  count: 0,
  sweepAt: 0
})

/** The finalizer of MurmurHash3 over the words, each in its turn. */
export const hashOf = (table: OwnerTable, a: number, b: number, c: number, d: number): number => {
  let h = Math.imul(a ^ table.seedA, 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h ^ b ^ table.seedB, 0xc2b2ae35)
  if ((c | d) !== 0) {
    h ^= h >>> 13
    h = Math.imul(h ^ c, 0x85ebca6b)
    h ^= h >>> 15
    h = Math.imul(h ^ d, 0xc2b2ae35)
  }
  h ^= h >>> 13
  h = Math.imul(h, 0x27d4eb2f)
  return h ^ (h >>> 16)
}

/** The number of a fact, or -1. */
export const find = (table: OwnerTable, a: number, b: number, c: number, d: number): number => {
  const { facts, slots } = table
  const last = slots.length - 1
  for (let at = hashOf(table, a, b, c, d) & last;; at = (at + 1) & last) {
    const fact = slots[at]!
    if (fact < 0) return -1
    const base = fact * STRIDE
    if (facts[base] === a && facts[base + 1] === b && facts[base + 2] === c && facts[base + 3] === d) return fact
  }
}

/** One field of a fact. */
export const get = (table: OwnerTable, fact: number, field: number): number => table.facts[fact * STRIDE + field]!

/** Sets a field that is not part of the key nor of a list. */
export const set = (table: OwnerTable, fact: number, field: number, value: number): void => {
  table.facts[fact * STRIDE + field] = value
}

/** Whether there is room for one more. */
export const hasRoom = (table: OwnerTable): boolean => table.count < table.capacity

/** Adds a fact that is not there; there must be room. Returns its number. */
export const add = (
  table: OwnerTable,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  nowSeconds: number
): number => {
  const { facts, slots } = table
  const fact = table.free >= 0 ? table.free : table.used++
  const base = fact * STRIDE
  if (table.free >= 0) table.free = facts[base + Field.newer]!
  const hash = hashOf(table, a, b, c, d)
  facts[base] = a
  facts[base + 1] = b
  facts[base + 2] = c
  facts[base + 3] = d
  facts[base + Field.hash] = hash
  facts[base + Field.kind] = 0
  facts[base + Field.until] = 0
  facts[base + Field.pinned] = 0
  facts[base + Field.probed] = 0
  link(table, fact, port, nowSeconds)
  table.count++
  const last = slots.length - 1
  let at = hash & last
  while (slots[at]! >= 0) at = (at + 1) & last
  slots[at] = fact
  return fact
}

/** Notes that a fact was used: by its port, or by another that it belongs to from now on, pinned no longer. */
export const touch = (table: OwnerTable, fact: number, port: number, nowSeconds: number): void => {
  const base = fact * STRIDE
  const samePort = table.facts[base + Field.port] === port
  if (samePort && table.facts[base + Field.seen] === nowSeconds) return
  if (samePort && (table.newest[port] === fact || table.facts[base + Field.pinned] === 1)) {
    table.facts[base + Field.seen] = nowSeconds
    return
  }
  unlink(table, fact)
  table.facts[base + Field.pinned] = 0
  link(table, fact, port, nowSeconds)
}

export const remove = (table: OwnerTable, fact: number): void => {
  const { facts, slots } = table
  const last = slots.length - 1
  let hole = facts[fact * STRIDE + Field.hash]! & last
  while (slots[hole] !== fact) hole = (hole + 1) & last
  for (let at = (hole + 1) & last; slots[at]! >= 0; at = (at + 1) & last) {
    const home = facts[slots[at]! * STRIDE + Field.hash]! & last
    // Moves back only what the hole cuts off from its home.
    if (((at - home) & last) >= ((at - hole) & last)) {
      slots[hole] = slots[at]!
      hole = at
    }
  }
  slots[hole] = -1
  unlink(table, fact)
  facts[fact * STRIDE + Field.port] = -1
  facts[fact * STRIDE + Field.newer] = table.free
  table.free = fact
  table.count--
}

/** Pins a fact. */
export const pin = (table: OwnerTable, fact: number): void => {
  unlink(table, fact)
  set(table, fact, Field.pinned, 1)
  link(table, fact, get(table, fact, Field.port), get(table, fact, Field.seen))
}

/** Pins all facts of a port. */
export const pinAll = (table: OwnerTable, port: number): void => {
  for (let fact = dispensable(table, port); fact >= 0; fact = dispensable(table, port)) pin(table, fact)
}

/** A port's facts are pinned no longer, and in the order of their use again. For people: it allocates. */
export const unpinAll = (table: OwnerTable, port: number): void => {
  const facts: Array<number> = []
  for (let fact = table.oldest[port]!; fact >= 0; fact = next(table, fact)) facts.push(fact)
  facts.sort((one, other) => get(table, one, Field.seen) - get(table, other, Field.seen))
  for (const fact of facts) {
    unlink(table, fact)
    set(table, fact, Field.pinned, 0)
    link(table, fact, port, get(table, fact, Field.seen))
  }
}

/** The fact that a port gives up to make room: of those that are not pinned the longest unused; -1 if there is none. */
export const dispensable = (table: OwnerTable, port: number): number =>
  table.pinnedFrom[port] === table.oldest[port] ? -1 : table.oldest[port]!

/** The port with most facts that are not pinned; of equals `preferred`, else the lowest. */
export const fullestPort = (table: OwnerTable, preferred: number): number => {
  const { pinnedCount, portCount } = table
  let fullest = preferred
  for (let port = 0; port < portCount.length; port++) {
    if (portCount[port]! - pinnedCount[port]! > portCount[fullest]! - pinnedCount[fullest]!) fullest = port
  }
  return fullest
}

/**
 * The facts of a port, from the longest unused on, then the pinned ones: `next` of one, beginning with `oldest[port]`,
 * ends at -1.
 */
export const next = (table: OwnerTable, fact: number): number => table.facts[fact * STRIDE + Field.newer]!

/** Calls back for every fact: for people, not for frames. */
export const forEach = (table: OwnerTable, visit: (fact: number) => void): void => {
  for (let fact = 0; fact < table.used; fact++) {
    if (table.facts[fact * STRIDE + Field.port]! >= 0) visit(fact)
  }
}

/** A pinned fact becomes the last of the list, any other the last before the pinned ones. */
const link = (table: OwnerTable, fact: number, port: number, nowSeconds: number): void => {
  const { facts, newest, oldest, pinnedFrom } = table
  const base = fact * STRIDE
  const isPinned = facts[base + Field.pinned] === 1
  const newer = isPinned ? -1 : pinnedFrom[port]!
  const older = newer < 0 ? newest[port]! : facts[newer * STRIDE + Field.older]!
  facts[base + Field.port] = port
  facts[base + Field.seen] = nowSeconds
  facts[base + Field.newer] = newer
  facts[base + Field.older] = older
  if (newer >= 0) facts[newer * STRIDE + Field.older] = fact
  else newest[port] = fact
  if (older >= 0) facts[older * STRIDE + Field.newer] = fact
  else oldest[port] = fact
  table.portCount[port]!++
  if (!isPinned) return
  if (pinnedFrom[port]! < 0) pinnedFrom[port] = fact
  table.pinnedCount[port]!++
}

const unlink = (table: OwnerTable, fact: number): void => {
  const { facts, newest, oldest } = table
  const base = fact * STRIDE
  const port = facts[base + Field.port]!
  const newer = facts[base + Field.newer]!
  const older = facts[base + Field.older]!
  if (newer >= 0) facts[newer * STRIDE + Field.older] = older
  else newest[port] = older
  if (older >= 0) facts[older * STRIDE + Field.newer] = newer
  else oldest[port] = newer
  table.portCount[port]!--
  if (facts[base + Field.pinned] !== 1) return
  if (table.pinnedFrom[port] === fact) table.pinnedFrom[port] = newer
  table.pinnedCount[port]!--
}
