/**
 * The policy once more, slow and obvious: tables of what is wrong with a frame, in the
 * order in which it is looked for. Written from the tables alone, not from the fast
 * passes, and sharing nothing with them but names. A read beyond a frame throws.
 */
import * as MacAddress from "../../src/domain/MacAddress.ts"
import { Reason } from "../../src/domain/Reason.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"

type Name = keyof typeof Reason

/** A frame, read through a view that throws beyond its end. Addresses are text, so that they compare. */
class Frame {
  readonly view: DataView

  constructor(readonly octets: Uint8Array, readonly settings: SwitchSettings) {
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  }

  get size() {
    return this.octets.length
  }

  u8(at: number): number {
    return this.view.getUint8(at)
  }

  u16(at: number): number {
    return this.view.getUint16(at)
  }

  mac(at: number): string {
    return Array.from({ length: 6 }, (_, i) => this.u8(at + i).toString(16).padStart(2, "0")).join(":")
  }

  address(at: number): string {
    return Array.from({ length: 4 }, (_, i) => this.u8(at + i)).join(".")
  }
}

class Subnet {
  constructor(readonly host: string, readonly bits: number) {}

  static of(settings: SwitchSettings): Subnet | undefined {
    const { prefix } = settings
    if (prefix === undefined) return undefined
    const octets = [0x1000000, 0x10000, 0x100, 1].map((unit) => Math.floor(prefix.address / unit) % 256)
    return new Subnet(octets.join("."), prefix.bits)
  }

  static binary(address: string): string {
    return address.split(".").map((octet) => Number(octet).toString(2).padStart(8, "0")).join("")
  }

  has(address: string): boolean {
    return Subnet.binary(address).startsWith(Subnet.binary(this.host).slice(0, this.bits))
  }

  private endsIn(address: string, digit: "0" | "1"): boolean {
    const rest = 32 - this.bits
    return rest >= 2 && this.has(address) && Subnet.binary(address).endsWith(digit.repeat(rest))
  }

  isNetwork(address: string): boolean {
    return this.endsIn(address, "0")
  }

  isBroadcast(address: string): boolean {
    return this.endsIn(address, "1")
  }
}

type Wrong<A> = ReadonlyArray<readonly [Name, (a: A) => boolean]>

const first = <A>(wrongs: Wrong<A>, a: A): Name | undefined => wrongs.find(([, isWrong]) => isWrong(a))?.[0]

const BROADCAST = "ff:ff:ff:ff:ff:ff"
const isGroup = (mac: string): boolean => Number.parseInt(mac.slice(0, 2), 16) % 2 === 1
const TAGS = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]

const everywhere: Wrong<Frame> = [
  ["RUNT", (f) => f.size < 14],
  ["OVERSIZE", (f) => f.size > f.settings.frameBytesMax],
  ["SRC_MAC_GROUP", (f) => isGroup(f.mac(6))],
  ["SRC_MAC_ZERO", (f) => f.mac(6) === "00:00:00:00:00:00"]
]

const fromGuests: Wrong<Frame> = [
  ["SRC_MAC_TAP", (f) => f.settings.tapMac !== undefined && f.mac(6) === MacAddress.format(f.settings.tapMac)]
]

const fromAll: Wrong<Frame> = [["DST_MAC_RESERVED", (f) => /^01:80:c2:00:00:0.$/.test(f.mac(0))]]

const secureLink: Wrong<Frame> = [
  ["DST_MAC_ZERO", (f) => f.mac(0) === "00:00:00:00:00:00"],
  ["LLC_DENIED", (f) => f.u16(12) < 0x0600],
  ["VLAN_DENIED", (f) => TAGS.includes(f.u16(12))],
  ["IP6_DISABLED", (f) => f.u16(12) === 0x86dd],
  ["ETHERTYPE_DENIED", (f) => ![0x0800, 0x0806].includes(f.u16(12))]
]

const arp: Wrong<Frame> = [
  ["ARP_MALFORMED", (f) => f.size < 42],
  ["ARP_MALFORMED", (f) => f.u16(14) !== 1],
  ["ARP_MALFORMED", (f) => f.u16(16) !== 0x0800],
  ["ARP_MALFORMED", (f) => f.u8(18) !== 6],
  ["ARP_MALFORMED", (f) => f.u8(19) !== 4],
  ["ARP_OP_DENIED", (f) => ![1, 2].includes(f.u16(20))],
  ["ARP_DST_MULTICAST", (f) => isGroup(f.mac(0)) && f.mac(0) !== BROADCAST],
  ["ARP_SHA_MISMATCH", (f) => f.mac(22) !== f.mac(6)],
  ["ARP_SPA_ZERO", (f) => f.u16(20) === 2 && f.address(28) === "0.0.0.0"],
  ["ARP_SPA_HOST", (f) => f.address(28) !== "0.0.0.0" && f.address(28) === Subnet.of(f.settings)?.host],
  ["ARP_SPA_OUTSIDE", (f) => {
    const sender = f.address(28)
    if (sender === "0.0.0.0") return false
    const subnet = Subnet.of(f.settings)
    return subnet === undefined || !subnet.has(sender) || subnet.isNetwork(sender) || subnet.isBroadcast(sender)
  }],
  ["ARP_THA_MISMATCH", (f) => f.u16(20) === 2 && !isGroup(f.mac(0)) && f.mac(32) !== f.mac(0)]
]

