import type { Ipv6Prefix } from "../../domain/Ipv6Prefix.ts"
import * as Mac from "../../domain/MacAddress.ts"
import { contains, type Prefix } from "../../domain/Prefix.ts"
import * as Dhcp from "./DhcpMessage.ts"
import * as Checksum from "./InternetChecksum.ts"
import * as DhcpServer from "./SimDhcpServer.ts"
import * as Ipv6 from "./SimHostIpv6.ts"

/**
 * A host with one Ethernet interface: it answers ARP for its address and ICMP echo, and leases addresses by DHCP.
 * With an IPv6 address it answers for that, and echo, too.
 *
 * Pure but for its leases: frames in, frames out, time as an argument. Whatever octets come, it answers with a list.
 */
export interface SimHost {
  /** The frames it sends in answer to one; the frame is only read, the answers are new octets. */
  readonly answer: (frame: Uint8Array, nowMs: number) => Array<Uint8Array>
  /** Addresses leased or offered at that time, by MAC (six decimal numbers with colons between them). */
  readonly leases: (nowMs: number) => ReadonlyMap<string, number>
}

const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_ARP = 0x0806
const ETHERTYPE_IPV6 = 0x86dd
const ETHER_BYTES = 14
const ARP_BYTES = 28
const IP_BYTES = 20
const UDP_BYTES = 8
const PROTOCOL_ICMP = 1
const PROTOCOL_UDP = 17
const ECHO_REPLY = 0
const ECHO_REQUEST = 8
const DHCP_SERVER_PORT = 67
const DHCP_CLIENT_PORT = 68
const TTL = 64
const BROADCAST_ADDRESS = 0xffffffff
const BROADCAST_MAC = new Uint8Array(6).fill(0xff)

/** An IPv4 packet whose header is right; octets behind its end (Ethernet's padding) are cut off. */
interface Packet {
  readonly octets: Uint8Array
  readonly view: DataView
  readonly headerBytes: number
  readonly protocol: number
  readonly source: number
  readonly target: number
  readonly identification: number
  /** Flags and fragment offset, as they are in the header. */
  readonly fragment: number
}

/** @param options.ipv6 its address and prefix of IPv6; without them it answers nothing of it. */
export const make = (options: {
  readonly mac: Mac.MacAddress
  readonly prefix: Prefix
  readonly ipv6?: Ipv6Prefix | undefined
}): SimHost => {
  const host: Host = {
    mac: Mac.toOctets(options.mac),
    prefix: options.prefix,
    ipv6: options.ipv6,
    dhcp: DhcpServer.make(options.prefix)
  }
  return {
    answer: (frame, nowMs) => {
      const reply = answerTo(host, frame, nowMs)
      return reply === undefined ? [] : [reply]
    },
    leases: (nowMs) => host.dhcp.leases.live(nowMs)
  }
}

interface Host {
  /** Six octets. */
  readonly mac: Uint8Array
  readonly prefix: Prefix
  readonly ipv6: Ipv6Prefix | undefined
  readonly dhcp: DhcpServer.SimDhcpServer
}

