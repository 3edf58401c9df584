import { Reason } from "../Reason.ts"
import { i32, u16 } from "./Octets.ts"

/** Types of ICMPv6 that rules know (RFC 4861, 4; RFC 2710, 3; RFC 3810, 5; RFC 4286, 3 to 5). */
const Type = {
  LISTENER_QUERY: 130,
  LISTENER_REPORT_1: 131,
  LISTENER_DONE_1: 132,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
  LISTENER_REPORT: 143,
  GROUP_ROUTER_ADVERTISEMENT: 151,
  GROUP_ROUTER_TERMINATION: 153
} as const
const SOURCE_LINK_LAYER = 1
const TARGET_LINK_LAYER = 2
const HOP_LIMIT = 255
const SOLICITATION_BYTES = 8
const NEIGHBOUR_BYTES = 24
const OPTION_UNIT = 8

/**
 * Judges an ICMPv6 message of a guest: neighbour discovery for itself, and never as a router.
 *
 * @param message octet where ICMPv6 begins; four octets are there. @param end octet after it.
 * @param isFragment whether a fragment header stands before it.
 */
export const judge = (
  bytes: Uint8Array,
  start: number,
  message: number,
  end: number,
  isFragment: boolean
): Reason => {
  if (!isDiscovery(bytes, message)) return Reason.PASS
  const type = bytes[message]!

  // V3 IP6_FRAG_DENIED: neighbour discovery in fragments hides its options from every guard.
  // RFC 6980, 5.
  if (isFragment) return Reason.IP6_FRAG_DENIED

  // V4 IP6_RA_DENIED: posing as the router for everybody. RFC 6105, 1.
  if (type === Type.ROUTER_ADVERTISEMENT) return Reason.IP6_RA_DENIED

  // V5 IP6_REDIRECT_DENIED: moving another host's route to the sender. RFC 4861, 11.2.
  if (type === Type.REDIRECT) return Reason.IP6_REDIRECT_DENIED

  // V7 ND_MALFORMED: what did not come from this link, or that two receivers read differently.
  // RFC 4861, 6.1.1, 7.1.1 and 7.1.2.
  const bytesMin = type === Type.ROUTER_SOLICITATION ? SOLICITATION_BYTES : NEIGHBOUR_BYTES
  if (bytes[start + 21] !== HOP_LIMIT || bytes[message + 1] !== 0 || end - message < bytesMin) {
    return Reason.ND_MALFORMED
  }
  const option = type === Type.NEIGHBOUR_ADVERTISEMENT ? TARGET_LINK_LAYER : SOURCE_LINK_LAYER
  return judgeOptions(bytes, start, message + bytesMin, end, option)
}

/**
 * V7 ND_MALFORMED: an option of length 0, or one that ends outside. V8 ND_LLA_MISMATCH: binds an
 * address to the MAC of a third party. The whole list is walked before an option is denied.
 * RFC 4861, 4.6.
 */
const judgeOptions = (bytes: Uint8Array, start: number, from: number, end: number, linkLayer: number): Reason => {
  let verdict: Reason = Reason.PASS
  let at = from
  while (at < end) {
    if (at + 1 >= end) return Reason.ND_MALFORMED
    const units = bytes[at + 1]!
    if (units === 0 || at + units * OPTION_UNIT > end) return Reason.ND_MALFORMED
    if (bytes[at] === linkLayer && (units !== 1 || !isSender(bytes, start, at + 2))) {
      verdict = Reason.ND_LLA_MISMATCH
    }
    at += units * OPTION_UNIT
  }
  return verdict
}

const isSender = (bytes: Uint8Array, start: number, at: number): boolean => {
  for (let octet = 0; octet < 6; octet++) {
    if (bytes[at + octet] !== bytes[start + 6 + octet]) return false
  }
  return true
}

/** Whether it is neighbour discovery at all (RFC 4861, 4). */
export const isDiscovery = (bytes: Uint8Array, message: number): boolean => {
  const type = bytes[message]!
  return type >= Type.ROUTER_SOLICITATION && type <= Type.REDIRECT
}

/** Octets of a solicitation or an advertisement in front of the address that it is about. */
export const TARGET_AT = 8

export const isSolicitation = (bytes: Uint8Array, message: number): boolean =>
  bytes[message] === Type.NEIGHBOUR_SOLICITATION

export const isAdvertisement = (bytes: Uint8Array, message: number): boolean =>
  bytes[message] === Type.NEIGHBOUR_ADVERTISEMENT

export const isRouterAdvertisement = (bytes: Uint8Array, message: number): boolean =>
  bytes[message] === Type.ROUTER_ADVERTISEMENT

/**
 * Whether it is what routers of groups say, or ask each other: who listens, in either version (RFC 2710, 3.1; RFC 3810,
 * 5.1), and that there is one (RFC 4286).
 */
export const isOfGroupRouters = (bytes: Uint8Array, message: number): boolean => {
  const type = bytes[message]!
  return type === Type.LISTENER_QUERY
    || type >= Type.GROUP_ROUTER_ADVERTISEMENT && type <= Type.GROUP_ROUTER_TERMINATION
}

/**
 * Whether a message may come from `::`, of V11: the probe for an address (RFC 4862, 5.4.2), a
 * report of groups, in either version (RFC 3590, 4; RFC 3810, 5.2.13), the question for a
 * router (RFC 4861, 4.1). None of them may bind a MAC. Only for messages that passed `judge`.
 */
export const needsNoSource = (bytes: Uint8Array, start: number, message: number, end: number): boolean => {
  switch (bytes[message]) {
    case Type.LISTENER_REPORT_1:
    case Type.LISTENER_DONE_1:
    case Type.LISTENER_REPORT:
      return true
    case Type.ROUTER_SOLICITATION:
      return end - message === SOLICITATION_BYTES
    case Type.NEIGHBOUR_SOLICITATION:
      return isToSolicitedNode(bytes, start + 38) && !binds(bytes, message + NEIGHBOUR_BYTES, end)
    default:
      return false
  }
}

/** ff02::1:ff00:0/104 (RFC 4291, 2.7.1), and its first word. */
const SOLICITED_NODE_WORD = 0xff020000 | 0
const isToSolicitedNode = (bytes: Uint8Array, at: number): boolean =>
  i32(bytes, at) === SOLICITED_NODE_WORD && i32(bytes, at + 4) === 0 &&
  i32(bytes, at + 8) === 1 && u16(bytes, at + 12) >> 8 === 0xff

const binds = (bytes: Uint8Array, from: number, end: number): boolean => {
  for (let at = from; at < end; at += bytes[at + 1]! * OPTION_UNIT) {
    if (bytes[at] === SOURCE_LINK_LAYER) return true
  }
  return false
}
