import type { AdmissionState } from "./AdmissionState.ts"
import { addressesMax, doubt, isHeldFrom, isLocked, isTrunk } from "./AdmissionState.ts"
import { Bounds, TAP_PORT } from "./Bounds.ts"
import { linkLocalOf } from "./Ipv6Prefix.ts"
import { type MacAddress, toOctets } from "./MacAddress.ts"
import { IPV4_WORD } from "./Network.ts"
import * as Networks from "./Network.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import type { DhcpFacts } from "./policy/DhcpFacts.ts"
import { DhcpKind } from "./policy/DhcpFormat.ts"
import * as Held from "./policy/HeldIdentities.ts"
import { isHosts, isOfLink } from "./policy/Ipv6Policy.ts"
import { i32 } from "./policy/Octets.ts"
import { Reason } from "./Reason.ts"

/*
 * Who may use an IP address: rules B1 to B6, secure mode only.
 *
 * The first to use a free address has it for as long as it uses it; a lease that the host gave, and a host behind the
 * tap, end such a claim.
 */

/** Kinds of claims, the stronger the higher. */
const Kind = { Claim: 0, Lease: 1, Host: 2 } as const

/** What a port may do with an address: `isNew` if it would become its own by it. */
export interface ClaimVerdict {
  /** 0; STATIC_MISMATCH or IP_LIMIT; or `CONFLICT`, for which each protocol has a reason of its own. */
  reason: Reason | typeof CONFLICT
  isNew: boolean
  /** Number of the claim, -1 if there is none: good until something is written. */
  fact: number
}

/** The address is another port's. */
export const CONFLICT = -1

/** Whether a claim holds: a lease for its time if it is used now and then, others while they are used. */
const isLive = (state: AdmissionState, claim: number): boolean => {
  const silentSeconds = state.nowSeconds - Owners.get(state.claims, claim, Field.seen)
  return isLease(state, claim)
    ? state.nowSeconds < Owners.get(state.claims, claim, Field.until) && silentSeconds <= Bounds.leaseSilentSecondsMax
    : silentSeconds <= state.ageSeconds
}

/** Whether nobody else may have it: it holds, or is the only one that a locked guest will ever have. */
const isTaken = (state: AdmissionState, claim: number): boolean => {
  const port = Owners.get(state.claims, claim, Field.port)
  return isLive(state, claim) || (port !== TAP_PORT && isLocked(state, port))
}

/** Whoever goes on using an address after its lease has its own claim to it, as any other. */
const isEndedLease = (state: AdmissionState, claim: number): boolean =>
  isLease(state, claim) && !isLive(state, claim)

const isLease = ({ claims }: AdmissionState, claim: number): boolean =>
  Owners.get(claims, claim, Field.kind) === Kind.Lease

/**
 * Judges the use of an address by a guest's port. Reads only.
 *
 * @param verdict out. @param before the verdict on another address that the same frame uses, and that is
 * committed first; undefined if it uses no other.
 */
export const judge = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  verdict: ClaimVerdict,
  before?: ClaimVerdict
): void => {
  const claim = Owners.find(state.claims, a, b, c, d)
  const isOwn = claim >= 0 && Owners.get(state.claims, claim, Field.port) === port
  verdict.reason = Reason.PASS
  verdict.isNew = false
  verdict.fact = claim
  // Bindings were asked when this claim began, and are whenever they change.
  if (isOwn && !isEndedLease(state, claim)) return
  const bound = judgeBinding(state, a, b, c, d, port)
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
  } else if (!isOwn && !hasRoom(state, port, before)) verdict.reason = Reason.IP_LIMIT
}

/** Until when an address is leased to the user of a port that has none of it yet: the user's last one had it. */
const leasedUntil = (state: AdmissionState, a: number, b: number, c: number, d: number, port: number): number =>
  isTrunk(state, port) ? 0 : Held.leasedUntilSeconds(state.held, a, b, c, d, state.uid[port]!, state.nowSeconds)

