import type { AdmissionState } from "./AdmissionState.ts"
import { addressesMax, doubt, isHeldFrom, isLocked, isTrunk } from "./AdmissionState.ts"
import * as Bindings from "./BoundAddresses.ts"
import { Bound } from "./BoundAddresses.ts"
import { Bounds, TAP_PORT } from "./Bounds.ts"
import { linkLocalOf } from "./Ipv6Prefix.ts"
import { type MacAddress, toOctets } from "./MacAddress.ts"
import { IPV4_WORD } from "./Network.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import * as Held from "./policy/HeldIdentities.ts"
import { isHosts, isOfLink } from "./policy/Ipv6Policy.ts"
import { i32 } from "./policy/Octets.ts"
import { Reason } from "./Reason.ts"

/*
 * Who may use an IP address: rules B1 to B5, secure mode only.
 *
 * The first to use a free address has it for as long as it uses it; a lease that the host gave, and a host behind the
 * tap, end such a claim. Who has only asked whether an address is free has it against others who ask, see `Probes.ts`,
 * and against nobody who uses it.
 */

/** Kinds of claims, the stronger the higher. An address of the first kind is asked for, and not used. */
export const Kind = { Probe: -1, Claim: 0, Lease: 1, Host: 2 } as const

/** What a port may do with an address: `isNew` if it would become its own by it. */
export interface ClaimVerdict {
  /** 0; STATIC_MISMATCH or IP_LIMIT; or `CONFLICT`, for which each protocol has a reason of its own. */
  reason: Reason | typeof CONFLICT
  isNew: boolean
  /** The port has the claim already: that it may become another kind of claim takes no room. */
  isOwn: boolean
  /** Number of the claim, -1 if there is none: good until something is written. */
  fact: number
}

/** The address is another port's. */
export const CONFLICT = -1

/** Whether a claim holds: a lease for its time if it is used now and then, others while they are used. */
export const isLive = (state: AdmissionState, claim: number): boolean => {
  if (isProbe(state, claim)) return isAskedFor(state, claim)
  const silentSeconds = state.nowSeconds - Owners.get(state.claims, claim, Field.seen)
  return isLease(state, claim)
    ? state.nowSeconds < Owners.get(state.claims, claim, Field.until) && silentSeconds <= Bounds.leaseSilentSecondsMax
    : silentSeconds <= state.ageSeconds
}

/** Whether an address has been asked for and not used since. */
export const isProbe = ({ claims }: AdmissionState, claim: number): boolean =>
  Owners.get(claims, claim, Field.kind) === Kind.Probe

/** Whether the port of an address is finding out whether that is free: it has it, and has not used it yet. */
export const isAskedFor = ({ claims, nowSeconds }: AdmissionState, claim: number): boolean =>
  nowSeconds <= Owners.get(claims, claim, Field.probed)

/** Whether a port has asked for an address in vain, and not long ago. */
export const isPaused = (state: AdmissionState, claim: number): boolean =>
  isProbe(state, claim) && !isAskedFor(state, claim) &&
  state.nowSeconds <= Owners.get(state.claims, claim, Field.probed) + Bounds.probePauseSeconds

/** Whether nobody else may have it: it holds, or is the only one that a locked guest will ever have. */
export const isTaken = (state: AdmissionState, claim: number): boolean => {
  if (isProbe(state, claim)) return false
  const port = Owners.get(state.claims, claim, Field.port)
  return isLive(state, claim) || (port !== TAP_PORT && isLocked(state, port))
}

/**
 * Whoever goes on using an address after its lease has its own claim to it, as any other; and so has who has asked for
 * it and begins to use it.
 */
const beginsAnew = (state: AdmissionState, claim: number): boolean =>
  isProbe(state, claim) || (isLease(state, claim) && !isLive(state, claim))

/** Whether an address is leased, or was. */
export const isLease = ({ claims }: AdmissionState, claim: number): boolean =>
  Owners.get(claims, claim, Field.kind) === Kind.Lease

