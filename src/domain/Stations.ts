import type { AdmissionState } from "./AdmissionState.ts"
import { doubt, isHeldFrom, isLocked, isTrunk, stationsMax } from "./AdmissionState.ts"
import { Bounds, TAP_PORT } from "./Bounds.ts"
import * as Leases from "./Leases.ts"
import type { MacAddress } from "./MacAddress.ts"
import * as Moves from "./MoveLog.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import * as Held from "./policy/HeldIdentities.ts"
import { Reason } from "./Reason.ts"

/*
 * Who owns a MAC address: rules S1 to S6.
 *
 * In secure mode a station belongs to its port until the port closes or another takes it after it has been silent for
 * its age; until then frames for it go there, so that a silent receiver's traffic is not flooded. With `-U` it moves to
 * whoever sent from it last, and is forgotten after its age.
 */

/** A pinned station neither ages nor moves, nor makes room for another. */
const isPinned = (state: AdmissionState, station: number): boolean =>
  Owners.get(state.stations, station, Field.pinned) === 1

/** Whether a station has been heard within its age, or is pinned. */
const isFresh = (state: AdmissionState, station: number): boolean =>
  state.nowSeconds - Owners.get(state.stations, station, Field.seen) <= state.ageSeconds || isPinned(state, station)

/** The port of a station, or -1. Changes nothing. */
export const lookup = (state: AdmissionState, hi: number, lo: number): number => {
  const station = Owners.find(state.stations, hi, lo, 0, 0)
  if (station < 0 || (!state.secure && !isFresh(state, station))) return -1
  return Owners.get(state.stations, station, Field.port)
}

/** What a guest's port may do with a source: `isNew` if the station would become its own by it. */
export interface StationVerdict {
  reason: Reason
  isNew: boolean
  /** Number of the station, -1 if it is not known: good until something is written. */
  fact: number
}

/**
 * Judges a guest's source in secure mode: S1, S2, S3, B5, and bindings. Reads only.
 *
 * @param verdict out.
 */
export const judge = (state: AdmissionState, hi: number, lo: number, port: number, verdict: StationVerdict): void => {
  verdict.isNew = false
  verdict.fact = -1
  verdict.reason = judgeBinding(state, hi, lo, port)
  if (verdict.reason !== Reason.PASS) return
  const station = Owners.find(state.stations, hi, lo, 0, 0)
  verdict.fact = station
  if (station >= 0) {
    const owner = Owners.get(state.stations, station, Field.port)
    if (owner === port) return
    if (isFresh(state, station) || isKeptFor(state, owner, hi, lo)) {
      verdict.reason = Reason.SRC_MAC_CONFLICT
      return
    }
  } else if (isHeldFrom(state, port, Held.MAC_WORD, hi, lo, 0)) {
    verdict.reason = Reason.SRC_MAC_CONFLICT
    return
  }
  verdict.isNew = true
  if (!hasRoom(state, port)) verdict.reason = Reason.MAC_LIMIT
}

/** Whether a guest's silent station stays its own: a locked guest has no other, and a lease is for its time. */
const isKeptFor = (state: AdmissionState, owner: number, hi: number, lo: number): boolean =>
  owner !== TAP_PORT && (isLocked(state, owner) || Leases.hasLease(state, owner, hi, lo))

const judgeBinding = (state: AdmissionState, hi: number, lo: number, port: number): Reason => {
  const { bindings, trunkBindings } = state.policy
  const isOfTrunk = isTrunk(state, port)
  let isBound = false
  let isOwn = false
  for (let i = 0; i < bindings.length; i++) {
    const { mac, uid } = bindings[i]!
    if (mac === undefined) continue
    const same = isMac(mac, hi, lo)
    if (!isOfTrunk && uid === state.uid[port]) {
      isBound = true
      isOwn ||= same
    } else if (same) return Reason.STATIC_MISMATCH
  }
  for (let i = 0; i < trunkBindings.length; i++) {
    if (!isOfTrunk && isMac(trunkBindings[i]!.mac, hi, lo)) return Reason.STATIC_MISMATCH
  }
  return isBound && !isOwn ? Reason.STATIC_MISMATCH : Reason.PASS
}

/** Whether a MAC is bound to some user, or to trunks. */
export const isBound = ({ policy: { bindings, trunkBindings } }: AdmissionState, hi: number, lo: number): boolean => {
  let found = false
  for (let i = 0; i < bindings.length; i++) found ||= isMac(bindings[i]!.mac, hi, lo)
  for (let i = 0; i < trunkBindings.length; i++) found ||= isMac(trunkBindings[i]!.mac, hi, lo)
  return found
}

const isMac = (mac: MacAddress | undefined, hi: number, lo: number): boolean =>
  mac !== undefined && mac.hi === hi && mac.lo === lo

const capOf = (state: AdmissionState, port: number): number => isLocked(state, port) ? 1 : stationsMax(state, port)

/**
 * Whether a port may own one more: below its cap, or with one that has been silent for its age to give up. A locked one
 * gives up none.
 */
const hasRoom = (state: AdmissionState, port: number): boolean => {
  const { stations } = state
  if (stations.portCount[port]! < capOf(state, port) && Owners.hasRoom(stations)) return true
  const oldest = Owners.dispensable(stations, port)
  return oldest >= 0 && !isLocked(state, port) && !isFresh(state, oldest)
}