const Bound = { No: 0, ToSelf: 1, ToOther: 2 } as const

/** Whether an address is bound to the port's user or trunks, to another, or the user to others of its kind. */
const judgeBinding = (state: AdmissionState, a: number, b: number, c: number, d: number, port: number): number => {
  const { bindings, trunkBindings } = state.policy
  const isOfTrunk = isTrunk(state, port)
  let isBound = false
  for (let i = 0; i < bindings.length; i++) {
    const { ip, uid } = bindings[i]!
    if (ip === undefined) continue
    const isOfUser = !isOfTrunk && uid === state.uid[port]
    if (Networks.contains(ip, a, b, c, d)) return isOfUser ? Bound.ToSelf : Bound.ToOther
    isBound ||= isOfUser && Networks.isOfKind(ip, a, b, c)
  }
  for (let i = 0; i < trunkBindings.length; i++) {
    if (isIn(trunkBindings[i]!.ip, a, b, c, d)) return isOfTrunk ? Bound.ToSelf : Bound.ToOther
  }
  return isBound ? Bound.ToOther : Bound.No
}

/** Whether an address is bound to some user, or to trunks. */
const isBound = (
  { policy: { bindings, trunkBindings } }: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number
): boolean => {
  let found = false
  for (let i = 0; i < bindings.length; i++) found ||= isIn(bindings[i]!.ip, a, b, c, d)
  for (let i = 0; i < trunkBindings.length; i++) found ||= isIn(trunkBindings[i]!.ip, a, b, c, d)
  return found
}

const isIn = (ip: Networks.Network | undefined, a: number, b: number, c: number, d: number): boolean =>
  ip !== undefined && Networks.contains(ip, a, b, c, d)

const capOf = (state: AdmissionState, port: number): number => isLocked(state, port) ? 1 : addressesMax(state, port)

/**
 * Whether a port may claim one more: below its cap, or with claims that hold no more to give up. A locked one gives up
 * none: what it used first stays its only one when that has ended, or anybody would get another by silence.
 */
const hasRoom = (state: AdmissionState, port: number, before: ClaimVerdict | undefined): boolean => {
  const { claims } = state
  const wanted = before?.isNew === true ? 2 : 1
  let surplus = Math.max(claims.portCount[port]! + wanted - capOf(state, port), claims.count + wanted - claims.capacity)
  if (surplus > 0 && isLocked(state, port)) return false
  for (let oldest = claims.oldest[port]!; surplus > 0; oldest = Owners.next(claims, oldest)) {
    if (oldest < 0) return false
    // What the same frame uses is the latest then.
    if (before !== undefined && oldest === before.fact) continue
    if (!isLive(state, oldest)) surplus--
  }
  return true
}