/** What a walk over type-length-value options met, in order. `whole` false where one was not inside. */
interface Option {
  readonly type: number
  readonly bytes: number
  readonly whole: boolean
}

/** Options of IPv4 count their type and length octets in their length; those of DHCP do not. */
const optionsOf = (octets: Uint8Array, kind: "ipv4" | "dhcp"): ReadonlyArray<Option> => {
  const [end, skip, own, least] = kind === "ipv4" ? [0, 1, 0, 2] : [255, 0, 2, 0]
  const found: Array<Option> = []
  let rest = Array.from(octets)
  while (rest.length > 0 && rest[0] !== end) {
    if (rest[0] === skip) {
      rest = rest.slice(1)
      continue
    }
    const [type = 0, length] = rest
    const whole = length !== undefined && length >= least && own + length <= rest.length
    found.push({ type, bytes: length ?? 0, whole })
    if (!whole) break
    rest = rest.slice(own + length)
  }
  return found
}

/** An IPv4 packet's fields by their names in RFC 791. */
class Ip {
  readonly subnet: Subnet | undefined

  constructor(readonly f: Frame) {
    this.subnet = Subnet.of(f.settings)
  }

  get ihl() {
    return (this.f.u8(14) & 0x0f) * 4
  }

  get tot() {
    return this.f.u16(16)
  }

  get off() {
    return (this.f.u16(20) & 0x1fff) * 8
  }

  get mf() {
    return (this.f.u16(20) & 0x2000) !== 0
  }

  get proto() {
    return this.f.u8(23)
  }

  get src() {
    return this.f.address(26)
  }

  get dst() {
    return this.f.address(30)
  }

  /** Where data begins, and how many octets of it there are. */
  get p() {
    return 14 + this.ihl
  }

  get d() {
    return this.tot - this.ihl
  }

  get options() {
    return optionsOf(this.f.octets.slice(34, 14 + this.ihl), "ipv4")
  }

  get octet() {
    return Number(this.dst.split(".")[0])
  }

  get isDhcpRequest() {
    return this.proto === 17 && !this.mf && this.off === 0 && this.d >= 8 &&
      this.f.u16(this.p) === 68 && this.f.u16(this.p + 2) === 67 && this.dst === "255.255.255.255"
  }

  starts(protocol: number) {
    return this.proto === protocol && this.off === 0
  }
}

const least = (proto: number): number => proto === 6 ? 20 : proto === 17 || proto === 1 ? 8 : 0

const ipv4: Wrong<Ip> = [
  ["IP4_MALFORMED", (ip) => ip.f.size < 34],
  ["IP4_MALFORMED", (ip) => ip.f.u8(14) >> 4 !== 4],
  ["IP4_MALFORMED", (ip) => ip.ihl < 20],
  ["IP4_MALFORMED", (ip) => ip.tot < ip.ihl],
  ["IP4_MALFORMED", (ip) => ip.tot > ip.f.size - 14],
  ["IP4_MALFORMED", (ip) => ip.options.some((option) => !option.whole)],
  ["IP4_OPTION_DENIED", (ip) => ip.options.some((option) => option.type !== 148 || option.bytes !== 4)],
  ["IP4_FRAG_OVERFLOW", (ip) => ip.off + ip.tot > 65535],
  ["IP4_MALFORMED", (ip) => ip.mf && ip.d % 8 !== 0],
  ["IP4_SRC_HOST", (ip) => ip.src === ip.subnet?.host],
  ["IP4_SRC_ZERO", (ip) => ip.src === "0.0.0.0" && !ip.isDhcpRequest],
  ["IP4_SRC_OUTSIDE", (ip) => ip.src !== "0.0.0.0" && ip.subnet?.has(ip.src) !== true],
  ["IP4_SRC_RESERVED", (ip) =>
    ip.src !== "0.0.0.0" && (ip.subnet?.isNetwork(ip.src) === true || ip.subnet?.isBroadcast(ip.src) === true)],
  ["IP4_LAND", (ip) => ip.src === ip.dst],
  ["IP4_DST_MARTIAN", (ip) => ip.octet === 0 || ip.octet === 127],
  ["IP4_DST_MARTIAN", (ip) => ip.octet >= 240 && ip.dst !== "255.255.255.255"],
  ["L2_L3_MISMATCH", (ip) =>
    isGroup(ip.f.mac(0)) && !(ip.octet >= 224 && ip.octet <= 239) && ip.dst !== "255.255.255.255" &&
    ip.subnet?.isBroadcast(ip.dst) !== true],
  ["IP4_FRAG_TINY", (ip) => ip.proto === 6 && ip.off === 8],
  ["IP4_FRAG_TINY", (ip) => ip.off === 0 && ip.mf && ip.d < least(ip.proto)],
  ["L4_MALFORMED", (ip) => ip.off === 0 && !ip.mf && ip.d < least(ip.proto)],
  ["L4_MALFORMED", (ip) => ip.starts(6) && ip.f.u8(ip.p + 12) >> 4 < 5],
  ["L4_MALFORMED", (ip) => ip.starts(6) && !ip.mf && (ip.f.u8(ip.p + 12) >> 4) * 4 > ip.d],
  ["L4_MALFORMED", (ip) => ip.starts(17) && !ip.mf && ip.f.u16(ip.p + 4) < 8],
  ["L4_MALFORMED", (ip) => ip.starts(17) && !ip.mf && ip.f.u16(ip.p + 4) > ip.d],
  ["ICMP_DENIED", (ip) => ip.starts(1) && [5, 9].includes(ip.f.u8(ip.p))],
  ["DHCP_SERVER", (ip) => ip.starts(17) && (ip.f.u16(ip.p) === 67 || ip.f.u16(ip.p + 2) === 68)]
]

