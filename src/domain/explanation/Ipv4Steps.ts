import type { Network } from "../Network.ts"
import { formatAddress } from "../Prefix.ts"
import type { FrameReader } from "./FrameReader.ts"
import { destination, isGroup } from "./LinkSteps.ts"
import { kinds, optionsOf } from "./OptionWalk.ts"
import type { Steps } from "./Step.ts"
import { canBeHosts, Subnet } from "./Subnet.ts"

const NOBODY = "0.0.0.0"
const EVERYBODY = "255.255.255.255"

/** An IPv4 packet's fields by their names in RFC 791. */
export class Ipv4Reader {
  readonly f: FrameReader
  readonly subnet: Subnet | undefined

  constructor(f: FrameReader) {
    this.f = f
    this.subnet = Subnet.of(f.situation.settings)
  }

  get #ihl(): number {
    return (this.f.octets[14]! & 15) * 4
  }

  get headerBytes(): number {
    return (this.f.u8("version and header length", 14) & 15) * 4
  }

  get totalBytes(): number {
    return this.f.u16("total length", 16)
  }

  get offsetBytes(): number {
    return (this.f.hex16("flags and offset", 20) & 0x1fff) * 8
  }

  get more(): boolean {
    return (this.f.hex16("flags and offset", 20) & 0x2000) !== 0
  }

  get protocol(): number {
    return this.f.u8("protocol", 23)
  }

  get source(): string {
    return this.f.ipv4("source address", 26)
  }

  get destination(): string {
    return this.f.ipv4("destination address", 30)
  }

  /** Where data begins. */
  get data(): number {
    return 14 + this.#ihl
  }

  get dataBytes(): number {
    return this.totalBytes - this.#ihl
  }

  get options() {
    return this.#ihl === 20 ? [] : optionsOf(this.f.slice("options", 34, this.data), kinds.ipv4)
  }

  /** Whether the far side of a trunk may send from there, though it is outside the subnet. */
  get isRouted(): boolean {
    const { allowances: { trunkBindings = [] }, isTrunk } = this.f.situation
    return isTrunk === true && canBeHosts(this.source) &&
      trunkBindings.some(({ ip }) => ip !== undefined && subnetOf(ip)?.has(this.source) === true)
  }

  get firstOctet(): number {
    return Number(this.destination.split(".")[0])
  }

  get sourcePort(): number {
    return this.f.u16("source port", this.data)
  }

  get destinationPort(): number {
    return this.f.u16("destination port", this.data + 2)
  }

  get udpBytes(): number {
    return this.f.u16("UDP length", this.data + 4)
  }

  get tcpHeaderBytes(): number {
    return (this.f.u8("TCP data offset", this.data + 12) >> 4) * 4
  }

  get isDhcpRequest(): boolean {
    return this.protocol === 17 && !this.more && this.offsetBytes === 0 && this.dataBytes >= 8 &&
      this.sourcePort === 68 && this.destinationPort === 67 && this.destination === EVERYBODY
  }

  get isMembership(): boolean {
    return this.protocol === 2 && !this.more && this.offsetBytes === 0 && this.dataBytes >= 8 &&
      this.firstOctet >= 224 && this.firstOctet <= 239 &&
      [0x12, 0x16, 0x17, 0x22].includes(this.f.u8("IGMP type", this.data))
  }

  /** Whether the header of such a protocol is here. */
  starts(protocol: number): boolean {
    return this.protocol === protocol && this.offsetBytes === 0
  }
}

/** An IPv4 network's own bits stand behind 96 others, of ::ffff:0:0; an IPv6 one is no subnet. */
const subnetOf = ({ bits, first: [a, b, c, d] }: Network): Subnet | undefined =>
  bits >= 96 && a === 0 && b === 0 && c === 0xffff ? new Subnet(formatAddress(d), bits - 96) : undefined

const least = (protocol: number): number => protocol === 6 ? 20 : protocol === 17 || protocol === 1 ? 8 : 0

export const ipv4: Steps<Ipv4Reader> = [
  ["I1", "IP4_MALFORMED", (ip) => ip.f.size < 34],
  ["I1", "IP4_MALFORMED", (ip) => ip.f.u8("version and header length", 14) >> 4 !== 4],
  ["I1", "IP4_MALFORMED", (ip) => ip.headerBytes < 20],
  ["I1", "IP4_MALFORMED", (ip) => ip.totalBytes < ip.headerBytes],
  ["I1", "IP4_MALFORMED", (ip) => ip.totalBytes > ip.f.size - 14],
  ["I1", "IP4_MALFORMED", (ip) => ip.options.some((option) => !option.whole)],
  ["I2", "IP4_OPTION_DENIED", (ip) => ip.options.some((option) => option.type !== 148 || option.bytes !== 4)],
  ["I3", "IP4_FRAG_OVERFLOW", (ip) => ip.offsetBytes + ip.totalBytes > 65535],
  ["I1", "IP4_MALFORMED", (ip) => ip.more && ip.dataBytes % 8 !== 0],
  ["I4", "IP4_SRC_HOST", (ip) => ip.source === ip.subnet?.host],
  ["I5", "IP4_SRC_ZERO", (ip) => ip.source === NOBODY && !ip.isDhcpRequest && !ip.isMembership],
  ["I6", "IP4_SRC_OUTSIDE", (ip) =>
    ip.source !== NOBODY && ip.subnet?.hasGuest(ip.source) !== true && !ip.isRouted],
  ["I7", "IP4_SRC_RESERVED", (ip) => {
    if (ip.source === NOBODY) return false
    return ip.subnet?.isNetwork(ip.source) === true || ip.subnet?.isBroadcast(ip.source) === true
  }],
  ["I8", "IP4_LAND", (ip) => ip.source === ip.destination],
  ["I9", "IP4_DST_MARTIAN", (ip) => ip.firstOctet === 0 || ip.firstOctet === 127],
  ["I9", "IP4_DST_MARTIAN", (ip) => ip.firstOctet >= 240 && ip.destination !== EVERYBODY],
  ["I10", "L2_L3_MISMATCH", (ip) => {
    if (!isGroup(destination(ip.f))) return false
    if (ip.firstOctet >= 224 && ip.firstOctet <= 239) return false
    return ip.destination !== EVERYBODY && ip.subnet?.isBroadcast(ip.destination) !== true
  }],
  ["I11", "IP4_FRAG_TINY", (ip) => ip.protocol === 6 && ip.offsetBytes === 8],
  ["I11", "IP4_FRAG_TINY", (ip) => ip.offsetBytes === 0 && ip.more && ip.dataBytes < least(ip.protocol)],
  ["I12", "L4_MALFORMED", (ip) => ip.offsetBytes === 0 && !ip.more && ip.dataBytes < least(ip.protocol)],
  ["I12", "L4_MALFORMED", (ip) => ip.starts(6) && ip.tcpHeaderBytes < 20],
  ["I12", "L4_MALFORMED", (ip) => ip.starts(6) && !ip.more && ip.tcpHeaderBytes > ip.dataBytes],
  ["I12", "L4_MALFORMED", (ip) => ip.starts(17) && ip.udpBytes < 8 && !ip.more],
  ["I12", "L4_MALFORMED", (ip) => ip.starts(17) && ip.udpBytes > ip.dataBytes && !ip.more],
  ["I13", "ICMP_DENIED", (ip) => ip.starts(1) && [5, 9].includes(ip.f.u8("ICMP type", ip.data))]
]
