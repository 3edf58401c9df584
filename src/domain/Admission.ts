import type { AdmissionState } from "./AdmissionState.ts"
import * as Memory from "./AdmissionState.ts"
import { doubt, isTrunk } from "./AdmissionState.ts"
import { Bounds, TAP_PORT } from "./Bounds.ts"
import * as Claims from "./Claims.ts"
import * as Identifiers from "./ClientIdentifiers.ts"
import { destinationOf } from "./Destination.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import * as IngressRates from "./IngressRates.ts"
import * as Leases from "./Leases.ts"
import { IPV4_WORD } from "./Network.ts"
import * as Dhcp from "./policy/Dhcp.ts"
import type { DhcpFacts } from "./policy/DhcpFacts.ts"
import * as Facts from "./policy/DhcpFacts.ts"
import { DhcpKind } from "./policy/DhcpFormat.ts"
import * as Snoop from "./policy/DhcpSnoop.ts"
import { EtherType } from "./policy/EtherType.ts"
import * as Ipv6 from "./policy/Ipv6.ts"
import { isNobodys, isOfLink } from "./policy/Ipv6Policy.ts"
import * as Neighbours from "./policy/NeighbourDiscovery.ts"
import { i32, u16 } from "./policy/Octets.ts"
import { Protocol } from "./policy/Protocol.ts"
import * as Rates from "./policy/RateLimit.ts"
import * as Probes from "./Probes.ts"
import { Reason } from "./Reason.ts"
import * as Stations from "./Stations.ts"
import type { SwitchSettings } from "./SwitchSettings.ts"

/*
 * The pass that remembers: rates, ownership of MAC and IP addresses, leases (rules Q, S, B, A9, I14, V9).
 *
 * Frame by frame, in order: first everything is judged, then, if nothing denied, everything is written. So two frames
 * of one batch are treated as if they had come in two.
 */

/** Where a message begins in a frame of IPv6 without a chain of headers, and how long each kind is at least. */
const NEIGHBOUR_AT = 54
const NEIGHBOUR_FRAME_BYTES = NEIGHBOUR_AT + 24
const ROUTER_FRAME_BYTES = NEIGHBOUR_AT + 16

const ARP_SENDER_AT = 28
const ARP_TARGET_AT = 38
const IPV4_SOURCE_AT = 26
const IPV6_SOURCE_AT = 22

/** Octets of a frame that has all of an IPv4 header without options: RFC 791. */
const IPV4_FRAME_BYTES = 34

/** RARP's type; a hypervisor announces a migrated guest with it (rule L10). */
const RARP = 0x8035

/** Reasons of R and L: what cannot be attributed to a port's station is not charged to its rates. */
const unattributed = new Uint8Array(256)
for (
  const reason of [
    Reason.RUNT, Reason.OVERSIZE, Reason.SRC_MAC_GROUP, Reason.SRC_MAC_ZERO, Reason.SRC_MAC_TAP,
    Reason.DST_MAC_RESERVED, Reason.DST_MAC_ZERO, Reason.LLC_DENIED, Reason.VLAN_DENIED, Reason.ETHERTYPE_DENIED,
    Reason.IP6_DISABLED
  ]
) unattributed[reason] = 1

// Verdicts, and what a message says, are filled anew for each frame: one of each serves, and nothing is allocated.
const station: Stations.StationVerdict = { reason: Reason.PASS, isNew: false, fact: -1 }
const claim: Claims.ClaimVerdict = { reason: Reason.PASS, isNew: false, isOwn: false, fact: -1 }
const answer: Claims.ClaimVerdict = { reason: Reason.PASS, isNew: false, isOwn: false, fact: -1 }
const facts = Facts.make()

/**
 * Judges a batch by what is remembered, and remembers what passes.
 *
 * @param reason      in and out: what the rules without memory said; frames they denied stay denied, but one over a
 *                    rate is denied for that, for rates come first.
 * @param destination out, for frames that nothing up to here denies: a port, or {@link FLOOD}.
 * @param nowMs       milliseconds of a monotonic clock.
 */
