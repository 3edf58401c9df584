import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { HostProcess, HostProcessError } from "./HostProcess.ts"
import { startProcess, succeed } from "./HostProcess.ts"

const script = fileURLToPath(new URL("RawPort.py", import.meta.url))

/** Address to which a forging port sends: no station has it. */
export const forgedTarget = "52:54:00:00:00:ee"

/** What a loud or forging port did. */
export interface RawPortReport {
  readonly sent: number
  /** Frames that arrived, by destination address. */
  readonly received: Readonly<Record<string, number>>
  /** The same, by source address. */
  readonly sources: Readonly<Record<string, number>>
}

/** Connects a port that is no kernel, see RawPort.py; killed when the scope ends. */
export const startRawPort = (
  ...words: ReadonlyArray<string>
): Effect.Effect<HostProcess, never, Scope.Scope> => startProcess(["python3", script, ...words])

/** Ends a loud or forging port and gives its report. */
export const reportOf = (port: HostProcess): Effect.Effect<RawPortReport, HostProcessError> =>
  Effect.gen(function*() {
    port.endInput()
    yield* port.waitForEnd(10_000)
    const report = port.stdout().trim().split("\n").at(-1) ?? ""
    return JSON.parse(report) as RawPortReport
  })

/** Sends one frame through a port of its own. */
export const sendOnce = (
  socketPath: string,
  source: string,
  target: string
): Effect.Effect<string, HostProcessError> =>
  succeed(["python3", script, "send", socketPath, source, target])
