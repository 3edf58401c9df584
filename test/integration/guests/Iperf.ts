import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { HostProcess, HostProcessError } from "./HostProcess.ts"
import type { Netns } from "./Netns.ts"

/** Starts iperf3's server and waits until it listens; ended with the scope. @param words more of its options. */
export const startIperfServer = (
  netns: Netns,
  ...words: ReadonlyArray<string>
): Effect.Effect<HostProcess, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* netns.start(["iperf3", "--server", "--forceflush", ...words])
    yield* server.waitUntil("listening", () => server.stdout().includes("listening") || undefined, 10_000)
    return server
  })

/** What one TCP transfer of iperf3(1) reports with `--json`: megabits a second received, rounded. */
export const megabitsPerSecond = (report: string): number => {
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
  return Math.round(end.sum_received.bits_per_second / 1e6)
}
