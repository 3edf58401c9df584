import * as Effect from "effect/Effect"
import { Column, type Counters, ROW, total } from "../domain/Counters.ts"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { reasonNames, refusalNames } from "../domain/Reason.ts"
import * as Views from "../services/ControlViews.ts"
import * as Directory from "../services/PortDirectory.ts"
import * as StationSurvey from "../services/StationSurvey.ts"
import type { RunningSwitch } from "../services/Switch.ts"

/**
 * What a switch is and what it has done so far, for the log: settings, the sums over all ports, each open port, the
 * refusals, and the stations; `null` for these if the forwarding thread does not answer in time. Secrets are not in it.
 */
export const stateOf = (running: RunningSwitch): Effect.Effect<Readonly<Record<string, unknown>>> =>
  Effect.map(StationSurvey.take(running), (survey) => {
    const { directory, live, plane: { counters }, request, socketPath } = running
    const { hashSeed: _secret, prefix, ...settings } = request
    const { ipv6, ...policy } = live.policy
    return {
      settings: {
        ...settings,
        ...live,
        policy: { ...policy, ...(ipv6 === undefined ? {} : { ipv6: Ipv6Prefixes.format(ipv6) }) },
        socketPath,
        ...(prefix === undefined ? {} : { prefix: Prefixes.format(prefix) })
      },
      tap: { state: directory.tap.state, name: directory.tap.name ?? null },
      total: figures((column) => total(counters, column)),
      ports: Directory.openPorts(directory).map((port) => {
        const { pid = null, uid = null } = directory.guests.get(port) ?? {}
        return { port, uid, pid, ...figures(rowOf(counters, port)) }
      }),
      closedPorts: figures(rowOf(counters, counters.rows - 1)),
      refused: Object.fromEntries(refusalNames.map((name, i) => [name, counters.refused[i]!])),
      stations: survey?.flatMap(Views.stations) ?? null
    }
  })

const rowOf = (counters: Counters, row: number) => (column: number): number => counters.values[row * ROW + column]!

const figures = (at: (column: number) => number): Readonly<Record<string, unknown>> => ({
  receivedFrames: at(Column.receivedFrames),
  receivedBytes: at(Column.receivedBytes),
  forwardedFrames: at(Column.forwardedFrames),
  sentFrames: at(Column.sentFrames),
  sentBytes: at(Column.sentBytes),
  denied: byReason(at, Column.denied),
  dropped: byReason(at, Column.dropped)
})

/** Only what is not zero. */
const byReason = (at: (column: number) => number, first: number): Readonly<Record<string, number>> =>
  Object.fromEntries(reasonNames.flatMap((name, i) => at(first + i) > 0 ? [[name, at(first + i)]] : []))