const answerTo = (host: Host, frame: Uint8Array, nowMs: number): Uint8Array | undefined => {
  if (frame.length < ETHER_BYTES) return undefined
  const target = frame.subarray(0, 6)
  const source = frame.subarray(6, 12)
  if (!isStation(source)) return undefined
  const etherType = (frame[12]! << 8) | frame[13]!
  if (etherType === ETHERTYPE_IPV6) {
    const isForUs = equal(target, host.mac) || (target[0] === 0x33 && target[1] === 0x33)
    return host.ipv6 === undefined || !isForUs ? undefined : Ipv6.answer(frame, host.mac, host.ipv6)
  }
  if (!equal(target, host.mac) && !equal(target, BROADCAST_MAC)) return undefined
  // 0.0.0.0 is no address to be asked for: such a host is there and says nothing of IPv4.
  if (host.prefix.address === 0) return undefined
  switch (etherType) {
    case ETHERTYPE_ARP:
      return arpReply(host, source, frame.subarray(ETHER_BYTES))
    case ETHERTYPE_IPV4: {
      const packet = parseIp(frame.subarray(ETHER_BYTES))
      return packet === undefined ? undefined : ipReply(host, source, packet, nowMs)
    }
    default:
      return undefined
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.every((octet, i) => octet === b[i])

/** Whether a MAC can be one interface's: no group, not all zeros. */
const isStation = (mac: Uint8Array): boolean => (mac[0]! & 1) === 0 && mac.some((octet) => octet !== 0)

const etherFrame = (host: Host, target: Uint8Array, etherType: number, payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(ETHER_BYTES + payload.length)
  frame.set(target, 0)
  frame.set(host.mac, 6)
  frame.set([etherType >>> 8, etherType & 255], 12)
  frame.set(payload, ETHER_BYTES)
  return frame
}

/** RFC 826: to a request for the host's address, also from one who has none yet (RFC 5227). */
const arpReply = (host: Host, source: Uint8Array, arp: Uint8Array): Uint8Array | undefined => {
  if (arp.length < ARP_BYTES) return undefined
  const view = new DataView(arp.buffer, arp.byteOffset, ARP_BYTES)
  const isForIp = view.getUint16(0) === 1 && view.getUint16(2) === ETHERTYPE_IPV4 && view.getUint16(4) === 0x0604
  if (!isForIp || view.getUint16(6) !== 1 || view.getUint32(24) !== host.prefix.address) return undefined
  const reply = new Uint8Array(ARP_BYTES)
  reply.set(arp.subarray(0, 6), 0)
  reply[7] = 2
  reply.set(host.mac, 8)
  reply.set(arp.subarray(24, 28), 14)
  reply.set(arp.subarray(8, 18), 18)
  return etherFrame(host, source, ETHERTYPE_ARP, reply)
}

/** RFC 791, 3.1. */
const parseIp = (octets: Uint8Array): Packet | undefined => {
  if (octets.length < IP_BYTES || octets[0]! >>> 4 !== 4) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const headerBytes = (octets[0]! & 15) * 4
  const totalBytes = view.getUint16(2)
  if (headerBytes < IP_BYTES || totalBytes < headerBytes || totalBytes > octets.length) return undefined
  if (!Checksum.isRight(Checksum.sum(octets, 0, headerBytes))) return undefined
  return {
    octets: octets.subarray(0, totalBytes),
    view,
    headerBytes,
    protocol: octets[9]!,
    source: view.getUint32(12),
    target: view.getUint32(16),
    identification: view.getUint16(4),
    fragment: view.getUint16(6) & 0x7fff
  }
}

const ipReply = (host: Host, source: Uint8Array, packet: Packet, nowMs: number): Uint8Array | undefined => {
  if (packet.protocol === PROTOCOL_ICMP) return echoReply(host, source, packet)
  // A datagram in fragments is never a DHCP message of ours: all that is sent to it fits.
  if (packet.protocol === PROTOCOL_UDP && (packet.fragment & 0x3fff) === 0) return dhcpReply(host, packet, nowMs)
  return undefined
}

const ipPacket = (
  header: Pick<Packet, "protocol" | "source" | "target" | "identification" | "fragment">,
  payload: Uint8Array
): Uint8Array => {
  const octets = new Uint8Array(IP_BYTES + payload.length)
  const view = new DataView(octets.buffer)
  octets[0] = 0x45
  view.setUint16(2, octets.length)
  view.setUint16(4, header.identification)
  view.setUint16(6, header.fragment)
  octets[8] = TTL
  octets[9] = header.protocol
  view.setUint32(12, header.source)
  view.setUint32(16, header.target)
  view.setUint16(10, Checksum.finish(Checksum.sum(octets, 0, IP_BYTES)))
  octets.set(payload, IP_BYTES)
  return octets
}

/**
 * RFC 792: the request with another type. A request in fragments is answered fragment by fragment, with nothing
 * remembered: the first has the type, and its checksum can be changed without the rest; the rest stays as it is.
 */
const echoReply = (host: Host, source: Uint8Array, packet: Packet): Uint8Array | undefined => {
  const { fragment, headerBytes, identification, octets, protocol } = packet
  if (packet.target !== host.prefix.address || !isReachable(host, packet.source)) return undefined
  const payload = octets.slice(headerBytes)
  const isFirst = (fragment & 0x1fff) === 0
  const isWhole = (fragment & 0x3fff) === 0
  if (isFirst) {
    if (payload.length < 8 || payload[0] !== ECHO_REQUEST || payload[1] !== 0) return undefined
    if (isWhole && !Checksum.isRight(Checksum.sum(payload, 0, payload.length))) return undefined
    const view = new DataView(payload.buffer)
    view.setUint16(2, Checksum.update(view.getUint16(2), ECHO_REQUEST << 8, ECHO_REPLY << 8))
    payload[0] = ECHO_REPLY
  }
  const reply = { protocol, source: packet.target, target: packet.source, identification, fragment }
  return etherFrame(host, source, ETHERTYPE_IPV4, ipPacket(reply, payload))
}

/** Whether the host has a route to an address: it is another one of its network. */
const isReachable = ({ prefix }: Host, address: number): boolean => {
  const broadcast = (prefix.network | ~prefix.mask) >>> 0
  const isSpecial = prefix.bits < 31 && (address === prefix.network || address === broadcast)
  return contains(prefix, address) && address !== prefix.address && address !== 0 && !isSpecial
}

const dhcpReply = (host: Host, packet: Packet, nowMs: number): Uint8Array | undefined => {
  const { headerBytes, octets, view } = packet
  const { prefix } = host
  const broadcast = (prefix.network | ~prefix.mask) >>> 0
  if (![prefix.address, broadcast, BROADCAST_ADDRESS].includes(packet.target)) return undefined
  if (octets.length < headerBytes + UDP_BYTES) return undefined
  const udpBytes = view.getUint16(headerBytes + 4)
  if (view.getUint16(headerBytes + 2) !== DHCP_SERVER_PORT) return undefined
  if (udpBytes < UDP_BYTES || headerBytes + udpBytes > octets.length) return undefined
  const udp = octets.subarray(headerBytes, headerBytes + udpBytes)
  const isUnsummed = view.getUint16(headerBytes + 6) === 0
  if (!isUnsummed && !Checksum.isRight(udpSum(packet.source, packet.target, udp))) return undefined

  const request = Dhcp.parse(udp.subarray(UDP_BYTES))
  if (request === undefined || request.relay !== 0 || !isStation(request.mac)) return undefined
  const reply = host.dhcp.answer(request, nowMs)
  if (reply === undefined) return undefined
  const way = wayTo(request, reply)
  const datagram = udpDatagram(prefix.address, way.address, Dhcp.build(request, reply))
  const header = { protocol: PROTOCOL_UDP, source: prefix.address, target: way.address, identification: 0, fragment: 0 }
  return etherFrame(host, way.mac, ETHERTYPE_IPV4, ipPacket(header, datagram))
}

interface Way {
  readonly mac: Uint8Array
  readonly address: number
}

/** Where an answer goes, RFC 2131, 4.1. */
const wayTo = (request: Dhcp.DhcpRequest, reply: Dhcp.DhcpReply): Way => {
  const isRefusal = reply.type === Dhcp.DhcpType.Nak
  if (!isRefusal && request.clientAddress !== 0) return { mac: request.mac, address: request.clientAddress }
  if (isRefusal || request.broadcast) return { mac: BROADCAST_MAC, address: BROADCAST_ADDRESS }
  return { mac: request.mac, address: reply.yourAddress }
}

/** The sum over the pseudo header of RFC 768 and the datagram. */
const udpSum = (source: number, target: number, udp: Uint8Array): number =>
  (source >>> 16) + (source & 0xffff) + (target >>> 16) + (target & 0xffff) + PROTOCOL_UDP + udp.length +
  Checksum.sum(udp, 0, udp.length)

const udpDatagram = (source: number, target: number, payload: Uint8Array): Uint8Array => {
  const udp = new Uint8Array(UDP_BYTES + payload.length)
  const view = new DataView(udp.buffer)
  view.setUint16(0, DHCP_SERVER_PORT)
  view.setUint16(2, DHCP_CLIENT_PORT)
  view.setUint16(4, udp.length)
  udp.set(payload, UDP_BYTES)
  // A sum of 0 is written as its other form, since 0 says that there is none.
  view.setUint16(6, Checksum.finish(udpSum(source, target, udp)) || 0xffff)
  return udp
}