export const admit = (
  state: AdmissionState,
  batch: FrameBatch,
  reason: Uint8Array,
  destination: Int32Array,
  nowMs: number
): void => {
  const { halves, port, slotBytes } = batch
  state.nowSeconds = Math.floor(nowMs / 1000)
  for (let i = 0, at = 0; i < batch.count; i++, at += slotBytes >> 1) {
    const before = reason[i]!
    if (unattributed[before] === 1) {
      if (before === Reason.ETHERTYPE_DENIED) announce(state, batch, i, nowMs)
      continue
    }
    const ingress = port[i]!
    const hi = halves[at + 3]! | (halves[at + 4]! << 16)
    const lo = halves[at + 5]!
    const to = destinationOf(state, batch, i)
    if (ingress !== TAP_PORT) {
      const over = IngressRates.judge(state, batch, i, to, before, nowMs)
      reason[i] = over !== Reason.PASS ? over : before
      if (reason[i] !== Reason.PASS) continue
      if (state.secure) reason[i] = admitGuest(state, batch, i, hi, lo, nowMs)
      else reason[i] = Stations.learn(state, hi, lo, ingress)
    } else if (before === Reason.PASS) {
      admitTap(state, batch, i, hi, lo)
    } else continue
    // A station that speaks to itself is known by now.
    const toItself = halves[at + 2] === lo && (halves[at]! | (halves[at + 1]! << 16)) === hi
    destination[i] = toItself ? ingress : to
  }
}

/** Judges a guest's frame in secure mode by its station and its address, and remembers both if it passes. */
const admitGuest = (
  state: AdmissionState,
  batch: FrameBatch,
  slot: number,
  hi: number,
  lo: number,
  nowMs: number
): Reason => {
  const { bytes, slotBytes } = batch
  const start = slot * slotBytes
  const port = batch.port[slot]!
  const type = u16(bytes, start + 12)
  const at = type === EtherType.IPV4 ? IPV4_SOURCE_AT : type === EtherType.ARP ? ARP_SENDER_AT : -1
  const said = at < 0 ? 0 : i32(bytes, start + at)
  // What the far side of a trunk routes is nobody's here.
  const address = isTrunk(state, port) && !Claims.isInside(state, said) ? 0 : said
  const isDhcp = type === EtherType.IPV4 && Facts.isDhcp(bytes, start, batch.size[slot]!)
  const isRead = isDhcp && Facts.read(bytes, start, batch.size[slot]!, facts)
  if (isRead && isForeign(state, facts, address, port)) return Reason.DHCP_CLIENT_CONFLICT
  const identifiedAt = isDhcp ? Dhcp.nameAt(bytes, start) : -1
  if (identifiedAt >= 0) {
    const denied = Identifiers.judge(state, bytes, identifiedAt, port)
    if (denied !== Reason.PASS) return denied
  }
  const isProbe = type === EtherType.ARP && said === 0
  if (!isAsBefore(state, port, hi, lo, address) || type === EtherType.IPV6 || isProbe) {
    const claimed = isRead && Leases.mayRenew(state, facts, address, port) ? 0 : address
    const denied = judgeNew(state, batch, slot, type, hi, lo, claimed, nowMs)
    if (denied !== Reason.PASS) return denied
    state.lastHi[port] = hi
    state.lastLo[port] = lo
    state.lastAddress[port] = claimed
    state.lastSecond[port] = state.nowSeconds
  }
  if (identifiedAt >= 0) Identifiers.commit(state, port)
  if (isRead) noteDhcp(state, facts, port)
  return Reason.PASS
}

/** B7: whether a guest gives back what is not its own. Whose the message's source is, is judged after that. */
const isForeign = (state: AdmissionState, facts: DhcpFacts, source: number, port: number): boolean => {
  if (facts.isReply || (facts.kind !== DhcpKind.RELEASE && facts.kind !== DhcpKind.DECLINE)) return false
  const given = facts.kind === DhcpKind.RELEASE ? facts.clientAddress : facts.requestedAddress
  return (given | 0) !== source && !Claims.isOf(state, given, port)
}