/**
 * Judges the use of an address by a guest's port. Reads only.
 *
 * @param verdict out. @param before the verdict on another address that the same frame uses, and that is
 * committed first; undefined if it uses no other. @param isAsking whether the address is asked for, and not used.
 */
export const judge = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  verdict: ClaimVerdict,
  before?: ClaimVerdict,
  isAsking = false
): void => {
  const claim = Owners.find(state.claims, a, b, c, d)
  const isOwn = claim >= 0 && Owners.get(state.claims, claim, Field.port) === port
  verdict.reason = Reason.PASS
  verdict.isNew = false
  verdict.isOwn = isOwn
  verdict.fact = claim
  // Bindings were asked when this claim began, and are whenever they change.
  if (isOwn && !beginsAnew(state, claim)) return
  const bound = Bindings.judge(state, a, b, c, d, port)
  if (bound === Bound.ToOther) {
    verdict.reason = Reason.STATIC_MISMATCH
    return
  }
  if (claim >= 0) {
    if (!isOwn && isTaken(state, claim)) {
      verdict.reason = CONFLICT
      return
    }
  } else if (isHeldFrom(state, port, a, b, c, d)) {
    verdict.reason = CONFLICT
    return
  }
  verdict.isNew = true
  if (bound === Bound.ToSelf) return
  if (state.policy.learn === "static") verdict.reason = Reason.STATIC_MISMATCH
  else if (state.policy.learn === "dhcp" && (claim >= 0 || leasedUntil(state, a, b, c, d, port) <= state.nowSeconds)) {
    verdict.reason = Reason.IP_LIMIT
  } else if (!isOwn && !hasRoom(state, port, before, isAsking)) verdict.reason = Reason.IP_LIMIT
}

/** Until when an address is leased to the user of a port that has none of it yet: the user's last one had it. */
export const leasedUntil = (state: AdmissionState, a: number, b: number, c: number, d: number, port: number): number =>
  isTrunk(state, port) ? 0 : Held.leasedUntilSeconds(state.held, a, b, c, d, state.uid[port]!, state.nowSeconds)

const capOf = (state: AdmissionState, port: number): number => isLocked(state, port) ? 1 : addressesMax(state, port)

/**
 * Whether a port may claim one more: below its cap, or with claims that it can spare. A locked one spares nothing that
 * it has used: what it used first stays its only one when that has ended, or anybody would get another by silence.
 */
const hasRoom = (
  state: AdmissionState,
  port: number,
  before: ClaimVerdict | undefined,
  isAsking: boolean
): boolean => {
  const { claims } = state
  const wanted = before !== undefined && before.isNew && !before.isOwn ? 2 : 1
  let surplus = Math.max(claims.portCount[port]! + wanted - capOf(state, port), claims.count + wanted - claims.capacity)
  for (let oldest = claims.oldest[port]!; surplus > 0; oldest = Owners.next(claims, oldest)) {
    if (oldest < 0) return false
    // What the same frame uses is the latest then.
    if (before !== undefined && oldest === before.fact) continue
    if (isSpare(state, port, oldest, isAsking)) surplus--
  }
  return true
}

/**
 * Whether a port's claim makes room for another: it holds no more, or was only asked for. For one that is only asked
 * for, too, that one stays until its pause is over: or a port would forget by asking for others what it has asked for.
 */
const isSpare = (state: AdmissionState, port: number, claim: number, isAsking: boolean): boolean =>
  isProbe(state, claim)
    ? !isAsking || !(isAskedFor(state, claim) || isPaused(state, claim))
    : !isLive(state, claim) && !isLocked(state, port)

/** The claim that a port at its cap gives up: one that it can spare, else the longest unused; -1 if it has none. */
const dispensable = (state: AdmissionState, port: number, isAsking: boolean): number => {
  const { claims } = state
  const oldest = claims.oldest[port]!
  for (let claim = oldest; claim >= 0; claim = Owners.next(claims, claim)) {
    // Also behind one that holds: a lease ends however lately it was used.
    if (isSpare(state, port, claim, isAsking)) return claim
  }
  return oldest
}

