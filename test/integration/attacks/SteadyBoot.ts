import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Guest, GuestError } from "../guests/Guest.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import { startUmlGuest, umlLine } from "../guests/UmlGuest.ts"
import { withoutIpv6 } from "./NestedStations.ts"

/**
 * Boots a kernel that leaves IPv6 alone and answers pings to all.
 *
 * Boots it once more if need be: now and then this kernel's first process cannot fork (EAGAIN), before there is a
 * network card. That is not what is tried here.
 */
export const bootQuietly = (
  request: { readonly name: string; readonly initramfs: string; readonly socketPath: string; readonly mac: string }
): Effect.Effect<Guest, GuestError | HostProcessError, Scope.Scope> =>
  startUmlGuest({ ...request, line: umlLine(request.socketPath, request.mac) }).pipe(
    Effect.retry({ times: 2, while: ({ problem }) => problem.includes("SIGABRT") }),
    Effect.tap((guest) =>
      guest.succeed(`${withoutIpv6}; echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts`)
    )
  )
