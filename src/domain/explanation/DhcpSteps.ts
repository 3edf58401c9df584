import type { Ipv4Reader } from "./Ipv4Steps.ts"
import { source } from "./LinkSteps.ts"
import { kinds, type Option, optionsOf } from "./OptionWalk.ts"
import type { Steps } from "./Step.ts"

const OVERLOAD = 52
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

  /** The first option that is cut, hides others or is a relay's; none without the cookie. */
  get firstOddOption() {
    const { at, bytes, ip } = this
    const [a, b, c, d, ...options] = ip.f.slice("options", at + 236, at + bytes)
    const cookie = a === 0x63 && b === 0x82 && c === 0x53 && d === 0x63
    const isOdd = ({ type, whole }: Option) => !whole || [OVERLOAD, RELAY_AGENT_INFORMATION].includes(type)
    return cookie ? optionsOf(Uint8Array.from(options), kinds.dhcp).find(isOdd) : undefined
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
  ["D4", "DHCP_RELAY", ({ firstOddOption: odd }) => odd?.whole === true && odd.type === RELAY_AGENT_INFORMATION],
  ["D2", "DHCP_MALFORMED", ({ firstOddOption: odd }) => odd?.whole === true && odd.type === OVERLOAD],
  ["D2", "DHCP_MALFORMED", ({ firstOddOption: odd }) => odd?.whole === false]
]
