import * as Ipv6Prefix from "../Ipv6Prefix.ts"
import * as MacAddress from "../MacAddress.ts"
import { hostMacOf } from "../SwitchSettings.ts"
import type { FrameReader } from "./FrameReader.ts"
import { destination, isGroup, source } from "./LinkSteps.ts"
import { kinds, optionsOf } from "./OptionWalk.ts"
import type { ReasonName, Steps } from "./Step.ts"

const TCP = 6
const UDP = 17
const ICMP = 58
const UPPER = [TCP, UDP, 50, ICMP, 59]
const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const EXTENSIONS = [HOP_BY_HOP, ROUTING, FRAGMENT, 51, 60]
const START = 54

interface Chain {
  /** Why the walk did not come to its end. */
  readonly wrong: ReasonName | undefined
  readonly fragment: "none" | "first" | "later"
  /** What the last header says of what follows it, and where that is. */
  readonly upper: number
  readonly at: number
}

/** The first octets of an address, as binary digits. */
const binary = (address: Uint8Array): string =>
  Array.from(address, (octet) => octet.toString(2).padStart(8, "0")).join("")

const word = (value: number): string => value.toString(2).padStart(32, "0")

/** Whether a host can have an address at all, which is also given as binary digits. */
const canBeHosts = (address: string, bits: string): boolean =>
  address !== "::" && address !== "::1" && !bits.startsWith("11111111") && !bits.startsWith(IPV4_BITS)

/** The first bits of an IPv4 address that is written as one of IPv6. */
const IPV4_BITS = "0".repeat(80) + "1".repeat(16)

/** An IPv6 packet's fields by their names in RFC 8200. */
export class Ipv6Reader {
  readonly f: FrameReader
  #chain: Chain | undefined

  constructor(f: FrameReader) {
    this.f = f
  }

  get payloadBytes(): number {
    return this.f.u16("payload length", 18)
  }

  get end(): number {
    return START + this.payloadBytes
  }

  get source(): string {
    return this.f.ipv6("source address", 22)
  }

  get destination(): string {
    return this.f.ipv6("destination address", 38)
  }

  get chain(): Chain {
    return this.#chain ??= this.#walk()
  }

  get upperBytes(): number {
    return this.end - this.chain.at
  }

  /** Whether the header of such a protocol is here. */
  starts(protocol: number): boolean {
    return this.chain.upper === protocol && this.chain.fragment !== "later"
  }

  get icmpType(): number {
    return this.f.u8("ICMPv6 type", this.chain.at)
  }

  /** Whether it is of neighbour discovery, or about groups, of one of these types. */
  discovers(...types: ReadonlyArray<number>): boolean {
    return this.starts(ICMP) && types.includes(this.icmpType)
  }

  /** Options of a solicitation or an advertisement. */
  get options() {
    const from = this.chain.at + (this.icmpType === 133 ? 8 : 24)
    return from === this.end ? [] : optionsOf(this.f.slice("options", from, this.end), kinds.neighbour)
  }

  /** Options that name the MAC of who sends this type. */
  get linkLayerOptions() {
    const type = this.icmpType === 136 ? 2 : 1
    return this.options.filter((option) => option.type === type)
  }

  /** Where a solicitation or an advertisement has the address that it is about. */
  get targetAt(): number {
    return this.chain.at + 8
  }

  get target(): string {
    return this.f.ipv6("target address", this.targetAt)
  }

  /** Whether a station of the link can have the address, which stands at an octet. */
  isOfLink(address: string, at: number): boolean {
    const { ipv6 } = this.f.situation.allowances
    const bits = binary(this.f.octets.slice(at, at + 16))
    const inPrefix = ipv6 !== undefined && bits.startsWith(binary(ipv6.address).slice(0, ipv6.bits))
    return bits.startsWith("1111111010") || (inPrefix && canBeHosts(address, bits))
  }

