import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { Guest, GuestError } from "../guests/Guest.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import type { Netns } from "../guests/Netns.ts"

const script = fileURLToPath(new URL("TransferServer.py", import.meta.url))

/** Port of the transfers; no attack uses it. */
export const transferPort = 5000

/** Octets that go each way. */
export const transferBytes = 2 << 20

/** A server on the host, and the sum of what it gives. */
export interface TransferServer {
  readonly address: string
  readonly sum: string
}

/** Starts TransferServer.py; killed when the scope ends. */
export const startTransferServer = (
  host: Netns,
  address: string
): Effect.Effect<TransferServer, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* host.start(["python3", script, address, `${transferPort}`, `${transferBytes}`])
    const sum = yield* server.waitUntil(
      "serving",
      () => /^([0-9a-f]{64})\n/.exec(server.stdout())?.[1],
      10_000
    )
    return { address, sum }
  })

/** Lets a guest fetch what it is going to send. */
export const prepareTransfers = (guest: Guest, { address }: TransferServer): Effect.Effect<string, GuestError> =>
  guest.succeed(`echo down | timeout 30 nc ${address} ${transferPort} >/tmp/payload`, 40_000)

/** A guest sends and fetches the payload at the same time, over TCP; both ends have to get the same octets. */
export const transferBothWays = (
  guest: Guest,
  { address, sum }: TransferServer
): Effect.Effect<void, GuestError> =>
  guest.succeed(
    `(echo up ${transferBytes}; cat /tmp/payload) | timeout 60 nc ${address} ${transferPort} >/tmp/up &`
      + ` echo down | timeout 60 nc ${address} ${transferPort} | sha256sum >/tmp/down; wait`
      + "; cut -c 1-64 /tmp/up /tmp/down",
    70_000
  ).pipe(Effect.map((sums) => assert.deepStrictEqual(sums.trim().split("\n"), [sum, sum], "sums of what arrived")))