/** The claim that a port at its cap gives up: one that holds no more, else the longest unused; -1 if it has none. */
const dispensable = (state: AdmissionState, port: number): number => {
  const { claims } = state
  const oldest = claims.oldest[port]!
  for (let claim = oldest; claim >= 0; claim = Owners.next(claims, claim)) {
    // Also behind one that holds: a lease ends however lately it was used.
    if (!isLive(state, claim)) return claim
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
export const use = (state: AdmissionState, claim: number, port: number): void => {
  Owners.touch(state.claims, claim, port, state.nowSeconds)
}

/** Makes a claim a port's, with what goes with it; at its cap the port gives up one. */
const own = (
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
  const begins = owner !== port || kind > Kind.Claim || isEndedLease(state, claim)
  if (owner !== port && (claims.portCount[port]! >= cap || (claim < 0 && !Owners.hasRoom(claims)))) {
    const given = dispensable(state, port)
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

/** B3 for the link-local address that the host's kernel made of the tap's former MAC address, and keeps. */
export const hostFormer = (state: AdmissionState, formerMac: MacAddress, nowMs: number): void => {
  state.nowSeconds = Math.floor(nowMs / 1000)
  if (state.secure) host6(state, linkLocalOf(toOctets(formerMac)), 0)
}

/** What is bound is its user's, or the trunks', whoever behind the tap speaks for it. */
const ownByHost = (state: AdmissionState, a: number, b: number, c: number, d: number): void => {
  if (!isBound(state, a, b, c, d)) own(state, a, b, c, d, TAP_PORT, Bounds.addressesOfTap, Kind.Host, 0)
}

/** B1 for a host behind the tap: what it has spoken for stays its own while it sends from it. */
export const useOfHost = (state: AdmissionState, a: number, b: number, c: number, d: number): void => {
  const { claims } = state
  if (claims.portCount[TAP_PORT] === 0) return
  const claim = Owners.find(claims, a, b, c, d)
  if (claim >= 0 && Owners.get(claims, claim, Field.port) === TAP_PORT) use(state, claim, TAP_PORT)
}

/**
 * B4: the host has given a guest's port an address for a time, or a guest that was named as DHCP server has: such a one
 * takes nothing from anybody.
 *
 * @param server the port of who gave it.
 */
export const lease = (state: AdmissionState, facts: DhcpFacts, port: number, server: number): void => {
  const address = facts.yourAddress
  if (!isOfSubnet(state, address) || facts.leaseSeconds === 0) return
  if (judgeBinding(state, 0, 0, IPV4_WORD, address, port) === Bound.ToOther) return
  const there = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  if (there >= 0 && Owners.get(state.claims, there, Field.kind) === Kind.Host && isLive(state, there)) return
  if (server !== TAP_PORT && isOfOther(state, address, there, port)) return
  if (isLocked(state, port)) releaseAll(state, port)
  const until = state.nowSeconds + Math.min(facts.leaseSeconds >>> 0, FOR_EVER_SECONDS)
  own(state, 0, 0, IPV4_WORD, address, port, addressesMax(state, port), Kind.Lease, until)
  const claim = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  if (claim >= 0) {
    Owners.set(state.claims, claim, Field.told, facts.macHigh)
    Owners.set(state.claims, claim, Field.told + 1, facts.macLow)
  }
  doubt(state, port)
}

/** Longer than any switch runs; 0xffffffff, which is for ever (RFC 2131, 3.3), would not fit the table. */
const FOR_EVER_SECONDS = 2 ** 30

/** Whether a port has a lease that was given to a station: then that is its own for as long. */
export const hasLease = (state: AdmissionState, port: number, hi: number, lo: number): boolean => {
  const { claims } = state
  const high = (hi << 24) | ((hi & 0xff00) << 8) | ((hi >>> 8) & 0xff00) | (hi >>> 24)
  const low = ((lo & 0xff) << 8) | (lo >>> 8)
  for (let claim = claims.oldest[port]!; claim >= 0; claim = Owners.next(claims, claim)) {
    if (
      isLease(state, claim) && Owners.get(claims, claim, Field.told) === high &&
      Owners.get(claims, claim, Field.told + 1) === low && isLive(state, claim)
    ) return true
  }
  return false
}

/** Whether an IPv4 address is another port's, or kept for another user. @param claim -1 if there is none. */
const isOfOther = (state: AdmissionState, d: number, claim: number, port: number): boolean =>
  claim < 0
    ? isHeldFrom(state, port, 0, 0, IPV4_WORD, d)
    : Owners.get(state.claims, claim, Field.port) !== port && isTaken(state, claim)

/**
 * Whether a guest asks for more of a lease that is forgotten here, from the address that this was for (RFC 2131,
 * 4.4.5). Where only leases count it may, without having the address: the host says whether it has.
 */
export const mayRenew = (state: AdmissionState, facts: DhcpFacts, source: number, port: number): boolean =>
  state.policy.learn === "dhcp" && source !== 0 && facts.kind === DhcpKind.REQUEST && facts.clientAddress === source &&
  Owners.find(state.claims, 0, 0, IPV4_WORD, source) < 0 && !isHeldFrom(state, port, 0, 0, IPV4_WORD, source) &&
  judgeBinding(state, 0, 0, IPV4_WORD, source, port) === Bound.No &&
  leasedUntil(state, 0, 0, IPV4_WORD, source, port) <= state.nowSeconds

/** Whether an IPv4 address is a port's. @param address signed. */
export const isOf = (state: AdmissionState, address: number, port: number): boolean => {
  const claim = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  return claim >= 0 && Owners.get(state.claims, claim, Field.port) === port
}

/**
 * B4: the holder gives its address back, RELEASE or DECLINE, however it came to it. A locked port would get another for
 * it, by no more than saying so: its stays until the host leases that to another, or the port closes.
 */
export const giveBack = (state: AdmissionState, address: number, port: number): void => {
  if (isLocked(state, port) || !isOf(state, address, port)) return
  Owners.remove(state.claims, Owners.find(state.claims, 0, 0, IPV4_WORD, address))
  doubt(state, port)
}

/** Bindings have changed: what is bound to another now, or is none of those that its user may have, is free. */
export const releaseUnbound = (state: AdmissionState): void => {
  const { bindings, trunkBindings } = state.policy
  if (!state.secure || bindings.length + trunkBindings.length === 0) return
  const { claims } = state
  Owners.forEach(claims, (claim) => {
    const word = (field: number) => Owners.get(claims, claim, field)
    const port = word(Field.port)
    // The host has no user: to it nothing is bound, and it has no others.
    const isLost = port === TAP_PORT
      ? isBound(state, word(0), word(1), word(2), word(3))
      : judgeBinding(state, word(0), word(1), word(2), word(3), port) === Bound.ToOther
    if (isLost) Owners.remove(claims, claim)
  })
  for (const { ip, uid } of bindings) {
    if (ip === undefined) continue
    const [a, b, c, d] = ip.first
    Held.letGoOfOthers(state.held, a | 0, b | 0, c | 0, d | 0, uid)
  }
}

/** B6: nobody has a claim to the host's link-local address, whoever had it before it was the host's. */
export const releaseHosts = ({ claims, ipv6 }: AdmissionState): void => {
  if (ipv6?.hostLinkLocal === undefined) return
  const [a, b, c, d] = ipv6.hostLinkLocal
  const claim = Owners.find(claims, a | 0, b | 0, c | 0, d | 0)
  if (claim >= 0) Owners.remove(claims, claim)
}

/** A port has closed: its claims are free at once, or, but for a trunk, kept for its user for `holdSeconds`. */
export const release = (state: AdmissionState, port: number): void => {
  const { claims } = state
  const untilSeconds = state.nowSeconds + state.policy.holdSeconds
  if (port !== TAP_PORT && !isTrunk(state, port) && state.policy.holdSeconds > 0) {
    for (let claim = claims.oldest[port]!; claim >= 0; claim = Owners.next(claims, claim)) {
      if (!isLive(state, claim)) continue
      const word = (field: number) => Owners.get(claims, claim, field)
      const leased = isLease(state, claim) ? word(Field.until) : 0
      Held.hold(state.held, word(0), word(1), word(2), word(3), state.uid[port]!, untilSeconds, leased)
    }
  }
  releaseAll(state, port)
}

const releaseAll = (state: AdmissionState, port: number): void => {
  while (state.claims.oldest[port]! >= 0) Owners.remove(state.claims, state.claims.oldest[port]!)
}

const isOfSubnet = (state: AdmissionState, address: number): boolean =>
  address !== 0 && address >>> 0 !== state.hostAddress && isInside(state, address)

/** Whether an IPv4 address, signed or not, lies in the guests' subnet. */
export const isInside = (state: AdmissionState, address: number): boolean =>
  ((address & state.mask) >>> 0) === state.network
