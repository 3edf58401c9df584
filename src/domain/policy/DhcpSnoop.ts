import { Bounds, TAP_PORT } from "../Bounds.ts"
import { u16, u32 } from "./Octets.ts"

/**
 * Requests for addresses that wait for the host's answer (rule B4): by transaction and hardware address the port that
 * asked.
 *
 * In the order of asking. Each port has a few at most, and the oldest of the same port makes room; over all the oldest
 * of the port that has most does, so that nobody's request is pushed out by others' many.
 */
export interface DhcpSnoop {
  readonly pending: Array<PendingRequest>
}

interface PendingRequest {
  readonly xid: number
  readonly macHigh: number
  readonly macLow: number
  readonly port: number
  readonly untilSeconds: number
}

export const make = (): DhcpSnoop => ({ pending: [] })

/** What a DHCP message says, as far as it matters here: RFC 2131 section 2, RFC 2132. */
export interface DhcpFacts {
  readonly isReply: boolean
  /** Option 53; 0 when there is none. */
  readonly kind: number
  readonly xid: number
  /** Client hardware address, first four and last two octets. */
  readonly macHigh: number
  readonly macLow: number
  readonly clientAddress: number
  readonly yourAddress: number
  /** Option 50; 0 when there is none. */
  readonly requestedAddress: number
  /** Option 51; 0 when there is none. */
  readonly leaseSeconds: number
}

/** DHCP message types, RFC 2132 section 9.6. */
export const DhcpKind = { Discover: 1, Request: 3, Decline: 4, Ack: 5, Nak: 6, Release: 7 } as const

const COOKIE = 0x63825363

/**
 * Whether a frame is UDP between the ports of DHCP, unfragmented. Called for IPv4 frames of at least 34 octets.
 *
 * @param start octet offset of the frame; @param size its octets.
 */
export const isDhcp = (bytes: Uint8Array, start: number, size: number): boolean => {
  if (bytes[start + 23] !== 17 || (u16(bytes, start + 20) & 0x3fff) !== 0) return false
  const udp = 14 + (bytes[start + 14]! & 15) * 4
  if (size < udp + 8) return false
  const source = u16(bytes, start + udp)
  const target = u16(bytes, start + udp + 2)
  return (source === 68 && target === 67) || (source === 67 && (target === 68 || target === 67))
}

/** Reads a DHCP message; undefined if anything about it is odd. Called for what `isDhcp` says it is. */
export const read = (bytes: Uint8Array, start: number, size: number): DhcpFacts | undefined => {
  const udp = 14 + (bytes[start + 14]! & 15) * 4
  const end = Math.min(size, udp + u16(bytes, start + udp + 4))
  const bootp = udp + 8
  if (end - bootp < 240 || u32(bytes, start + bootp + 236) !== COOKIE) return undefined
  if (bytes[start + bootp + 1] !== 1 || bytes[start + bootp + 2] !== 6) return undefined
  const options = new Map<number, number>()
  for (let at = bootp + 240; at < end;) {
    const code = bytes[start + at]!
    if (code === 255) break
    if (code === 0) {
      at++
      continue
    }
    if (at + 1 >= end) return undefined
    const length = bytes[start + at + 1]!
    if (at + 2 + length > end) return undefined
    if (code === 53 && length === 1) options.set(53, bytes[start + at + 2]!)
    if ((code === 50 || code === 51) && length === 4) options.set(code, u32(bytes, start + at + 2))
    at += 2 + length
  }
  return {
    isReply: bytes[start + bootp] === 2,
    kind: options.get(53) ?? 0,
    xid: u32(bytes, start + bootp + 4),
    macHigh: u32(bytes, start + bootp + 28),
    macLow: u16(bytes, start + bootp + 32),
    clientAddress: u32(bytes, start + bootp + 12),
    yourAddress: u32(bytes, start + bootp + 16),
    requestedAddress: options.get(50) ?? 0,
    leaseSeconds: options.get(51) ?? 0
  }
}

/** Notes that a guest's port asked. @param most how many requests of a port wait. */
export const ask = (snoop: DhcpSnoop, facts: DhcpFacts, port: number, most: number, nowSeconds: number): void => {
  const { pending } = snoop
  const same = pending.findIndex((request) => request.port === port && isOf(request, facts))
  if (same >= 0) pending.splice(same, 1)
  const own = pending.filter((request) => request.port === port).length
  if (own >= most) forgetOldest(snoop, port)
  if (pending.length >= Bounds.pendingDhcp) forgetOldest(snoop, busiest(snoop))
  pending.push({
    xid: facts.xid,
    macHigh: facts.macHigh,
    macLow: facts.macLow,
    port,
    untilSeconds: nowSeconds + Bounds.pendingDhcpSeconds
  })
}

const forgetOldest = ({ pending }: DhcpSnoop, port: number): void => {
  pending.splice(pending.findIndex((request) => request.port === port), 1)
}

/** The port with most requests; of equals the one that has waited longest. */
const busiest = ({ pending }: DhcpSnoop): number => {
  const counts = new Map<number, number>()
  for (const { port } of pending) counts.set(port, (counts.get(port) ?? 0) + 1)
  let most = { port: TAP_PORT, count: 0 }
  for (const [port, count] of counts) if (count > most.count) most = { port, count }
  return most.port
}

/** The port that an answer is for, or -1; the request is settled. */
export const settle = (snoop: DhcpSnoop, facts: DhcpFacts, nowSeconds: number): number => {
  const at = snoop.pending.findIndex((request) => isOf(request, facts) && nowSeconds < request.untilSeconds)
  return at < 0 ? -1 : snoop.pending.splice(at, 1)[0]!.port
}

/** A port has closed, or all of them when the tap's is meant. */
export const forget = (snoop: DhcpSnoop, port: number): void => {
  for (let i = snoop.pending.length - 1; i >= 0; i--) {
    if (port === TAP_PORT || snoop.pending[i]!.port === port) snoop.pending.splice(i, 1)
  }
}

const isOf = (request: PendingRequest, facts: DhcpFacts): boolean =>
  request.xid === facts.xid && request.macHigh === facts.macHigh && request.macLow === facts.macLow