/** Whether the port has just been allowed the same: nothing that has happened since says otherwise. */
const isAsBefore = (state: AdmissionState, port: number, hi: number, lo: number, address: number): boolean =>
  state.lastSecond[port] === state.nowSeconds && state.lastHi[port] === hi && state.lastLo[port] === lo &&
  state.lastAddress[port] === address

/** S, then A9, I14 or V9 with B2, or B8, then Q3; then the facts are written. */
const judgeNew = (
  state: AdmissionState,
  batch: FrameBatch,
  slot: number,
  type: number,
  hi: number,
  lo: number,
  address: number,
  nowMs: number
): Reason => {
  const port = batch.port[slot]!
  Stations.judge(state, hi, lo, port, station)
  if (station.reason !== Reason.PASS) return station.reason
  const words = wordsOf(state, batch, slot, type, address)
  claim.isNew = false
  if (words !== NO_WORDS) {
    Claims.judge(state, words[0]!, words[1]!, words[2]!, words[3]!, port, claim)
    if (claim.reason === Claims.CONFLICT) return conflictOf(type)
    if (claim.reason !== Reason.PASS) return claim.reason
  }
  const asked = words === NO_WORDS ? askedOf(state, batch, slot, type) : NO_WORDS
  if (asked !== NO_WORDS) {
    const denied = Probes.judge(state, asked[0]!, asked[1]!, asked[2]!, asked[3]!, port, claim)
    if (denied !== Reason.PASS) return denied
  }
  const target = type === EtherType.IPV6 ? targetOf(batch, slot) : NO_WORDS
  answer.isNew = false
  if (target !== NO_WORDS) {
    Claims.judge(state, target[0]!, target[1]!, target[2]!, target[3]!, port, answer, claim)
    if (answer.reason === Claims.CONFLICT) return Reason.ND_TARGET_CONFLICT
    if (answer.reason !== Reason.PASS) return answer.reason
    if (words !== NO_WORDS && claim.isNew && answer.isOwn) {
      // What it answers for is its own, and makes no room for what it comes from.
      Claims.judge(state, words[0]!, words[1]!, words[2]!, words[3]!, port, claim, answer)
      if (claim.reason !== Reason.PASS) return claim.reason === Claims.CONFLICT ? conflictOf(type) : claim.reason
    }
  }
  const fresh = Number(station.isNew) + Number(claim.isNew) + Number(answer.isNew)
  if (fresh > 0) {
    if (!Rates.has(state.learning, port, fresh, nowMs)) return Reason.LEARN_RATE
    Rates.spend(state.learning, port, fresh)
  }
  Stations.commit(state, hi, lo, port, station.fact)
  if (target !== NO_WORDS && answer.isOwn) commitClaim(state, target, port, answer)
  if (words !== NO_WORDS) commitClaim(state, words, port, claim)
  if (target !== NO_WORDS && !answer.isOwn) commitClaim(state, target, port, answer)
  if (asked !== NO_WORDS) Probes.commit(state, asked[0]!, asked[1]!, asked[2]!, asked[3]!, port, claim)
  return Reason.PASS
}

/** An address that was judged is used. */
const commitClaim = (state: AdmissionState, words: Int32Array, port: number, verdict: Claims.ClaimVerdict): void => {
  if (verdict.fact >= 0 && !verdict.isNew) Claims.use(state, verdict.fact, port)
  else Claims.commit(state, words[0]!, words[1]!, words[2]!, words[3]!, port)
}

const conflictOf = (type: number): Reason =>
  type === EtherType.ARP
    ? Reason.ARP_SPA_CONFLICT
    : type === EtherType.IPV4
    ? Reason.IP4_SRC_CONFLICT
    : Reason.IP6_SRC_CONFLICT

const NO_WORDS = new Int32Array(0)
const addressWords = new Int32Array(4)
const targetWords = new Int32Array(4)

/**
 * The address that a neighbour advertisement answers for, in four words, where it is not the one that it comes from;
 * else {@link NO_WORDS}. To answer is to claim, as by ARP: nobody answers for more addresses than a port may have.
 */
