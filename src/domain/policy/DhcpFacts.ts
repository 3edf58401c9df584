import { At, Boot, COOKIE, DhcpOption, DhcpPort, ETHERNET, MAC_BYTES, UDP_HEADER_BYTES } from "./DhcpFormat.ts"
import { i32, u16 } from "./Octets.ts"
import { Protocol } from "./Protocol.ts"

/**
 * What a DHCP message says, as far as it matters here. Words of 32 bits are signed. One record is filled anew for each
 * message, so that nothing is allocated.
 */
export interface DhcpFacts {
  isReply: boolean
  /** 0 when none is said. */
  kind: number
  xid: number
  /** Client hardware address, first four and last two octets. */
  macHigh: number
  macLow: number
  clientAddress: number
  yourAddress: number
  /** 0 when there is none. */
  requestedAddress: number
  /** 0 when none are said; -1 is for ever. */
  leaseSeconds: number
}

export const make = (): DhcpFacts => ({
  isReply: false,
  kind: 0,
  xid: 0,
  macHigh: 0,
  macLow: 0,
  clientAddress: 0,
  yourAddress: 0,
  requestedAddress: 0,
  leaseSeconds: 0
})

const LINK_BYTES = 14
/** More fragments, and where this one belongs: RFC 791, 3.1. */
const FRAGMENT_MASK = 0x3fff

/** Octets from the start of an IPv4 frame to what the packet carries. */
const dataAt = (bytes: Uint8Array, start: number): number => LINK_BYTES + (bytes[start + LINK_BYTES]! & 15) * 4

/**
 * Whether a frame is UDP between the ports of DHCP, unfragmented. Called for IPv4 frames of at least 34 octets.
 *
 * @param start octet offset of the frame; @param size its octets.
 */
export const isDhcp = (bytes: Uint8Array, start: number, size: number): boolean => {
  if (bytes[start + 23] !== Protocol.UDP || (u16(bytes, start + 20) & FRAGMENT_MASK) !== 0) return false
  const udp = dataAt(bytes, start)
  if (size < udp + UDP_HEADER_BYTES) return false
  const source = u16(bytes, start + udp)
  const target = u16(bytes, start + udp + 2)
  return (source === DhcpPort.CLIENT && target === DhcpPort.SERVER) ||
    (source === DhcpPort.SERVER && (target === DhcpPort.CLIENT || target === DhcpPort.SERVER))
}

/**
 * Reads a DHCP message; false if anything about it is odd. Called for what `isDhcp` says it is.
 *
 * @param facts out; means nothing where this is false.
 */
export const read = (bytes: Uint8Array, start: number, size: number, facts: DhcpFacts): boolean => {
  const udp = dataAt(bytes, start)
  const end = start + Math.min(size, udp + u16(bytes, start + udp + 4))
  const message = start + udp + UDP_HEADER_BYTES
  if (end - message < At.OPTIONS || i32(bytes, message + At.COOKIE) !== COOKIE) return false
  if (bytes[message + At.HARDWARE_TYPE] !== ETHERNET || bytes[message + At.HARDWARE_BYTES] !== MAC_BYTES) return false
  facts.isReply = bytes[message] === Boot.REPLY
  facts.xid = i32(bytes, message + At.TRANSACTION)
  facts.macHigh = i32(bytes, message + At.HARDWARE_ADDRESS)
  facts.macLow = u16(bytes, message + At.HARDWARE_ADDRESS + 4)
  facts.clientAddress = i32(bytes, message + At.CLIENT_ADDRESS)
  facts.yourAddress = i32(bytes, message + At.YOUR_ADDRESS)
  return readOptions(bytes, message + At.OPTIONS, end, facts)
}

/** Of an option that is there twice the last one counts. @param end octet after the datagram. */
const readOptions = (bytes: Uint8Array, from: number, end: number, facts: DhcpFacts): boolean => {
  facts.kind = 0
  facts.requestedAddress = 0
  facts.leaseSeconds = 0
  for (let at = from; at < end;) {
    const code = bytes[at]!
    if (code === DhcpOption.END) return true
    if (code === DhcpOption.PAD) {
      at++
      continue
    }
    if (at + 1 >= end) return false
    const length = bytes[at + 1]!
    const content = at + 2
    if (content + length > end) return false
    if (code === DhcpOption.KIND && length === 1) facts.kind = bytes[content]!
    else if (code === DhcpOption.REQUESTED_ADDRESS && length === 4) facts.requestedAddress = i32(bytes, content)
    else if (code === DhcpOption.LEASE_SECONDS && length === 4) facts.leaseSeconds = i32(bytes, content)
    at = content + length
  }
  return true
}
