import { Bounds } from "../Bounds.ts"
import type { Allowances, TrunkBinding } from "./Allowances.ts"

/**
 * A MAC, an IP address, whose network has 128 bits, or both, that belong to the guests of one user and to nobody else;
 * that user's guests have no others of their kinds: MAC, IPv4, IPv6 of the link alone, other IPv6.
 */
export interface UserBinding extends TrunkBinding {
  readonly uid: number
}

/** What strengthens or loosens the policy. Everything can change while the switch runs, except where it says so. */
export interface PolicySettings extends Allowances {
  /** E1: which guests cannot reach each other: none, those of different users, or all. */
  readonly isolate: "none" | "users" | "all"
  /** How an IP address may be claimed: by first use, by a lease (the host's or a named server's) only, or a binding. */
  readonly learn: "fcfs" | "dhcp" | "static"
  /** The first MAC and IP address of a connection are its only ones, used or not; a lease may change the latter. */
  readonly lock: boolean
  readonly bindings: ReadonlyArray<UserBinding>
  readonly trunkBindings: ReadonlyArray<TrunkBinding>
  /** Stations behind one guest's port. The tables are as large as the number at start allows. */
  readonly stationsPerGuest: number
  /** IP addresses of one guest's port. */
  readonly addressesPerGuest: number
  /** The same for a trunk. */
  readonly stationsPerTrunk: number
  readonly addressesPerTrunk: number
  /** For how long what a closed port owned is kept for the same user. */
  readonly holdSeconds: number
  /** Frames a second of one guest to all: broadcast, multicast, unknown. */
  readonly stormPerSecond: number
  /** ARP frames a second of one guest. */
  readonly arpPerSecond: number
}

/** What holds when nothing is said. @param secure false for `-U`. */
export const defaults = (secure: boolean): PolicySettings => ({
  isolate: "none",
  learn: "fcfs",
  lock: false,
  bindings: [],
  trunkBindings: [],
  stationsPerGuest: secure ? Bounds.stationsPerGuestSecure : Bounds.stationsPerGuestBridge,
  addressesPerGuest: Bounds.addressesPerGuest,
  stationsPerTrunk: Bounds.stationsPerTrunk,
  addressesPerTrunk: Bounds.addressesPerTrunk,
  holdSeconds: Bounds.identityHoldSeconds,
  stormPerSecond: secure ? Bounds.stormPerSecondSecure : Bounds.stormPerSecondBridge,
  arpPerSecond: Bounds.arpPerSecond
})
