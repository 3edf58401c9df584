import { Bounds } from "../Bounds.ts"
import * as Owners from "../OwnerTable.ts"
import { Field, type OwnerTable } from "../OwnerTable.ts"

/**
 * What closed ports owned, kept for a while for the same user (rule B5), so that no neighbour can take a guest's
 * place while it restarts.
 *
 * Asked with each frame whose addresses are new to its port, which a guest may send as fast as it can; written when a
 * port closes.
 */
export interface HeldIdentities {
  /** MAC and IP addresses, and hashes of client identifiers. What the table calls a port is a place in `uid`. */
  readonly facts: OwnerTable
  /** Users, unsigned. A place at which the table has nothing is free. */
  readonly uid: Uint32Array
}

/**
 * First word of a MAC address, whose own two follow it. An IPv6 address that begins so is a group's, and nobody has it:
 * a guest could else have one that looks like another's MAC address, and take that when both have gone.
 */
export const MAC_WORD = 0xff << 24

/** @param seed as of `OwnerTable`. */
export const make = (seed: readonly [number, number]): HeldIdentities => ({
  facts: Owners.make({ capacity: Bounds.heldIdentities, ports: Bounds.heldIdentities, seed }),
  uid: new Uint32Array(Bounds.heldIdentities)
})

/** For whom an address is kept, until which second, and until which its lease lasts, if it has one. */
export interface Term {
  readonly uid: number
  readonly untilSeconds: number
  readonly leasedUntilSeconds?: number
}

/**
 * Keeps an address for the user whose port has closed. The oldest of the user that has most makes room: whoever comes
 * and goes often must not end what is kept for others.
 */
export const hold = (
  identities: HeldIdentities,
  a: number,
  b: number,
  c: number,
  d: number,
  { leasedUntilSeconds = 0, uid, untilSeconds }: Term
): void => {
  const { facts } = identities
  letGo(identities, a, b, c, d)
  if (!Owners.hasRoom(facts)) Owners.remove(facts, facts.oldest[Owners.fullestPort(facts, 0)]!)
  const fact = Owners.add(facts, a, b, c, d, placeOf(identities, uid), 0)
  Owners.set(facts, fact, Field.until, untilSeconds)
  Owners.set(facts, fact, Field.told, leasedUntilSeconds)
}

/** Where a user is, or will be from now on. There is a place while there is room for an address. */
const placeOf = ({ facts: { portCount }, uid: uids }: HeldIdentities, uid: number): number => {
  let free = -1
  for (let place = 0; place < uids.length; place++) {
    if (portCount[place]! > 0) {
      if (uids[place] === uid) return place
    } else if (free < 0) free = place
  }
  uids[free] = uid
  return free
}

const userOf = ({ facts, uid }: HeldIdentities, fact: number): number => uid[Owners.get(facts, fact, Field.port)]!

/** Whether an address is kept for another user than this one. */
export const isForAnother = (
  identities: HeldIdentities,
  a: number,
  b: number,
  c: number,
  d: number,
  uid: number,
  nowSeconds: number
): boolean => {
  const { facts } = identities
  if (facts.count === 0) return false
  const fact = Owners.find(facts, a, b, c, d)
  return fact >= 0 && userOf(identities, fact) !== uid && nowSeconds < Owners.get(facts, fact, Field.until)
}

/** Until when an address that is kept for this user is leased to it: 0 if it is not. */
export const leasedUntilSeconds = (
  identities: HeldIdentities,
  a: number,
  b: number,
  c: number,
  d: number,
  uid: number,
  nowSeconds: number
): number => {
  const { facts } = identities
  const fact = facts.count === 0 ? -1 : Owners.find(facts, a, b, c, d)
  if (fact < 0 || userOf(identities, fact) !== uid || nowSeconds >= Owners.get(facts, fact, Field.until)) return 0
  return Owners.get(facts, fact, Field.told)
}

/** An address has an owner again. */
export const letGo = ({ facts }: HeldIdentities, a: number, b: number, c: number, d: number): void => {
  if (facts.count === 0) return
  const fact = Owners.find(facts, a, b, c, d)
  if (fact >= 0) Owners.remove(facts, fact)
}

/** An address belongs to that user for good. */
export const letGoOfOthers = (
  identities: HeldIdentities,
  a: number,
  b: number,
  c: number,
  d: number,
  uid: number
): void => {
  const fact = Owners.find(identities.facts, a, b, c, d)
  if (fact >= 0 && userOf(identities, fact) !== uid) Owners.remove(identities.facts, fact)
}

/**
 * `HELD_WIDTH` integers an address: its words, its user, until which second it is kept, and leased. A user's in the
 * order of closing.
 */
export const rowsOf = (identities: HeldIdentities): Int32Array => {
  const { facts } = identities
  const rows = new Int32Array(facts.count * HELD_WIDTH)
  let at = 0
  for (const oldest of facts.oldest) {
    for (let fact = oldest; fact >= 0; fact = Owners.next(facts, fact)) {
      for (let word = 0; word < 4; word++) rows[at++] = Owners.get(facts, fact, Field.key + word)
      rows[at++] = userOf(identities, fact)
      rows[at++] = Owners.get(facts, fact, Field.until)
      rows[at++] = Owners.get(facts, fact, Field.told)
    }
  }
  return rows
}

export const HELD_WIDTH = 7

/** Keeps what is in such rows. */
export const enter = (identities: HeldIdentities, rows: Int32Array): void => {
  for (let at = 0; at < rows.length; at += HELD_WIDTH) {
    // The type of a typed array does not say how long it is.
    const [a, b, c, d, uid, untilSeconds, leasedUntilSeconds] = rows.subarray(at, at + HELD_WIDTH) as unknown as Row
    hold(identities, a, b, c, d, { uid: uid >>> 0, untilSeconds, leasedUntilSeconds })
  }
}

type Row = readonly [number, number, number, number, number, number, number]
