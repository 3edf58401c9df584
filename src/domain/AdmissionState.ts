import { Bounds } from "./Bounds.ts"
import type { MoveLog } from "./MoveLog.ts"
import * as Moves from "./MoveLog.ts"
import type { OwnerTable } from "./OwnerTable.ts"
import * as Owners from "./OwnerTable.ts"
import type { DhcpSnoop } from "./policy/DhcpSnoop.ts"
import * as Snoop from "./policy/DhcpSnoop.ts"
import type { HeldIdentities } from "./policy/HeldIdentities.ts"
import * as Held from "./policy/HeldIdentities.ts"
import * as Ipv6 from "./policy/Ipv6Policy.ts"
import { defaults, type PolicySettings } from "./policy/PolicySettings.ts"
import type { Ports } from "./Ports.ts"
import type { RateLimit } from "./policy/RateLimit.ts"
import * as Rates from "./policy/RateLimit.ts"
import { hostMacOf, type SwitchSettings } from "./SwitchSettings.ts"

/**
 * What the switch remembers of its guests, and the numbers that the rules about it compare with.
 *
 * Changed by accepted frames, leases and closing ports alone: a frame that is denied leaves all of it as it was, but
 * for the rate buckets, which count what came in.
 */
export interface AdmissionState {
  /** MAC address to port. */
  readonly stations: OwnerTable
  /** IP address to port; kinds in `Claims.ts`. */
  readonly claims: OwnerTable
  /** DHCP client identifier to port, see `ClientIdentifiers.ts`. */
  readonly identifiers: OwnerTable
  /** Stations that moved from one port to another. */
  readonly moves: MoveLog
  readonly held: HeldIdentities
  readonly snoop: DhcpSnoop
  readonly storm: RateLimit
  /** Of what floods because nobody knows its station. */
  readonly unknownStorm: RateLimit
  readonly arp: RateLimit
  /** Of answers that flood, to all or for want of a known station. */
  readonly answers: RateLimit
  /** Of questions for the host's address that are over another rate. */
  readonly hostAsks: RateLimit
  readonly learning: RateLimit
  /** User that each port's rates are charged to, -1 for none yet: they outlast the port. */
  readonly ratedUid: Float64Array
  /** User of each port, unsigned, and 1 for each trunk; `Ports` writes them. */
  readonly uid: Uint32Array
  readonly trunk: Uint8Array
  secure: boolean
  policy: PolicySettings
  ageSeconds: number
  /** The host's own address and the subnet, unsigned; mask 0xffffffff and network 0 without a subnet. */
  hostAddress: number
  network: number
  mask: number
  /** The host's IPv6 addresses and the guests' prefix; undefined where no IPv6 passes. */
  ipv6: Ipv6.Ipv6Policy | undefined
  /** The tap's own MAC, never a station; -1 as `tapLo` when there is no tap. */
  tapHi: number
  tapLo: number
  /** The same of the bridge that the tap is in. */
  bridgeHi: number
  bridgeLo: number
  /** Per port, what was last accepted from it and in which second: the same again needs no look at the tables. */
  readonly lastHi: Int32Array
  readonly lastLo: Int32Array
  readonly lastAddress: Int32Array
  readonly lastSecond: Int32Array
  /** Seconds of the exchange's clock. */
  nowSeconds: number
}

