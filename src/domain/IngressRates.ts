import type { AdmissionState } from "./AdmissionState.ts"
import { FLOOD } from "./Destination.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import { EtherType } from "./policy/EtherType.ts"
import * as Ipv6 from "./policy/Ipv6.ts"
import { isHosts, isNobodys } from "./policy/Ipv6Policy.ts"
import { i32, u16 } from "./policy/Octets.ts"
import * as Rates from "./policy/RateLimit.ts"
import { Reason } from "./Reason.ts"

/*
 * How much a guest's port has sent lately: rules Q1 and Q2.
 *
 * What one sends because others made it send must not use up what it needs to begin by itself. So there are several
 * buckets, and each frame is charged to one of floods, and, when it asks something that others answer, to that of ARP.
 *
 * - What floods for want of a known station has a bucket of its own: who asks and is gone before the answer makes the
 *   answer flood.
 * - An answer to one station is charged to nothing. One that floods, ARP's or a neighbour advertisement, has a bucket
 *   of its own: any number of guests may search for duplicates of an address, and each is answered to all (RFC 4861,
 *   7.2.4).
 * - A question for the host's address that is over a rate has one, too: who is sent packets from many addresses asks
 *   for all of them.
 */

/** Octets of a frame that has all of an ARP packet; its operations: RFC 826. Octets of one that has an IPv6 header. */
const ARP_FRAME_BYTES = 42
const ARP_REQUEST = 1
const ARP_REPLY = 2
const ARP_OPERATION_AT = 20
const ARP_TARGET_AT = 38
const IPV6_FRAME_BYTES = 54
const IPV6_SOURCE_AT = 22

/**
 * Judges a guest's frame, and charges it. Nearly all are IPv4 to a known station, and charged to nothing: this is
 * small enough to be part of the loop that calls it.
 *
 * @param before what the rules without memory said: what they deny need not be what its type says.
 */
export const judge = (
  state: AdmissionState,
  batch: FrameBatch,
  slot: number,
  to: number,
  before: number,
  nowMs: number
): Reason => {
  const type = u16(batch.bytes, slot * batch.slotBytes + 12)
  return to !== FLOOD && type !== EtherType.ARP && type !== EtherType.IPV6
    ? Reason.PASS
    : judgeCharged(state, batch, slot, to, before, nowMs)
}

const judgeCharged = (
  state: AdmissionState,
  batch: FrameBatch,
  slot: number,
  to: number,
  before: number,
  nowMs: number
): Reason => {
  const over = charge(state, batch, slot, to, before, nowMs)
  if (over === Reason.PASS || !state.secure || before !== Reason.PASS || !asksForHost(state, batch, slot)) return over
  return Rates.take(state.hostAsks, batch.port[slot]!, nowMs) ? Reason.PASS : over
}

const charge = (
  state: AdmissionState,
  batch: FrameBatch,
  slot: number,
  to: number,
  before: number,
  nowMs: number
): Reason => {
  const port = batch.port[slot]!
  if (to === FLOOD) {
    if (state.secure && before === Reason.PASS && isAnswer(batch, slot)) {
      return Rates.take(state.answers, port, nowMs) ? Reason.PASS : Reason.ARP_RATE
    }
    const isForMany = (batch.bytes[slot * batch.slotBytes]! & 1) !== 0
    if (!Rates.take(isForMany ? state.storm : state.unknownStorm, port, nowMs)) return Reason.STORM_RATE
  }
  if (!state.secure) return Reason.PASS
  return isAsking(batch, slot, to) && !Rates.take(state.arp, port, nowMs) ? Reason.ARP_RATE : Reason.PASS
}

/** Whether a frame that passed up to here answers for an address, by ARP or by neighbour discovery. */
const isAnswer = ({ bytes, slotBytes }: FrameBatch, slot: number): boolean => {
  const start = slot * slotBytes
  const type = u16(bytes, start + 12)
  if (type === EtherType.IPV6) return Ipv6.advertisedAt(bytes, start) >= 0
  return type === EtherType.ARP && u16(bytes, start + ARP_OPERATION_AT) === ARP_REPLY
}

/**
 * Whether a frame is ARP or IPv6 that others answer. IPv6 from nobody is charged as ARP is: a search for duplicates,
 * sent to one station, has that one answer to all.
 */
const isAsking = ({ bytes, size, slotBytes }: FrameBatch, slot: number, to: number): boolean => {
  const start = slot * slotBytes
  const type = u16(bytes, start + 12)
  if (type === EtherType.IPV6) return size[slot]! >= IPV6_FRAME_BYTES && isNobodys(bytes, start + IPV6_SOURCE_AT)
  if (type !== EtherType.ARP) return false
  return to === FLOOD || size[slot]! < ARP_FRAME_BYTES || u16(bytes, start + ARP_OPERATION_AT) !== ARP_REPLY
}

/** Whether a frame that passed up to here asks for one of the host's own addresses. */
const asksForHost = (state: AdmissionState, { bytes, slotBytes }: FrameBatch, slot: number): boolean => {
  const start = slot * slotBytes
  const type = u16(bytes, start + 12)
  if (type === EtherType.ARP) {
    return state.hostAddress !== 0 && u16(bytes, start + ARP_OPERATION_AT) === ARP_REQUEST &&
      i32(bytes, start + ARP_TARGET_AT) >>> 0 === state.hostAddress
  }
  if (type !== EtherType.IPV6 || state.ipv6 === undefined) return false
  const at = Ipv6.solicitedAt(bytes, start)
  return at >= 0 && isHosts(state.ipv6, bytes, start + at)
}