/** Notes that the use of an address that was judged was accepted. */
export const commit = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number
): void => {
  const until = leasedUntil(state, a, b, c, d, port)
  const kind = until > state.nowSeconds ? Kind.Lease : Kind.Claim
  own(state, a, b, c, d, port, capOf(state, port), kind, kind === Kind.Lease ? until : 0)
}

/** The same for a claim that is the port's already: nothing but its use is noted. */
export const use = ({ claims, nowSeconds }: AdmissionState, claim: number, port: number): void => {
  Owners.touch(claims, claim, port, nowSeconds)
  if (Owners.get(claims, claim, Field.probed) !== 0) Owners.set(claims, claim, Field.probed, 0)
}

/** Notes that a question for an address was accepted; what is kept for the port's user with its lease is its own. */
export const ask = (state: AdmissionState, a: number, b: number, c: number, d: number, port: number): void => {
  const until = leasedUntil(state, a, b, c, d, port)
  const isLeased = until > state.nowSeconds
  own(state, a, b, c, d, port, capOf(state, port), isLeased ? Kind.Lease : Kind.Probe, isLeased ? until : 0)
  const claim = Owners.find(state.claims, a, b, c, d)
  if (claim >= 0) askAgain(state, claim)
}

/** The port of an address is finding out whether that is free, from now on and for a while. */
export const askAgain = ({ claims, nowSeconds }: AdmissionState, claim: number): void => {
  Owners.set(claims, claim, Field.probed, nowSeconds + Bounds.probeSeconds)
}

/** Makes a claim a port's, with what goes with it; at its cap the port gives up one. */
export const own = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  cap: number,
  kind: number,
  until: number
): void => {
  const { claims } = state
  let claim = Owners.find(claims, a, b, c, d)
  const owner = claim < 0 ? -1 : Owners.get(claims, claim, Field.port)
  const begins = owner !== port || kind > Kind.Claim || beginsAnew(state, claim)
  if (owner !== port && (claims.portCount[port]! >= cap || (claim < 0 && !Owners.hasRoom(claims)))) {
    const given = dispensable(state, port, kind === Kind.Probe)
    if (given >= 0) Owners.remove(claims, given)
    doubt(state, port)
  }
  if (claim < 0) {
    if (!Owners.hasRoom(claims)) return
    claim = Owners.add(claims, a, b, c, d, port, state.nowSeconds)
    Held.letGo(state.held, a, b, c, d)
  } else {
    if (owner !== port) doubt(state, owner)
    Owners.touch(claims, claim, port, state.nowSeconds)
  }
  Owners.set(claims, claim, Field.probed, 0)
  // A lease stays one when it is used; what changed hands, or has ended, begins anew.
  if (begins) {
    Owners.set(claims, claim, Field.kind, kind)
    Owners.set(claims, claim, Field.until, until)
  }
}

/** B3: a host behind the tap speaks for its address. @param address signed. */
export const host = (state: AdmissionState, address: number): void => {
  if (!isOfSubnet(state, address)) return
  ownByHost(state, 0, 0, IPV4_WORD, address)
}

/** B3 for IPv6. @param at the octet at which the address is. */
export const host6 = (state: AdmissionState, bytes: Uint8Array, at: number): void => {
  const { ipv6 } = state
  if (ipv6 === undefined || !isOfLink(ipv6, bytes, at) || isHosts(ipv6, bytes, at)) return
  ownByHost(state, i32(bytes, at), i32(bytes, at + 4), i32(bytes, at + 8), i32(bytes, at + 12))
}

/** B3 for the link-local address that the host's kernel made of the former MAC that it spoke from, and keeps. */
export const hostFormer = (state: AdmissionState, formerMac: MacAddress, nowMs: number): void => {
  state.nowSeconds = Math.floor(nowMs / 1000)
  if (state.secure) host6(state, linkLocalOf(toOctets(formerMac)), 0)
}

/** What is bound is its user's, or the trunks', whoever behind the tap speaks for it. */
const ownByHost = (state: AdmissionState, a: number, b: number, c: number, d: number): void => {
  if (!Bindings.isBound(state, a, b, c, d)) own(state, a, b, c, d, TAP_PORT, Bounds.addressesOfTap, Kind.Host, 0)
}