/** @param open the caller's to fill. The tables are made for what the settings allow now. */
export const make = (settings: SwitchSettings, open: Pick<Ports, "uid" | "trunk">): AdmissionState => {
  const ports = settings.guestPorts + 1
  const policy = { ...defaults(settings.secure), ...settings.policy }
  const perGuest = settings.secure ? policy.stationsPerGuest : Bounds.stationsPerGuestSecure
  const trunkPorts = Math.min(settings.trunkPorts ?? 0, settings.guestPorts)
  const table = (ofGuest: number, ofTrunk: number, ofTap: number) =>
    Owners.make({
      capacity: Math.min(settings.guestPorts * ofGuest, Bounds.stationsOfGuestsMax) + trunkPorts * ofTrunk + ofTap,
      ports,
      seed: settings.hashSeed
    })
  const state: AdmissionState = {
    stations: table(perGuest, policy.stationsPerTrunk, Bounds.stationsOfTap),
    claims: table(policy.addressesPerGuest, policy.addressesPerTrunk, Bounds.addressesOfTap),
    identifiers: table(policy.addressesPerGuest, policy.addressesPerTrunk, 0),
    moves: Moves.make(),
    held: Held.make(settings.hashSeed),
    snoop: Snoop.make(ports, settings.hashSeed),
    storm: Rates.make(ports, policy.stormPerSecond),
    unknownStorm: Rates.make(ports, policy.stormPerSecond),
    arp: Rates.make(ports, policy.arpPerSecond),
    answers: Rates.make(ports, policy.arpPerSecond),
    hostAsks: Rates.make(ports, Bounds.hostAsksPerSecond),
    learning: Rates.make(ports, Bounds.learnPerSecond),
    ratedUid: new Float64Array(ports).fill(-1),
    uid: open.uid,
    trunk: open.trunk,
    secure: settings.secure,
    policy,
    ageSeconds: settings.stationAgeSeconds,
    hostAddress: 0,
    network: 0,
    mask: 0,
    ipv6: undefined,
    tapHi: 0,
    tapLo: -1,
    bridgeHi: 0,
    bridgeLo: -1,
    lastHi: new Int32Array(ports),
    lastLo: new Int32Array(ports),
    lastAddress: new Int32Array(ports),
    lastSecond: new Int32Array(ports).fill(-1),
    nowSeconds: 0
  }
  configure(state, settings)
  return state
}

/** Other settings from now on. What is remembered stays; only the tables' sizes are those of the start. */
export const configure = (state: AdmissionState, settings: SwitchSettings): void => {
  const { bridgeMac, prefix, tapMac } = settings
  state.secure = settings.secure
  state.policy = { ...defaults(settings.secure), ...settings.policy }
  state.ageSeconds = settings.stationAgeSeconds
  state.hostAddress = prefix === undefined ? 0 : prefix.address
  state.network = prefix === undefined ? 0 : prefix.network
  state.mask = prefix === undefined ? 0xffffffff : prefix.mask
  state.ipv6 = state.policy.ipv6 === undefined ? undefined : Ipv6.make(state.policy.ipv6, hostMacOf(settings))
  state.tapHi = tapMac?.hi ?? 0
  state.tapLo = tapMac?.lo ?? -1
  state.bridgeHi = bridgeMac?.hi ?? 0
  state.bridgeLo = bridgeMac?.lo ?? -1
  Rates.setRate(state.storm, state.policy.stormPerSecond)
  Rates.setRate(state.unknownStorm, state.policy.stormPerSecond)
  Rates.setRate(state.arp, state.policy.arpPerSecond)
  Rates.setRate(state.answers, state.policy.arpPerSecond)
  state.lastSecond.fill(-1)
}

/** All rates. Their order is that of a snapshot. */
export const ratesOf = (
  { answers, arp, hostAsks, learning, storm, unknownStorm }: AdmissionState
): ReadonlyArray<RateLimit> => [storm, unknownStorm, arp, answers, hostAsks, learning]

/** Whether a MAC address is the host's own. */
export const isHostMac = ({ bridgeHi, bridgeLo, tapHi, tapLo }: AdmissionState, hi: number, lo: number): boolean =>
  (lo === tapLo && hi === tapHi) || (lo === bridgeLo && hi === bridgeHi)

/** Whether a guest's port is a trunk. */
export const isTrunk = (state: AdmissionState, port: number): boolean => state.trunk[port] === 1

/** Whether a port keeps its first MAC and IP address: `--lock`. Behind a trunk there are many of either. */
export const isLocked = (state: AdmissionState, port: number): boolean => state.policy.lock && !isTrunk(state, port)

/** Stations that a guest's port may have, locked or not. */
export const stationsMax = ({ policy, trunk }: AdmissionState, port: number): number =>
  trunk[port] === 1 ? policy.stationsPerTrunk : policy.stationsPerGuest

/** IP addresses that a guest's port may have, locked or not. */
export const addressesMax = ({ policy, trunk }: AdmissionState, port: number): number =>
  trunk[port] === 1 ? policy.addressesPerTrunk : policy.addressesPerGuest

/** Whether what a closed port had is kept for another user than this port's; a trunk is asked for no user. */
export const isHeldFrom = (state: AdmissionState, port: number, a: number, b: number, c: number, d: number): boolean =>
  !isTrunk(state, port) && Held.isForAnother(state.held, a, b, c, d, state.uid[port]!, state.nowSeconds)

/** What was last accepted from a port need not hold any more. */
export const doubt = (state: AdmissionState, port: number): void => {
  state.lastSecond[port] = -1
}
