import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { leaseAddress, startDhcpServer } from "../guests/Dhcp.ts"
import type { Guest, GuestError } from "../guests/Guest.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import type { Netns } from "../guests/Netns.ts"
import { makeNetns } from "../guests/Netns.ts"
import { scratchDirectory } from "../guests/Scratch.ts"
import { startSwitch } from "../guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "../guests/UmlGuest.ts"
import type { Attacker } from "./Attacker.ts"
import { startAttacker } from "./Attacker.ts"
import { openPorts } from "./Denials.ts"
import { buildListeningInitramfs } from "./ListeningInitramfs.ts"
import type { Identity } from "./NestedStations.ts"
import { startStation, withoutIpv6 } from "./NestedStations.ts"
import type { TransferServer } from "./Transfers.ts"
import { prepareTransfers, startTransferServer } from "./Transfers.ts"
import type { Witness } from "./Witnesses.ts"
import { witnessAtTap, witnessInGuest } from "./Witnesses.ts"

/** The switch's words in a lab: with defaults, and where guests speak IPv6 too. */
export const ipv4Words = ["10.1.0.1/24"]
export const ipv6Words = ["10.1.0.1/24", "--ipv6", "fd00:1::1/64"]
export const hostAddress = "10.1.0.1"
export const attackerIdentity: Identity = { mac: "52:54:00:00:00:66", address: "10.1.0.66" }
export const neighbourIdentity: Identity = { mac: "52:54:00:00:00:0b", address: "10.1.0.3" }
const victimMac = "52:54:00:00:00:0a"
/** First and last address that the host leases. */
const range = ["10.1.0.20", "10.1.0.29"] as const
const tap = "tap6"

/**
 * A host with a tap, a DHCP server and a transfer server; a kernel with a lease, which is the victim; an honest
 * neighbour; and an attacker who waits. The switch has its defaults, but for its words.
 */
export class AttackLab extends Context.Tag("AttackLab")<AttackLab, {
  readonly socketPath: string
  readonly words: ReadonlyArray<string>
  readonly directory: string
  readonly host: Netns
  readonly neighbour: Netns
  readonly victim: Guest
  readonly victimIdentity: Identity
  readonly witnesses: ReadonlyArray<Witness>
  readonly transfers: TransferServer
  readonly attacker: Attacker
  /** All but the attacker's. */
  readonly honestPorts: ReadonlyArray<number>
}>() {}

/** An ARP table: MACs by address. */
export type Neighbours = Readonly<Record<string, string>>

const readNeighbours = "awk 'NR > 1 && $3 != \"0x0\" { print $1, $4 }' /proc/net/arp"

const parseNeighbours = (lines: string): Neighbours =>
  Object.fromEntries(lines.trim().split("\n").filter((line) => line !== "").map((line) => line.split(" ")))

/** The ARP tables of the host, of the victim and of the neighbour, as they are now. */
export const neighboursOf = (
  { host, neighbour, victim }: Pick<Context.Tag.Service<typeof AttackLab>, "host" | "neighbour" | "victim">
): Effect.Effect<ReadonlyArray<Neighbours>, GuestError | HostProcessError> =>
  Effect.map(
    Effect.all([host, victim, neighbour].map(({ succeed }) => succeed(readNeighbours)), { concurrency: 3 }),
    (tables) => tables.map(parseNeighbours)
  )

/** Everything up and known to each other. */
export const attackLab = (
  words: ReadonlyArray<string>
): Layer.Layer<AttackLab, HostProcessError> => Layer.scoped(AttackLab, Effect.gen(function*() {
  const host = yield* makeNetns
  if (!words.includes("--ipv6")) yield* host.succeed(withoutIpv6)
  const directory = yield* scratchDirectory()
  const argv = ["-t", tap, "--group", "root", ...words]
  const { socketPath } = yield* startSwitch({ directory, prefix: host.prefix, argv })
  yield* startDhcpServer({ netns: host, interfaceName: tap, range, directory })
  const transfers = yield* startTransferServer(host, hostAddress)
  const neighbour = yield* startStation(socketPath, neighbourIdentity)
  const initramfs = yield* buildListeningInitramfs
  const victim = yield* startUmlGuest({ name: "victim", initramfs, line: umlLine(socketPath, victimMac) })
  const lease = yield* leaseAddress(victim).pipe(Effect.orDie)
  const victimIdentity = { mac: victimMac, address: lease.split("/")[0]! }
  yield* victim.succeed(`ping -c 1 ${neighbourIdentity.address}`).pipe(Effect.orDie)
  yield* neighbour.succeed(`ping -c 1 ${hostAddress} && ping -c 1 ${victimIdentity.address}`)
  yield* prepareTransfers(victim, transfers).pipe(Effect.orDie)
  const witnesses = [yield* witnessInGuest(victim).pipe(Effect.orDie), yield* witnessAtTap(host, tap)]
  const attacker = yield* startAttacker({
    socketPath,
    ...attackerIdentity,
    victim: victimIdentity.address,
    neighbour: neighbourIdentity.address,
    host: hostAddress
  })
  const honestPorts = yield* openPorts(socketPath)
  return {
    socketPath,
    words,
    directory,
    host,
    neighbour,
    victim,
    victimIdentity,
    witnesses,
    transfers,
    attacker,
    honestPorts
  }
}))