/** B1 for a host behind the tap: what it has spoken for stays its own while it sends from it. */
export const useOfHost = (state: AdmissionState, a: number, b: number, c: number, d: number): void => {
  const { claims } = state
  if (claims.portCount[TAP_PORT] === 0) return
  const claim = Owners.find(claims, a, b, c, d)
  if (claim >= 0 && Owners.get(claims, claim, Field.port) === TAP_PORT) use(state, claim, TAP_PORT)
}

/** Whether a claim is more than a question. @param claim -1 if there is none. */
export const isUsed = (state: AdmissionState, claim: number): boolean => claim >= 0 && !isProbe(state, claim)

/** Whether an IPv4 address is a port's; not if the port has only asked for it. @param address signed. */
export const isOf = (state: AdmissionState, address: number, port: number): boolean => {
  const claim = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  return isUsed(state, claim) && Owners.get(state.claims, claim, Field.port) === port
}

/** Bindings have changed: what is bound to another now, or is none of those that its user may have, is free. */
export const forgetUnbound = (state: AdmissionState): void => {
  const { bindings, trunkBindings } = state.policy
  if (!state.secure || bindings.length + trunkBindings.length === 0) return
  const { claims } = state
  Owners.forEach(claims, (claim) => {
    const word = (field: number) => Owners.get(claims, claim, field)
    const port = word(Field.port)
    // The host has no user: to it nothing is bound, and it has no others.
    const isLost = port === TAP_PORT
      ? Bindings.isBound(state, word(0), word(1), word(2), word(3))
      : Bindings.judge(state, word(0), word(1), word(2), word(3), port) === Bound.ToOther
    if (isLost) Owners.remove(claims, claim)
  })
  for (const { ip, uid } of bindings) {
    if (ip === undefined) continue
    const [a, b, c, d] = ip.first
    Held.letGoOfOthers(state.held, a | 0, b | 0, c | 0, d | 0, uid)
  }
}

/** B6: nobody has a claim to the host's link-local address, whoever had it before it was the host's. */
export const forgetHosts = ({ claims, ipv6 }: AdmissionState): void => {
  if (ipv6?.hostLinkLocal === undefined) return
  const [a, b, c, d] = ipv6.hostLinkLocal
  const claim = Owners.find(claims, a | 0, b | 0, c | 0, d | 0)
  if (claim >= 0) Owners.remove(claims, claim)
}

/** A port has closed: its claims are free at once, or, but for a trunk, kept for its user for `holdSeconds`. */
export const forget = (state: AdmissionState, port: number): void => {
  const { claims } = state
  const untilSeconds = state.nowSeconds + state.policy.holdSeconds
  if (port !== TAP_PORT && !isTrunk(state, port) && state.policy.holdSeconds > 0) {
    for (let claim = claims.oldest[port]!; claim >= 0; claim = Owners.next(claims, claim)) {
      if (!isLive(state, claim) || isProbe(state, claim)) continue
      const word = (field: number) => Owners.get(claims, claim, field)
      const leasedUntilSeconds = isLease(state, claim) ? word(Field.until) : 0
      const term = { uid: state.uid[port]!, untilSeconds, leasedUntilSeconds }
      Held.hold(state.held, word(0), word(1), word(2), word(3), term)
    }
  }
  forgetAll(state, port)
}

/** A port has no claim any more. */
export const forgetAll = (state: AdmissionState, port: number): void => {
  while (state.claims.oldest[port]! >= 0) Owners.remove(state.claims, state.claims.oldest[port]!)
}

/** Whether a guest can have an IPv4 address. @param address signed. */
export const isOfSubnet = (state: AdmissionState, address: number): boolean =>
  address !== 0 && address >>> 0 !== state.hostAddress && isInside(state, address)

/** Whether an IPv4 address, signed or not, lies in the guests' subnet. */
export const isInside = (state: AdmissionState, address: number): boolean =>
  ((address & state.mask) >>> 0) === state.network
