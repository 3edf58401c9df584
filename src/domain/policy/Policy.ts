import * as Networks from "../Network.ts"
import { hostMacOf, type SwitchSettings } from "../SwitchSettings.ts"
import type { Allowances } from "./Allowances.ts"
import * as Ipv6 from "./Ipv6Policy.ts"

/**
 * What the rules read: plain numbers, taken from the settings once.
 *
 * Addresses are unsigned 32-bit, as in `Prefix`. `NONE` stands where there is
 * nothing to compare with; it is less than 0, so that no field of a frame equals it.
 */
export interface Policy {
  /** False is `-U`: only sizes and MAC addresses are judged. */
  readonly secure: boolean
  /** The host's own IPv4 address. */
  readonly hostAddress: number
  /** The guests' subnet. */
  readonly network: number
  readonly mask: number
  /** The subnet's last address: its broadcast address while `bits` is 30 or less. */
  readonly broadcast: number
  /** Bits of the subnet, 0 … 32. */
  readonly bits: number
  /** The tap's MAC, as `MacAddress` holds it. */
  readonly tapMacHi: number
  readonly tapMacLo: number
  /** The same of the bridge that the tap is in. */
  readonly bridgeMacHi: number
  readonly bridgeMacLo: number
  /** Largest frame that any port may send, in octets. */
  readonly frameBytesMax: number
  /** Largest frame that the tap takes, in octets: its MTU and the header. */
  readonly tapFrameBytesMax: number
  /** The same for a frame with a VLAN tag. Only `-U` lets one through. */
  readonly tapTaggedFrameBytesMax: number
  /** What IPv6 is compared with; undefined where none passes. */
  readonly ipv6: Ipv6.Ipv6Policy | undefined
  /** Types that guests may send to each other though no rule reads them. */
  readonly allowedEtherTypes: ReadonlyArray<number>
  /** By port: 1 where a DHCP server may be. Whoever opens a port may mark it. */
  readonly dhcpServers: Uint8Array
  /** By port: 1 for a trunk. As above. */
  readonly trunks: Uint8Array
  /** Sources outside the subnet, or the IPv6 prefix, that a trunk may have: what another host routes. */
  readonly trunkSources: ReadonlyArray<Networks.Network>
}

/** Equal to no address. */
export const NONE = -1

const HEADER_BYTES = 14
const TAG_BYTES = 4

/** Network and broadcast address mean nothing special with 31 bits (RFC 3021) or 32. */
const RESERVING_BITS_MAX = 30

/**
 * Takes from the settings what the rules read.
 *
 * Without a prefix no address is inside the subnet: of IPv4 and ARP, a secure
 * guest may then send DHCP requests and address probes, and nothing else.
 */
export const make = (settings: SwitchSettings, allowances: Allowances = {}): Policy => {
  const { bridgeMac, prefix, tapMac, tapMtuBytes } = settings
  return {
    secure: settings.secure,
    hostAddress: prefix === undefined ? NONE : prefix.address,
    network: prefix === undefined ? NONE : prefix.network,
    mask: prefix === undefined ? 0 : prefix.mask,
    broadcast: prefix === undefined ? NONE : (prefix.network | ~prefix.mask) >>> 0,
    bits: prefix === undefined ? 32 : prefix.bits,
    tapMacHi: tapMac === undefined ? NONE : tapMac.hi,
    tapMacLo: tapMac === undefined ? NONE : tapMac.lo,
    bridgeMacHi: bridgeMac === undefined ? NONE : bridgeMac.hi,
    bridgeMacLo: bridgeMac === undefined ? NONE : bridgeMac.lo,
    frameBytesMax: settings.frameBytesMax,
    tapFrameBytesMax: tapMtuBytes + HEADER_BYTES,
    tapTaggedFrameBytesMax: tapMtuBytes + HEADER_BYTES + TAG_BYTES,
    ipv6: allowances.ipv6 === undefined ? undefined : Ipv6.make(allowances.ipv6, hostMacOf(settings)),
    allowedEtherTypes: allowances.allowedEtherTypes ?? [],
    dhcpServers: new Uint8Array(settings.guestPorts + 1).fill(allowances.dhcpServer === "any" ? 1 : 0),
    trunks: new Uint8Array(settings.guestPorts + 1),
    trunkSources: (allowances.trunkBindings ?? []).flatMap(({ ip }) => ip === undefined ? [] : [ip])
  }
}

/** Whether a host can have an address at all, whatever the subnet (RFC 1122, 3.2.1.3; RFC 5735, 3). */
const isUnicast = (address: number): boolean => {
  const net = address >>> 24
  return net !== 0 && net !== 127 && net < 224
}

/**
 * Whether a guest can have an address: one of the subnet, which may be so wide that it holds others.
 *
 * @param address its word, as those below: signed or not.
 */
export const isGuestSource = (policy: Policy, address: number): boolean =>
  ((address & policy.mask) >>> 0) === policy.network && isUnicast(address)

/** Whether a trunk may send from an address outside the subnet: one that is bound to trunks. */
export const isTrunkSource = ({ trunkSources }: Policy, address: number): boolean => {
  if (!isUnicast(address)) return false
  for (let i = 0; i < trunkSources.length; i++) {
    if (Networks.contains(trunkSources[i]!, 0, 0, Networks.IPV4_WORD, address)) return true
  }
  return false
}

/** The same for IPv6. @param at the octet at which the address is. */
export const isTrunkSource6 = ({ trunkSources }: Policy, bytes: Uint8Array, at: number): boolean => {
  for (let i = 0; i < trunkSources.length; i++) {
    if (Ipv6.isHostOf(trunkSources[i]!, bytes, at)) return true
  }
  return false
}

/** Whether an address is the subnet's broadcast address. */
export const isSubnetBroadcast = (policy: Policy, address: number): boolean =>
  policy.bits <= RESERVING_BITS_MAX && address >>> 0 === policy.broadcast

/** Whether an address is the subnet's network or broadcast address, which no guest can have. */
export const isReserved = (policy: Policy, address: number): boolean =>
  policy.bits <= RESERVING_BITS_MAX &&
  (address >>> 0 === policy.network || address >>> 0 === policy.broadcast)
