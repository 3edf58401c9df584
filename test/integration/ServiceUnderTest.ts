import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import { vknetd } from "./commandTranscript.ts"
import { type HostProcess, type HostProcessError, type HostProcessOptions, startProcess } from "./guests/HostProcess.ts"

const script = fileURLToPath(new URL("./ServiceManager.py", import.meta.url))

/** See ServiceManager.py. */
export interface ServiceSpec {
  readonly notify?: string
  readonly listen?: string
  readonly kind?: "seqpacket" | "stream" | "silent"
  readonly mode?: number
  readonly addressee?: "other"
  readonly asking?: number
  readonly store?: number
  readonly restarts?: number
}

/** A switch under a service manager. Signals sent to `manager` reach it. */
export interface ServiceUnderTest {
  readonly manager: HostProcess
  /** What the manager was told, a datagram an entry, in its order. */
  readonly told: () => ReadonlyArray<string>
  /** The switch's own process id, the latest. */
  readonly pid: () => number
  /** Names of what has ended and is kept no more. */
  readonly gone: () => ReadonlyArray<string>
  /** Waits until the manager was told something that begins so. */
  readonly waitFor: (line: string) => Effect.Effect<string, HostProcessError>
  /** Waits for the guests that ask before the switch is there, and gives how many were answered. */
  readonly answered: Effect.Effect<number, HostProcessError>
  /** Waits for the switch's end and gives its status. */
  readonly waitForEnd: Effect.Effect<number, HostProcessError>
}

const startMs = 10_000

/**
 * Starts `vknetd` with these words under a service manager; both are killed when the scope ends.
 *
 * @param prefix words in front of all, e.g. a namespace's.
 */
export const startService = (
  spec: ServiceSpec,
  argv: ReadonlyArray<string>,
  options?: HostProcessOptions,
  prefix: ReadonlyArray<string> = []
): Effect.Effect<ServiceUnderTest, never, Scope.Scope> =>
  Effect.gen(function*() {
    const words = [...prefix, "python3", script, JSON.stringify(spec), ...vknetd, ...argv]
    const manager = yield* startProcess(words, options)
    const lines = (word: string) =>
      manager.stdout().split("\n").flatMap((line) => line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : [])
    return {
      manager,
      told: () => lines("told"),
      pid: () => Number(lines("pid").at(-1)),
      gone: () => lines("gone"),
      waitFor: (line) =>
        manager.waitUntil(`told ${line}`, () => lines("told").find((told) => told.startsWith(line)), startMs),
      answered: Effect.map(manager.waitUntil("answered", () => lines("answered")[0], startMs), Number),
      waitForEnd: Effect.suspend(() => Effect.map(manager.waitForEnd(startMs), () => Number(lines("ended")[0])))
    }
  })
