import type { Allowances } from "../src/domain/policy/Allowances.ts"
import { fromOctets } from "../src/domain/MacAddress.ts"
import type { SwitchSettings } from "../src/domain/SwitchSettings.ts"
import { address } from "../test/property/frames.ts"
import * as six from "../test/property/policyFrames6.ts"
import * as world from "../test/property/policyWorld.ts"

const secures: ReadonlyArray<SwitchSettings> = [
  world.secure,
  world.settings(0),
  world.settings(8),
  world.settings(29),
  world.settings(30),
  world.settings(31),
  world.settings(32),
  world.settings(24, { hostAddress: address("200.1.0.254") }),
  { ...world.secure, tapMtuBytes: 1400 },
  { ...world.secure, frameBytesMax: 600 },
  { ...world.secure, tapMac: undefined },
  world.noPrefix
]

const bridges: ReadonlyArray<SwitchSettings> = [
  world.bridge,
  { ...world.bridge, tapMtuBytes: 1400 },
  { ...world.bridge, frameBytesMax: 600, tapMac: undefined }
]

const allowing = (allowances: Allowances, settings: SwitchSettings = world.secure): SwitchSettings => ({
  ...settings,
  policy: allowances
})
const ipv6 = (bits: number): Allowances => ({ ipv6: { address: six.host6, bits } })

/** Situations in which IPv6 passes, by their place in the list. */
export const WITH_IPV6 = secures.length + bridges.length

/**
 * The switches that frames are judged by. The first octet of an input is an index into this list, so what is here
 * keeps its place and new ones are added at the end.
 */
export const situations: ReadonlyArray<SwitchSettings> = [
  ...secures,
  ...bridges,
  allowing(ipv6(64)),
  allowing(ipv6(0)),
  allowing(ipv6(33)),
  allowing(ipv6(127)),
  allowing(ipv6(128)),
  allowing(ipv6(64), { ...world.secure, tapMac: undefined, tapMtuBytes: 1400 }),
  allowing({ ...ipv6(64), dhcpServer: "any" }),
  allowing({ allowedEtherTypes: [0x8035, 0x88b5, 0x8863], dhcpServer: "any" }),
  allowing(ipv6(64), { ...world.secure, bridgeMac: fromOctets(world.bridgeMac) }),
  { ...world.bridge, bridgeMac: fromOctets(world.bridgeMac) }
]

/** Largest frame of any of them. */
export const FRAME_BYTES_MAX = Math.max(...situations.map((settings) => settings.frameBytesMax))

/** Port numbers of any of them, the tap's included. */
export const PORTS = 1 + Math.min(...situations.map((settings) => settings.guestPorts))