const targetOf = ({ bytes, slotBytes }: FrameBatch, slot: number): Int32Array => {
  const start = slot * slotBytes
  const at = Ipv6.advertisedAt(bytes, start)
  if (at < 0) return NO_WORDS
  for (let i = 0; i < 4; i++) targetWords[i] = i32(bytes, start + at + 4 * i)
  const isSource = targetWords[0] === addressWords[0] && targetWords[1] === addressWords[1] &&
    targetWords[2] === addressWords[2] && targetWords[3] === addressWords[3]
  return isSource ? NO_WORDS : targetWords
}

/**
 * The address of this link that a frame from nobody's asks for, in four words; else {@link NO_WORDS}. For the host's
 * one may ask, by ARP: who has it answers.
 */
const askedOf = (state: AdmissionState, { bytes, slotBytes }: FrameBatch, slot: number, type: number): Int32Array => {
  const start = slot * slotBytes
  if (type === EtherType.ARP) {
    const address = i32(bytes, start + ARP_TARGET_AT)
    return Claims.isOfSubnet(state, address) ? ofIpv4(targetWords, address) : NO_WORDS
  }
  const at = type === EtherType.IPV6 ? Ipv6.solicitedAt(bytes, start) : -1
  if (at < 0 || state.ipv6 === undefined || !isOfLink(state.ipv6, bytes, start + at)) return NO_WORDS
  for (let i = 0; i < 4; i++) targetWords[i] = i32(bytes, start + at + 4 * i)
  return targetWords
}

/** An IPv4 address in four words. */
const ofIpv4 = (words: Int32Array, address: number): Int32Array => {
  words[0] = 0
  words[1] = 0
  words[2] = IPV4_WORD
  words[3] = address
  return words
}

/** The address that a frame claims, in four words; {@link NO_WORDS} if it claims none. */
const wordsOf = (
  { ipv6, trunk }: AdmissionState,
  { bytes, port, slotBytes }: FrameBatch,
  slot: number,
  type: number,
  address: number
): Int32Array => {
  if (type === EtherType.IPV6) {
    const at = slot * slotBytes + IPV6_SOURCE_AT
    for (let i = 0; i < 4; i++) addressWords[i] = i32(bytes, at + 4 * i)
    if (isNobodys(bytes, at)) return NO_WORDS
    // As over IPv4.
    const isRouted = trunk[port[slot]!] === 1 && ipv6 !== undefined && !isOfLink(ipv6, bytes, at)
    return isRouted ? NO_WORDS : addressWords
  }
  return address === 0 ? NO_WORDS : ofIpv4(addressWords, address)
}

/** S4, B1, B3, B4: the host's side is believed. */
const admitTap = (state: AdmissionState, batch: FrameBatch, slot: number, hi: number, lo: number): void => {
  if (!Memory.isHostMac(state, hi, lo) && (!state.secure || !Stations.isBound(state, hi, lo))) {
    Stations.learn(state, hi, lo, TAP_PORT)
  }
  if (!state.secure) return
  const { bytes, size, slotBytes } = batch
  const start = slot * slotBytes
  const type = u16(bytes, start + 12)
  if (type === EtherType.ARP && size[slot]! >= 42) Claims.host(state, i32(bytes, start + ARP_SENDER_AT))
  const isIpv4 = type === EtherType.IPV4 && size[slot]! >= IPV4_FRAME_BYTES
  const isIpv6 = type === EtherType.IPV6 && size[slot]! >= NEIGHBOUR_AT
  if (!isIpv4 && !isIpv6) return
  const words = wordsOf(state, batch, slot, type, isIpv4 ? i32(bytes, start + IPV4_SOURCE_AT) : 0)
  if (words !== NO_WORDS) Claims.useOfHost(state, words[0]!, words[1]!, words[2]!, words[3]!)
  if (isIpv6) noteNeighbour(state, batch, slot)
  else if (Facts.isDhcp(bytes, start, size[slot]!) && Facts.read(bytes, start, size[slot]!, facts)) {
    noteDhcp(state, facts, TAP_PORT)
  }
}

/**
 * B3 by neighbour discovery: whoever advertises an address has it; who asks, or is a router, speaks from its own.
 * Nothing is judged in what the host's side sends: only a message right behind the first header is read, as all
 * systems send it.
 */
