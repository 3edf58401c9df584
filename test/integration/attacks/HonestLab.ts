import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { leaseAddress } from "../guests/Dhcp.ts"
import type { Guest } from "../guests/Guest.ts"
import type { HostProcess, HostProcessError } from "../guests/HostProcess.ts"
import { buildInitramfs } from "../guests/Initramfs.ts"
import type { Netns } from "../guests/Netns.ts"
import { makeNetns } from "../guests/Netns.ts"
import { scratchDirectory } from "../guests/Scratch.ts"
import { startSwitch } from "../guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "../guests/UmlGuest.ts"
import { allLosses } from "./Denials.ts"
import { withoutIpv6 } from "./NestedStations.ts"
import type { TransferServer } from "./Transfers.ts"
import { startTransferServer } from "./Transfers.ts"

export const tap = "tap5"
export const hostAddress = "10.1.0.1"

/** The name that the host's name server knows, and its address. */
export const knownName = { name: "printer.example", address: "10.1.0.77" } as const

/**
 * A host with a tap, a DHCP and name server and a transfer server, and two kernels with leases. Nobody speaks
 * IPv6, which the switch does not let through with its defaults.
 */
export class HonestLab extends Context.Tag("HonestLab")<HonestLab, {
  readonly socketPath: string
  readonly directory: string
  readonly initramfs: string
  readonly host: Netns
  readonly ann: Guest
  readonly bob: Guest
  /** Addresses by which the two are reached. */
  readonly annAddress: string
  readonly bobAddress: string
  readonly transfers: TransferServer
}>() {}

/** Starts dnsmasq(8) on the tap; killed when the scope ends. */
const startNameServer = (host: Netns, directory: string): Effect.Effect<HostProcess, never, Scope.Scope> =>
  host.start([
    "dnsmasq",
    "--conf-file=/dev/null",
    "--no-daemon",
    "--user=root",
    "--bind-interfaces",
    `--interface=${tap}`,
    "--dhcp-range=10.1.0.20,10.1.0.29,1h",
    "--no-ping",
    `--dhcp-leasefile=${directory}/leases`,
    "--pid-file",
    "--no-resolv",
    "--no-hosts",
    "--local=/example/",
    `--host-record=${knownName.name},${knownName.address}`
  ])

/** Asserts that the switch has lost nothing at all since it started, whoever sent it and for whatever reason. */
export const nothingIsLost = Effect.gen(function*() {
  const { socketPath } = yield* HonestLab
  assert.deepStrictEqual(yield* allLosses(socketPath), { denied: {}, dropped: {} }, "frames that the switch has lost")
})

/** Everything up. */
export const honestLab: Layer.Layer<HonestLab, HostProcessError> = Layer.scoped(HonestLab, Effect.gen(function*() {
  const host = yield* makeNetns
  yield* host.succeed(`${withoutIpv6}; echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts`)
  const directory = yield* scratchDirectory()
  const argv = ["-t", tap, "--group", "root", `${hostAddress}/24`]
  const { socketPath } = yield* startSwitch({ directory, prefix: host.prefix, argv })
  yield* startNameServer(host, directory)
  const transfers = yield* startTransferServer(host, hostAddress)
  const initramfs = yield* buildInitramfs
  const boot = (name: string, mac: string) =>
    Effect.tap(
      startUmlGuest({ name, initramfs, line: umlLine(socketPath, mac) }),
      (guest) => guest.succeed("echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts").pipe(Effect.orDie)
    )
  const [ann, bob] = yield* Effect.all(
    [boot("ann", "52:54:00:00:00:0a"), boot("bob", "52:54:00:00:00:0b")],
    { concurrency: 2 }
  )
  const addressOf = (guest: Guest) =>
    Effect.map(leaseAddress(guest), (lease) => lease.split("/")[0]!).pipe(Effect.orDie)
  const annAddress = yield* addressOf(ann)
  const bobAddress = yield* addressOf(bob)
  return { socketPath, directory, initramfs, host, ann, bob, annAddress, bobAddress, transfers }
}))