/** Notes that a source that was judged was accepted. */
export const commit = (
  state: AdmissionState,
  hi: number,
  lo: number,
  port: number,
  station: number = Owners.find(state.stations, hi, lo, 0, 0)
): void => {
  const { stations } = state
  if (station >= 0) {
    const owner = Owners.get(stations, station, Field.port)
    if (owner !== port) {
      doubt(state, owner)
      Moves.note(state.moves, hi, lo, owner, port, state.nowSeconds)
      if (stations.portCount[port]! >= capOf(state, port)) giveUpOldest(state, port)
    }
    Owners.touch(stations, station, port, state.nowSeconds)
    return
  }
  if (stations.portCount[port]! >= capOf(state, port) || !Owners.hasRoom(stations)) giveUpOldest(state, port)
  Owners.add(stations, hi, lo, 0, 0, port, state.nowSeconds)
  Held.letGo(state.held, Held.MAC_WORD, hi, lo, 0)
}

/** False if the port has none but pinned ones. */
const giveUpOldest = (state: AdmissionState, port: number): boolean => {
  const oldest = Owners.dispensable(state.stations, port)
  if (oldest < 0) return false
  Owners.remove(state.stations, oldest)
  doubt(state, port)
  return true
}

/**
 * Learns as a plain bridge does, and for the tap in either mode: stations move, and a port at its cap forgets its own.
 * Denied is what would move a pinned one, or needs room where nothing but pinned ones could make it; nothing is changed
 * then.
 */
export const learn = (state: AdmissionState, hi: number, lo: number, port: number): Reason => {
  const { stations } = state
  const cap = port === TAP_PORT ? Bounds.stationsOfTap : stationsMax(state, port)
  const station = Owners.find(stations, hi, lo, 0, 0)
  const owner = station < 0 ? -1 : Owners.get(stations, station, Field.port)
  if (owner !== port) {
    if (station >= 0 && isPinned(state, station)) return Reason.SRC_MAC_CONFLICT
    if (stations.portCount[port]! >= cap) {
      if (!giveUpOldest(state, port)) return Reason.MAC_LIMIT
    } else if (station < 0 && !Owners.hasRoom(stations)) {
      if (!giveUpOldest(state, Owners.fullestPort(stations, port))) return Reason.MAC_LIMIT
    }
  }
  if (station < 0) Owners.add(stations, hi, lo, 0, 0, port, state.nowSeconds)
  else {
    if (owner !== port) {
      doubt(state, owner)
      Moves.note(state.moves, hi, lo, owner, port, state.nowSeconds)
    }
    Owners.touch(stations, station, port, state.nowSeconds)
  }
  return Reason.PASS
}

/** Makes all stations that a port has now pinned ones, or ordinary again. Returns how many. */
export const pinPort = (state: AdmissionState, port: number, on: boolean): number => {
  const { stations } = state
  if (on) Owners.pinAll(stations, port)
  else Owners.unpinAll(stations, port)
  return stations.portCount[port]!
}

/** Whether people are told of it: frames may still go there. */
export const isReachable = (state: AdmissionState, station: number, nowSeconds: number): boolean =>
  state.secure
  || nowSeconds - Owners.get(state.stations, station, Field.seen) <= state.ageSeconds
  || isPinned(state, station)

/** Bindings have changed: what is bound to another now, or is none of those that its user may have, is free. */
export const forgetUnbound = (state: AdmissionState): void => {
  const { bindings, trunkBindings } = state.policy
  if (!state.secure || bindings.length + trunkBindings.length === 0) return
  const { stations } = state
  Owners.forEach(stations, (station) => {
    const hi = Owners.get(stations, station, 0)
    const lo = Owners.get(stations, station, 1)
    const port = Owners.get(stations, station, Field.port)
    // The host has no user: to it nothing is bound, and it has no others.
    const isLost = port === TAP_PORT
      ? isBound(state, hi, lo)
      : judgeBinding(state, hi, lo, port) !== Reason.PASS
    if (isLost) Owners.remove(stations, station)
  })
  for (const { mac, uid } of bindings) {
    if (mac !== undefined) Held.letGoOfOthers(state.held, Held.MAC_WORD, mac.hi, mac.lo, 0, uid)
  }
}

/** B6: the host's own addresses are nobody's stations, whoever had them before they were the host's. */
export const forgetHosts = (state: AdmissionState): void => {
  forgetStation(state, state.tapHi, state.tapLo)
  forgetStation(state, state.bridgeHi, state.bridgeLo)
}

const forgetStation = ({ stations }: AdmissionState, hi: number, lo: number): void => {
  const station = Owners.find(stations, hi, lo, 0, 0)
  if (station >= 0) Owners.remove(stations, station)
}

/** A port has closed: what it owned is free at once, or, but for a trunk, kept for its user for `holdSeconds`. */
export const forget = (state: AdmissionState, port: number): void => {
  const { stations } = state
  const untilSeconds = state.nowSeconds + state.policy.holdSeconds
  const isKept = state.secure && port !== TAP_PORT && !isTrunk(state, port) && state.policy.holdSeconds > 0
  while (stations.oldest[port]! >= 0) {
    const station = stations.oldest[port]!
    if (isKept && isFresh(state, station)) {
      const hi = Owners.get(stations, station, 0)
      const lo = Owners.get(stations, station, 1)
      Held.hold(state.held, Held.MAC_WORD, hi, lo, 0, { uid: state.uid[port]!, untilSeconds })
    }
    Owners.remove(stations, station)
  }
}

/** With `-U`: forgets stations that have been silent for their age, a few at a time. */
export const sweep = (state: AdmissionState, budget: number): void => {
  if (state.secure) return
  const { stations } = state
  for (let n = Math.min(budget, stations.used); n > 0; n--) {
    const station = stations.sweepAt >= stations.used ? 0 : stations.sweepAt
    stations.sweepAt = station + 1
    if (Owners.get(stations, station, Field.port) >= 0 && !isFresh(state, station)) Owners.remove(stations, station)
  }
}