  /** Whether the far side of a trunk may send from there, though it is outside the prefix. */
  get isRouted(): boolean {
    const { allowances: { trunkBindings = [] }, isTrunk } = this.f.situation
    if (isTrunk !== true || this.discovers(133, 134, 135, 136, 137)) return false
    const bits = binary(this.f.octets.slice(22, 38))
    return canBeHosts(this.source, bits) && trunkBindings.some(({ ip }) =>
      ip !== undefined && bits.startsWith(ip.first.map(word).join("").slice(0, ip.bits)))
  }

  isHosts(address: string): boolean {
    return [host(this.f), hostLinkLocal(this.f)].includes(address)
  }

  /** Whether `::` is what such a message has to come from. */
  get needsNoSource(): boolean {
    if (this.chain.fragment !== "none") return false
    if (this.discovers(131, 132, 143)) return true
    if (this.discovers(133)) return this.upperBytes === 8
    return this.discovers(135) && /^ff02::1:ff[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(this.destination) &&
      this.linkLayerOptions.length === 0
  }

  /** Whether it goes to a DHCPv6 server, and is nothing that a client says, or does not show what it says. */
  get misleadsDhcpServer(): boolean {
    if (this.f.u16("destination port", this.chain.at + 2) !== 547) return false
    return this.upperBytes < 9 || ![1, 3, 4, 5, 6, 8, 9, 11].includes(this.f.u8("DHCPv6 type", this.chain.at + 8))
  }

  /** Whether the host may have it: no other protocol, and nothing that routers of groups say. */
  get isForHost(): boolean {
    return [ICMP, TCP, UDP].includes(this.chain.upper) && !this.discovers(130, 151, 152, 153)
  }

  #walk(): Chain {
    const headers: Array<number> = []
    const { end, f } = this
    let upper = f.u8("next header", 20)
    let at = START
    let fragment: Chain["fragment"] = "none"
    const fails = (wrong: ReasonName): Chain => ({ wrong, fragment, upper, at })
    while (!UPPER.includes(upper) && fragment !== "later") {
      if (!EXTENSIONS.includes(upper)) return fails("IP6_EXT_DENIED")
      if (headers.length >= 8 || (upper === HOP_BY_HOP && headers.length > 0)) return fails("IP6_MALFORMED")
      const cut = headers.includes(FRAGMENT) ? "IP6_FRAG_DENIED" : "IP6_MALFORMED"
      if (end - at < 8) return fails(cut)
      const bytes = this.#headerBytes(upper, at)
      if (bytes > end - at) return fails(cut)
      if (at + bytes - START > 256) return fails("IP6_MALFORMED")
      if (upper === ROUTING && f.u8("routing type", at + 2) !== 2) return fails("IP6_EXT_DENIED")
      if (upper === FRAGMENT) {
        if (headers.includes(FRAGMENT)) return fails("IP6_EXT_DENIED")
        fragment = f.u16("fragment offset", at + 2) < 8 ? "first" : "later"
      }
      headers.push(upper)
      upper = f.u8("next header", at)
      at += bytes
    }
    return { wrong: undefined, fragment, upper, at }
  }

  #headerBytes(type: number, at: number): number {
    if (type === FRAGMENT) return 8
    const length = this.f.u8("header length", at + 1)
    return type === 51 ? (length + 2) * 4 : (length + 1) * 8
  }
}

const least: Readonly<Record<number, number | undefined>> = { [TCP]: 20, [UDP]: 8, [ICMP]: 4 }

const hostLinkLocal = ({ situation }: FrameReader): string | undefined => {
  const mac = hostMacOf(situation.settings)
  if (mac === undefined) return undefined
  return Ipv6Prefix.formatAddress(Ipv6Prefix.linkLocalOf(MacAddress.toOctets(mac)))
}

const host = ({ situation }: FrameReader): string | undefined => {
  const { ipv6 } = situation.allowances
  return ipv6 === undefined ? undefined : Ipv6Prefix.formatAddress(ipv6.address)
}

