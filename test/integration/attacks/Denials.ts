import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Drops } from "../../../src/services/ControlAnswers.ts"
import * as Control from "../../../src/services/ControlSchema.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import { succeed } from "../guests/HostProcess.ts"
import { vknetd } from "../guests/SwitchUnderTest.ts"

/** How many frames, by the name of the reason. */
export type ReasonCounts = Readonly<Record<string, number>>

/** What a command of an operator's prints with `--json`. */
const asked = <A, I>(
  command: string,
  socketPath: string,
  schema: Schema.Schema<A, I>
): Effect.Effect<A, HostProcessError> =>
  Effect.map(
    succeed([...vknetd, command, "-p", socketPath, "--json"]),
    Schema.decodeUnknownSync(Schema.parseJson(schema))
  )

const sums = (drops: Drops["drops"]): ReasonCounts => {
  const counts: Record<string, number> = {}
  for (const { frames, reason } of drops) counts[reason] = (counts[reason] ?? 0) + frames
  return counts
}

/** The ports that are open now, the tap's included. */
export const openPorts = (socketPath: string): Effect.Effect<ReadonlyArray<number>, HostProcessError> =>
  Effect.map(asked("ports", socketPath, Control.Ports.fields.ports), (ports) => ports.map(({ port }) => port))

/** Frames that the switch has denied to ports that are open. */
export interface Denials {
  readonly attacker: ReasonCounts
  readonly honest: ReasonCounts
}

/** What `vknetd drops` tells. @param honestPorts those of everybody else. */
export const denialsOf = (
  socketPath: string,
  honestPorts: ReadonlyArray<number>
): Effect.Effect<Denials, HostProcessError> =>
  Effect.map(asked("drops", socketPath, Control.Drops), ({ drops }) => {
    const denied = drops.filter(({ stage }) => stage === "denied")
    const of = (isWanted: (port: number) => boolean) =>
      sums(denied.filter(({ port }) => port !== null && isWanted(port)))
    return {
      attacker: of((port) => !honestPorts.includes(port)),
      honest: of((port) => honestPorts.includes(port))
    }
  })

/** All that the switch has lost since it started: what its guests sent, and what was to be sent to them. */
export const allLosses = (
  socketPath: string
): Effect.Effect<Readonly<Record<"denied" | "dropped", ReasonCounts>>, HostProcessError> =>
  Effect.map(asked("drops", socketPath, Control.Drops), ({ drops }) => ({
    denied: sums(drops.filter(({ stage }) => stage === "denied")),
    dropped: sums(drops.filter(({ stage }) => stage === "dropped"))
  }))

/** Counts in words: `ARP_SPA_HOST 63`. */
export const told = (counts: ReasonCounts): string =>
  Object.entries(counts).map(([reason, frames]) => `${reason} ${frames}`).join(", ") || "nothing"