/** BOOTP inside a UDP datagram that is whole. */
class Bootp {
  /** All that UDP carries, by its own length. */
  readonly message: Uint8Array

  constructor(readonly ip: Ip) {
    this.message = ip.f.octets.slice(ip.p + 8, ip.p + ip.f.u16(ip.p + 4))
  }

  get chaddr() {
    return Array.from(this.message.slice(28, 34))
  }

  get firstOddOption() {
    const [a, b, c, d, ...options] = Array.from(this.message.slice(236))
    const cookie = a === 0x63 && b === 0x82 && c === 0x53 && d === 0x63
    return cookie
      ? optionsOf(Uint8Array.from(options), "dhcp").find((option) => !option.whole || option.type === 82)
      : undefined
  }
}

const dhcp: Wrong<Bootp> = [
  ["DHCP_MALFORMED", ({ message }) => message.length < 236],
  ["DHCP_MALFORMED", ({ message }) => message[0] !== 1 || message[1] !== 1 || message[2] !== 6],
  ["DHCP_CHADDR", ({ chaddr, ip }) => chaddr.join() !== Array.from(ip.f.octets.slice(6, 12)).join()],
  ["DHCP_RELAY", ({ message }) => message.slice(24, 28).some((octet) => octet !== 0)],
  ["DHCP_RELAY", ({ firstOddOption }) => firstOddOption?.whole === true],
  ["DHCP_MALFORMED", ({ firstOddOption }) => firstOddOption?.whole === false]
]

const ofIpv4 = (frame: Frame): Name | undefined => {
  const ip = new Ip(frame)
  const wrong = first(ipv4, ip)
  if (wrong !== undefined || !ip.starts(17) || frame.u16(ip.p + 2) !== 67) return wrong
  return ip.mf ? "DHCP_MALFORMED" : first(dhcp, new Bootp(ip))
}

const ofFrame = (frame: Frame, fromTap: boolean): Name | undefined => {
  const { secure } = frame.settings
  const link = first(everywhere, frame) ??
    (fromTap ? undefined : first(fromGuests, frame)) ??
    first(fromAll, frame) ??
    (secure ? first(secureLink, frame) : undefined)
  if (link !== undefined || !secure || fromTap) return link
  return frame.u16(12) === 0x0806 ? first(arp, frame) : ofIpv4(frame)
}

const forTap = (frame: Frame): Name | undefined => {
  const { secure, tapMtuBytes } = frame.settings
  if (secure && frame.u16(12) === 0x0800 && ![1, 6, 17].includes(frame.u8(23))) return "IP4_PROTO_DENIED"
  const tagBytes = !secure && TAGS.includes(frame.u16(12)) ? 4 : 0
  return frame.size > tapMtuBytes + 14 + tagBytes ? "EGRESS_MTU" : undefined
}

/** What should become of a frame: names of the reasons, `PASS` where there is none. */
export const expected = (
  octets: Uint8Array,
  fromTap: boolean,
  settings: SwitchSettings
): { readonly reason: Name; readonly tapReason: Name } => {
  const frame = new Frame(octets, settings)
  const reason = ofFrame(frame, fromTap) ?? "PASS"
  return { reason, tapReason: reason === "PASS" && !fromTap ? forTap(frame) ?? "PASS" : "PASS" }
}