const discovery: Steps<Ipv6Reader> = [
  ["V3", "IP6_FRAG_DENIED", (ip) => ip.chain.fragment === "first" && ip.discovers(133, 134, 135, 136, 137)],
  ["V4", "IP6_RA_DENIED", (ip) => ip.discovers(134)],
  ["V5", "IP6_REDIRECT_DENIED", (ip) => ip.discovers(137)],
  ["V7", "ND_MALFORMED", (ip) => ip.discovers(133, 135, 136) && ip.f.u8("hop limit", 21) !== 255],
  ["V7", "ND_MALFORMED", (ip) => ip.discovers(133, 135, 136) && ip.f.u8("code", ip.chain.at + 1) !== 0],
  ["V7", "ND_MALFORMED", (ip) => ip.discovers(133) && ip.upperBytes < 8],
  ["V7", "ND_MALFORMED", (ip) => ip.discovers(135, 136) && ip.upperBytes < 24],
  ["V7", "ND_MALFORMED", (ip) => ip.discovers(133, 135, 136) && ip.options.some((option) => !option.whole)],
  ["V8", "ND_LLA_MISMATCH", (ip) => {
    if (!ip.discovers(133, 135, 136)) return false
    const own = source(ip.f).replaceAll(":", "")
    return ip.linkLayerOptions.some(({ content }) => Array.from(content, twoDigits).join("") !== own)
  }]
]

const twoDigits = (octet: number): string => octet.toString(16).padStart(2, "0")

export const ipv6: Steps<Ipv6Reader> = [
  ["V1", "IP6_MALFORMED", (ip) => ip.f.size < START],
  ["V1", "IP6_MALFORMED", (ip) => ip.f.u8("version", 14) >> 4 !== 6],
  ["V1", "IP6_MALFORMED", (ip) => ip.payloadBytes === 0],
  ["V1", "IP6_MALFORMED", (ip) => ip.payloadBytes > ip.f.size - START],
  ["V1", "IP6_MALFORMED", (ip) => ip.chain.wrong === "IP6_MALFORMED"],
  ["V2", "IP6_EXT_DENIED", (ip) => ip.chain.wrong === "IP6_EXT_DENIED"],
  ["V3", "IP6_FRAG_DENIED", (ip) => ip.chain.wrong === "IP6_FRAG_DENIED"],
  ["V1", "IP6_MALFORMED", (ip) => ip.chain.fragment === "none" && ip.upperBytes < (least[ip.chain.upper] ?? 0)],
  ["V3", "IP6_FRAG_DENIED", (ip) => ip.chain.fragment === "first" && ip.upperBytes < 8],
  ...discovery,
  ["V6", "DHCP6_SERVER", (ip) =>
    ip.starts(UDP) && !ip.f.situation.mayServe &&
    (ip.f.u16("source port", ip.chain.at) === 547 || ip.f.u16("destination port", ip.chain.at + 2) === 546)],
  ["V6", "DHCP6_SERVER", (ip) => ip.starts(UDP) && !ip.f.situation.mayServe && ip.misleadsDhcpServer],
  ["V9", "ND_TARGET_CONFLICT", (ip) => ip.discovers(136) && ip.isHosts(ip.target)],
  ["V9", "ND_TARGET_CONFLICT", (ip) => ip.discovers(136) && !ip.isOfLink(ip.target, ip.targetAt)],
  ["V9", "ND_TARGET_CONFLICT", (ip) => ip.discovers(135) && ip.source === "::" && ip.isHosts(ip.target)],
  ["V10", "IP6_SRC_HOST", (ip) => ip.isHosts(ip.source)],
  ["V11", "IP6_SRC_OUTSIDE", (ip) =>
    !ip.isOfLink(ip.source, 22) && !(ip.source === "::" && ip.needsNoSource) && !ip.isRouted],
  ["V12", "L2_L3_MISMATCH", (ip) => isGroup(destination(ip.f)) && !/^ff[0-9a-f]{2}:/.test(ip.destination)]
]
