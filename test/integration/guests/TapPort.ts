import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { HostProcess, HostProcessError } from "./HostProcess.ts"
import type { Netns } from "./Netns.ts"

const script = fileURLToPath(new URL("TapPort.py", import.meta.url))

/** What a card carried, and what was wrong with it. */
export interface TapPortReport {
  readonly frames: number
  readonly sent: number
  readonly tcp: number
  readonly udp: number
  readonly long: number
  readonly wrong: number
}

/** Connects a tap of a namespace to a switch, see TapPort.py; gives it an address and brings it up. */
export const startTapPort = (
  netns: Netns,
  interfaceName: string,
  socketPath: string,
  addresses: ReadonlyArray<string>
): Effect.Effect<HostProcess, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* netns.start(["python3", script, interfaceName, socketPath])
    yield* port.waitUntil("connected", () => port.stdout().includes("ready") || undefined, 10_000)
    for (const address of addresses) yield* netns.succeed(`ip addr add ${address} dev ${interfaceName} nodad`)
    yield* netns.succeed(`ip link set ${interfaceName} up`)
    return port
  })

/** Ends it and gives its report. */
export const reportOf = (port: HostProcess): Effect.Effect<TapPortReport, HostProcessError> =>
  Effect.gen(function*() {
    port.endInput()
    yield* port.waitForEnd(10_000)
    return JSON.parse(port.stdout().trim().split("\n").at(-1) ?? "") as TapPortReport
  })
