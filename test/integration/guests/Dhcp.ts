import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Guest, GuestError } from "./Guest.ts"
import type { HostProcess } from "./HostProcess.ts"
import type { Netns } from "./Netns.ts"

/** Starts dnsmasq(8), as DHCP server alone, on one interface; killed when the scope ends. */
export const startDhcpServer = (request: {
  readonly netns: Netns
  readonly interfaceName: string
  /** First and last address to lease. */
  readonly range: readonly [string, string]
  readonly directory: string
}): Effect.Effect<HostProcess, never, Scope.Scope> =>
  request.netns.start([
    "dnsmasq",
    "--conf-file=/dev/null",
    "--no-daemon",
    "--user=root",
    "--port=0",
    "--bind-interfaces",
    `--interface=${request.interfaceName}`,
    `--dhcp-range=${request.range.join(",")},1h`,
    // Without this it waits three seconds for an answer from the address before it offers it.
    "--no-ping",
    `--dhcp-leasefile=${request.directory}/leases`,
    "--pid-file"
  ])

/** Gets a guest's card another address by DHCP; gives `ADDRESS/BITS router ADDRESS`. */
export const leaseAddress = (guest: Guest): Effect.Effect<string, GuestError> =>
  guest.succeed(
    `ip addr flush dev ${guest.interfaceName} && ip link set ${guest.interfaceName} up`
      + ` && udhcpc -q -n -t 10 -T 1 -i ${guest.interfaceName} >/tmp/udhcpc 2>&1`
      + " && cat /tmp/lease || { cat /tmp/udhcpc; false; }",
    20_000
  ).pipe(Effect.map((lease) => lease.trim()))
