import type { AdmissionState } from "./AdmissionState.ts"
import { addressesMax, isHeldFrom, isTrunk } from "./AdmissionState.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import * as Held from "./policy/HeldIdentities.ts"
import { i32 } from "./policy/Octets.ts"
import { Reason } from "./Reason.ts"

/*
 * Who may use a DHCP client identifier that is a name: rule B7, secure mode only.
 *
 * A server that is told one knows the client by it, whatever its MAC (RFC 2131, 4.2): whoever says another's gets the
 * other's lease, or ends it, and whoever says many gets many. So an identifier has an owner, as an address has: the
 * first port that says it, until that closes, and its user for a while then. A port has as many as addresses, and gives
 * up one that it has not said for the age of stations to make room.
 *
 * It is known by a hash of 128 bits. Two of the same hash would be taken for one and the later denied, which is no more
 * than whoever says it first can have: a server still tells them apart.
 */

/** Words of the identifier that was judged last: {@link commit} writes it. */
const words = new Int32Array(4)
let known = -1

/**
 * Judges the identifier in a guest's DHCP message. Reads only.
 *
 * @param at octet of its length, of `bytes`.
 */
export const judge = (state: AdmissionState, bytes: Uint8Array, at: number, port: number): Reason => {
  const { identifiers } = state
  hash(bytes, at)
  known = Owners.find(identifiers, words[0]!, words[1]!, words[2]!, words[3]!)
  if (known >= 0) {
    return Owners.get(identifiers, known, Field.port) === port ? Reason.PASS : Reason.DHCP_CLIENT_CONFLICT
  }
  if (isHeldFrom(state, port, words[0]!, words[1]!, words[2]!, words[3]!)) return Reason.DHCP_CLIENT_CONFLICT
  return hasRoom(state, port) || isSilent(state, identifiers.oldest[port]!) ? Reason.PASS : Reason.IP_LIMIT
}

/** Notes that the message with the identifier that was judged last was accepted. */
export const commit = (state: AdmissionState, port: number): void => {
  const { identifiers, nowSeconds } = state
  if (known >= 0) {
    Owners.touch(identifiers, known, port, nowSeconds)
    return
  }
  if (!hasRoom(state, port)) Owners.remove(identifiers, identifiers.oldest[port]!)
  Owners.add(identifiers, words[0]!, words[1]!, words[2]!, words[3]!, port, nowSeconds)
  Held.letGo(state.held, words[0]!, words[1]!, words[2]!, words[3]!)
}

/** A port has closed: what it said is free, or, but for a trunk, kept for its user for `holdSeconds`. */
export const forget = (state: AdmissionState, port: number): void => {
  const { identifiers, policy: { holdSeconds } } = state
  while (identifiers.oldest[port]! >= 0) {
    const fact = identifiers.oldest[port]!
    if (holdSeconds > 0 && !isTrunk(state, port)) {
      const word = (n: number): number => Owners.get(identifiers, fact, n)
      const untilSeconds = state.nowSeconds + holdSeconds
      Held.hold(state.held, word(0), word(1), word(2), word(3), { uid: state.uid[port]!, untilSeconds })
    }
    Owners.remove(identifiers, fact)
  }
}

const hasRoom = (state: AdmissionState, port: number): boolean =>
  state.identifiers.portCount[port]! < addressesMax(state, port) && Owners.hasRoom(state.identifiers)

const isSilent = (state: AdmissionState, fact: number): boolean =>
  fact >= 0 && state.nowSeconds - Owners.get(state.identifiers, fact, Field.seen) > state.ageSeconds

/**
 * Four times the mixing of MurmurHash3 over the length and the octets, four at a time, for a guest chooses how many
 * there are. The same in every process: facts go from one to another.
 */
const hash = (bytes: Uint8Array, at: number): void => {
  const end = at + 1 + bytes[at]!
  for (let i = 0; i < 4; i++) {
    let h = Math.imul(i + 1, 0x9e3779b1)
    let octet = at
    for (; octet + 4 <= end; octet += 4) h = mix(h, i32(bytes, octet))
    for (; octet < end; octet++) h = mix(h, bytes[octet]!)
    h = Math.imul(h, 0xc2b2ae35)
    words[i] = h ^ (h >>> 16)
  }
}

const mix = (hash: number, word: number): number => {
  const h = Math.imul(hash ^ word, 0x85ebca6b)
  return h ^ (h >>> 13)
}
