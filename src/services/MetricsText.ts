import { TAP_PORT } from "../domain/Bounds.ts"
import type { Counters } from "../domain/Counters.ts"
import { Column, ROW, steady } from "../domain/Counters.ts"
import { refusalNames } from "../domain/Reason.ts"
import { lostFrames } from "./ControlViews.ts"

/** What is measured besides the counters. */
export interface Gauges {
  readonly version: string
  readonly mode: "secure" | "bridge"
  readonly startedSeconds: number
  /** Open ports in their order. */
  readonly openPorts: ReadonlyArray<number>
  readonly guests: number
  readonly guestsMax: number
  /** Undefined without a host side. */
  readonly tapUp: boolean | undefined
  /** What the forwarding thread replied; undefined: it did not in time. */
  readonly plane: { readonly stations: number; readonly moves: number } | undefined
}

type Labels = Readonly<Record<string, string>>
type Samples = ReadonlyArray<readonly [labels: Labels, value: number]>

/**
 * Prometheus' text format, version 0.0.4. Never a station's address as a label: guests choose those, and as many as
 * they like. The counters of ports that have closed go on under `port="closed"`, and the tap's while it is lost, so
 * that sums do not fall.
 */
export const format = (counters: Counters, gauges: Gauges): string => {
  const lines: Array<string> = []
  const family = (name: string, type: "counter" | "gauge", help: string, samples: Samples): void => {
    lines.push(`# HELP vknetd_${name} ${help}`, `# TYPE vknetd_${name} ${type}`)
    for (const [labels, value] of samples) lines.push(`vknetd_${name}${spell(labels)} ${value}`)
  }
  const one = (value: number): Samples => [[{}, value]]
  const { guests, guestsMax, mode, openPorts, plane, startedSeconds, tapUp, version } = gauges

  family("build_info", "gauge", "What is running; always 1.", [[{ version, mode }, 1]])
  family("start_time_seconds", "gauge", "When the switch started, in seconds since 1970.", one(startedSeconds))
  family("answering", "gauge", "1 if the forwarding thread answered in time.", one(plane === undefined ? 0 : 1))
  if (tapUp !== undefined) family("tap_up", "gauge", "1 if the switch has its tap.", one(tapUp ? 1 : 0))
  family("guests", "gauge", "Guests connected.", one(guests))
  family("guests_limit", "gauge", "Guests that may be connected at once.", one(guestsMax))
  if (plane !== undefined) {
    family("stations", "gauge", "Stations known.", one(plane.stations))
    family("station_moves_total", "counter", "Stations that showed up at another port.", one(plane.moves))
  }

  const ports = tapUp === false ? [TAP_PORT, ...openPorts] : openPorts
  for (const [name, column, help] of portFamilies) {
    family(name, "counter", help, portSamples(counters, ports, column))
  }
  const lost = lostFrames(counters)
  const at = (where: "denied" | "dropped"): Samples =>
    lost.filter(({ stage }) => stage === where)
      .map(({ frames, port, reason }) => [{ port: portLabel(port), reason }, frames])
  family("port_denied_frames_total", "counter", "Frames that came from the port and go nowhere.", at("denied"))
  family("port_dropped_frames_total", "counter", "Frames that were to leave by the port and did not.", at("dropped"))
  family(
    "connections_refused_total",
    "counter",
    "Connections that were refused.",
    refusalNames.map((reason, i) => [{ reason }, counters.refused[i]!])
  )
  return `${lines.join("\n")}\n`
}

const portFamilies = [
  ["port_receive_frames_total", Column.receivedFrames, "Frames that came from the port."],
  ["port_receive_bytes_total", Column.receivedBytes, "Octets that came from the port."],
  ["port_forward_frames_total", Column.forwardedFrames, "Frames that came from the port and went on."],
  ["port_transmit_frames_total", Column.sentFrames, "Frames that left by the port."],
  ["port_transmit_bytes_total", Column.sentBytes, "Octets that left by the port."]
] as const

const portLabel = (port: number | null): string => port === null ? "closed" : String(port)

const portSamples = (counters: Counters, ports: ReadonlyArray<number>, column: number): Samples =>
  steady(counters, () => [
    ...ports.map((port) => [{ port: portLabel(port) }, counters.values[port * ROW + column]!] as const),
    [{ port: portLabel(null) }, counters.values[(counters.rows - 1) * ROW + column]!]
  ])

const spell = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`)
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`
}

const escape = (value: string): string => value.replace(/[\\"\n]/g, (c) => c === "\n" ? "\\n" : `\\${c}`)
