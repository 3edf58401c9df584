import { type Ipv6Prefix, linkLocalOf } from "../../domain/Ipv6Prefix.ts"
import * as Checksum from "./InternetChecksum.ts"

/*
 * What a simulated host does of IPv6: it says who has its two addresses, and answers ping. RFC 4861, 7.2; RFC 4443, 4.
 */

const LINK_BYTES = 14
const MESSAGE_AT = LINK_BYTES + 40
const SOURCE_AT = LINK_BYTES + 8
const TARGET_AT = MESSAGE_AT + 8
const ICMPV6 = 58
const ECHO_REQUEST = 128
const ECHO_REPLY = 129
const SOLICITATION = 135
const ADVERTISEMENT = 136
const SOLICITED = 0x40
const OVERRIDE = 0x20
const HOP_LIMIT = 64
const HOP_LIMIT_ON_LINK = 255
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1)

/** The frame that it sends in answer to one of type IPv6, or undefined. @param mac the host's, six octets. */
export const answer = (frame: Uint8Array, mac: Uint8Array, prefix: Ipv6Prefix): Uint8Array | undefined => {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.length < MESSAGE_AT + 8 || frame[14]! >>> 4 !== 6 || frame[20] !== ICMPV6) return undefined
  const end = MESSAGE_AT + view.getUint16(18)
  if (end > frame.length || end < MESSAGE_AT + 8) return undefined
  const source = frame.slice(SOURCE_AT, SOURCE_AT + 16)
  const destination = frame.slice(SOURCE_AT + 16, MESSAGE_AT)
  const message = frame.slice(MESSAGE_AT, end)
  if (!Checksum.isRight(sumOf(source, destination, message))) return undefined
  const has = (address: Uint8Array) => isEqual(address, prefix.address) || isEqual(address, linkLocalOf(mac))
  const sender = frame.slice(6, 12)
  const isNobody = source.every((octet) => octet === 0)

  if (message[0] === ECHO_REQUEST && message[1] === 0 && isEqual(frame.subarray(0, 6), mac)) {
    if (!has(destination) || isNobody) return undefined
    message[0] = ECHO_REPLY
    return frameOf(mac, sender, destination, source, HOP_LIMIT, message)
  }
  if (message[0] !== SOLICITATION || message.length < 24 || frame[21] !== HOP_LIMIT_ON_LINK) return undefined
  const target = frame.slice(TARGET_AT, TARGET_AT + 16)
  if (!has(target)) return undefined
  const reply = new Uint8Array(32)
  reply.set([ADVERTISEMENT, 0, 0, 0, isNobody ? OVERRIDE : SOLICITED | OVERRIDE])
  reply.set(target, 8)
  reply.set([2, 1, ...mac], 24)
  // Who only asks whether an address is free has none to be answered at.
  return isNobody
    ? frameOf(mac, ALL_NODES_MAC, target, ALL_NODES, HOP_LIMIT_ON_LINK, reply)
    : frameOf(mac, sender, target, source, HOP_LIMIT_ON_LINK, reply)
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.every((octet, i) => octet === b[i])

/** The sum over the pseudo header of RFC 8200, 8.1, and the message. */
const sumOf = (source: Uint8Array, destination: Uint8Array, message: Uint8Array): number =>
  Checksum.sum(source, 0, 16) + Checksum.sum(destination, 0, 16) + message.length + ICMPV6 +
  Checksum.sum(message, 0, message.length)

const frameOf = (
  mac: Uint8Array,
  to: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
  hopLimit: number,
  message: Uint8Array
): Uint8Array => {
  message.set([0, 0], 2)
  const checksum = Checksum.finish(sumOf(source, destination, message))
  message.set([checksum >>> 8, checksum & 255], 2)
  const lengths = [message.length >>> 8, message.length & 255, ICMPV6, hopLimit]
  return Uint8Array.of(...to, ...mac, 0x86, 0xdd, 0x60, 0, 0, 0, ...lengths, ...source, ...destination, ...message)
}
