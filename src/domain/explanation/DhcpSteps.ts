import type { Ipv4Reader } from "./Ipv4Steps.ts"
import { source } from "./LinkSteps.ts"
import { kinds, optionsOf } from "./OptionWalk.ts"
import type { Steps } from "./Step.ts"

const OVERLOAD = 52
const CLIENT_IDENTIFIER = 61
const RELAY_AGENT_INFORMATION = 82

/** For UDP headers. */
export const dhcpPorts: Steps<Ipv4Reader> = [
  ["D1", "DHCP_SERVER", (ip) => {
    const [from, to] = [ip.sourcePort, ip.destinationPort]
    return !ip.f.situation.mayServe && (from === 67 || to === 68)
  }]
]

/** For UDP to port 67. */
export const dhcpWhole: Steps<Ipv4Reader> = [["D2", "DHCP_MALFORMED", (ip) => ip.more]]

/** BOOTP inside a UDP datagram that is whole; fields by their names in RFC 951. */
export class BootpReader {
  readonly ip: Ipv4Reader
  readonly at: number
  /** Octets, by UDP's own length. */
  readonly bytes: number

  constructor(ip: Ipv4Reader) {
    this.ip = ip
    this.at = ip.data + 8
    this.bytes = ip.udpBytes - 8
  }

  /** What is wrong with the first option with which something is; none without the cookie. */
  get oddity(): "cut" | "hides others" | "a relay's" | "named badly" | "another's" | undefined {
    const { at, bytes, ip } = this
    const [a, b, c, d, ...options] = ip.f.slice("options", at + 236, at + bytes)
    if (a !== 0x63 || b !== 0x82 || c !== 0x53 || d !== 0x63) return undefined
    const own = source(ip.f).replaceAll(":", "")
    const names: Array<string> = []
    for (const { content, type, whole } of optionsOf(Uint8Array.from(options), kinds.dhcp)) {
      if (!whole) return "cut"
      if (type === RELAY_AGENT_INFORMATION) return "a relay's"
      if (type === OVERLOAD) return "hides others"
      if (type !== CLIENT_IDENTIFIER) continue
      const name = Array.from(content, (octet) => octet.toString(16).padStart(2, "0")).join("")
      if (names.push(name) > 1 || content.length < 2) return "named badly"
      if (/^01.{12}$/.test(name) && name !== `01${own}`) return "another's"
    }
    return undefined
  }
}

/** For messages to port 67. */
export const dhcp: Steps<BootpReader> = [
  ["D2", "DHCP_MALFORMED", ({ bytes, ip }) => ip.udpBytes < 8 || bytes < 236],
  ["D2", "DHCP_MALFORMED", ({ at, ip }) => ip.f.u8("op", at) !== 1],
  ["D2", "DHCP_MALFORMED", ({ at, ip }) => ip.f.u8("htype", at + 1) !== 1],
  ["D2", "DHCP_MALFORMED", ({ at, ip }) => ip.f.u8("hlen", at + 2) !== 6],
  ["D3", "DHCP_CHADDR", ({ at, ip }) => ip.f.mac("chaddr", at + 28) !== source(ip.f)],
  ["D4", "DHCP_RELAY", ({ at, ip }) => ip.f.ipv4("giaddr", at + 24) !== "0.0.0.0"],
  ["D4", "DHCP_RELAY", ({ oddity }) => oddity === "a relay's"],
  ["D5", "DHCP_CLIENT_CONFLICT", ({ oddity }) => oddity === "another's"],
  ["D2", "DHCP_MALFORMED", ({ oddity }) => oddity === "hides others" || oddity === "named badly"],
  ["D2", "DHCP_MALFORMED", ({ oddity }) => oddity === "cut"]
]
