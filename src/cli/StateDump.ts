import { Column, type Counters, ROW, total } from "../domain/Counters.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { reasonNames, refusalNames } from "../domain/Reason.ts"
import type { RunningSwitch } from "../services/Switch.ts"

/**
 * What a switch is and what it has done so far, for the log: settings, the sums over all ports, each port that was
 * ever used since its last guest came, and the refusals. Plain data that needs no answer from the forwarding
 * thread, so that it can be had when that is stuck. Secrets are not in it.
 */
export const stateOf = ({ plane, request, tap }: RunningSwitch): Readonly<Record<string, unknown>> => {
  const { counters } = plane
  const { hashSeed: _secret, prefix, ...settings } = request
  return {
    settings: { ...settings, ...(prefix === undefined ? {} : { prefix: Prefixes.format(prefix) }) },
    tap: tap === undefined ? null : { name: tap.interfaceName, mtuBytes: tap.mtuBytes },
    total: figures((column) => total(counters, column)),
    ports: portsOf(counters),
    closedPorts: figures((column) => counters.values[(counters.rows - 1) * ROW + column]!),
    refused: Object.fromEntries(refusalNames.map((name, i) => [name, counters.refused[i]!]))
  }
}

const portsOf = (counters: Counters): Array<Readonly<Record<string, unknown>>> => {
  const ports: Array<Readonly<Record<string, unknown>>> = []
  for (let port = 0; port < counters.rows - 1; port++) {
    const at = (column: number) => counters.values[port * ROW + column]!
    if (at(Column.receivedFrames) + at(Column.offeredFrames) > 0) ports.push({ port, ...figures(at) })
  }
  return ports
}

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