const noteNeighbour = (state: AdmissionState, batch: FrameBatch, slot: number): void => {
  const { bytes, size, slotBytes } = batch
  const start = slot * slotBytes
  if (bytes[start + 20] !== Protocol.ICMPV6 || size[slot]! < ROUTER_FRAME_BYTES) return
  const message = start + NEIGHBOUR_AT
  if (Neighbours.isRouterAdvertisement(bytes, message)) Claims.host6(state, bytes, start + IPV6_SOURCE_AT)
  if (size[slot]! < NEIGHBOUR_FRAME_BYTES) return
  if (Neighbours.isAdvertisement(bytes, message)) Claims.host6(state, bytes, message + Neighbours.TARGET_AT)
  if (Neighbours.isSolicitation(bytes, message)) Claims.host6(state, bytes, start + IPV6_SOURCE_AT)
}

/** B4: what an accepted DHCP message changes. */
const noteDhcp = (state: AdmissionState, facts: DhcpFacts, port: number): void => {
  if (facts.isReply) {
    if (facts.kind !== DhcpKind.ACK && facts.kind !== DhcpKind.NAK) return
    // What any guest may say gives no lease, and does not end the wait for one. Who was named is believed.
    if (port !== TAP_PORT && state.uid[port] !== state.policy.dhcpServer) return
    const asker = Snoop.settle(state.snoop, facts, state.nowSeconds)
    if (asker >= 0 && facts.kind === DhcpKind.ACK) Leases.lease(state, facts, asker, port)
  } else if (port !== TAP_PORT) {
    if (facts.kind === DhcpKind.RELEASE) Leases.giveBack(state, facts.clientAddress, port)
    else if (facts.kind === DhcpKind.DECLINE) Leases.giveBack(state, facts.requestedAddress, port)
    else {
      const most = isTrunk(state, port) ? Bounds.pendingDhcpPerTrunk : Bounds.pendingDhcpPerGuest
      Snoop.ask(state.snoop, facts, port, most, state.nowSeconds)
    }
  }
}

/** L10: a RARP in which a station speaks for itself moves it here, and goes no further. */
const announce = (state: AdmissionState, batch: FrameBatch, slot: number, nowMs: number): void => {
  const { bytes, halves, size, slotBytes } = batch
  const start = slot * slotBytes
  const port = batch.port[slot]!
  if (!state.secure || port === TAP_PORT || size[slot]! < 42 || u16(bytes, start + 12) !== RARP) return
  if (u16(bytes, start + 20) !== 3) return
  for (let i = 0; i < 6; i++) {
    if (bytes[start + 22 + i] !== bytes[start + 6 + i]) return
  }
  const at = start >> 1
  const hi = halves[at + 3]! | (halves[at + 4]! << 16)
  const lo = halves[at + 5]!
  Stations.judge(state, hi, lo, port, station)
  if (station.reason !== Reason.PASS) return
  if (station.isNew && !Rates.take(state.learning, port, nowMs)) return
  Stations.commit(state, hi, lo, port, station.fact)
}

/** Other settings from now on. What is remembered stays, but for what is bound to another by them. */
export const configure = (state: AdmissionState, settings: SwitchSettings): void => {
  Memory.configure(state, settings)
  Stations.forgetHosts(state)
  Claims.forgetHosts(state)
  Stations.forgetUnbound(state)
  Claims.forgetUnbound(state)
}

/**
 * A guest's port has opened: its rates begin anew, unless the user is the one that had it last. Who connects again and
 * again would else get a burst each time.
 */
export const join = (state: AdmissionState, port: number, nowMs: number): void => {
  const uid = state.uid[port]!
  if (state.ratedUid[port] === uid) return
  state.ratedUid[port] = uid
  for (const limit of Memory.ratesOf(state)) Rates.reset(limit, port, nowMs)
}

/** A port has closed: what it owned and what it had asked for. */
export const forget = (state: AdmissionState, port: number, nowMs: number): void => {
  state.nowSeconds = Math.floor(nowMs / 1000)
  Stations.forget(state, port)
  Claims.forget(state, port)
  Identifiers.forget(state, port)
  Snoop.forget(state.snoop, port)
  doubt(state, port)
}
