import type { Move } from "../domain/MoveLog.ts"
import * as MoveLog from "../domain/MoveLog.ts"
import * as Control from "../domain/PortControl.ts"
import { isOpen } from "../domain/Ports.ts"
import * as Stations from "../domain/Stations.ts"
import type { StationSlice } from "../domain/StationSlice.ts"
import * as StationSlices from "../domain/StationSlice.ts"
import * as Applied from "./AppliedSettings.ts"
import type { PortAction } from "./ControlAnswers.ts"
import type { Forwarder } from "./Forwarder.ts"
import type { LiveSettings } from "./LiveSettings.ts"
import * as PortLife from "./PortLife.ts"

/** What only the thread that runs the forwarding loop knows or may change. Plain data: it crosses threads. */
export type PlaneQuestion =
  | { readonly kind: "ports" }
  /** A slice of them; the first begins with 0. */
  | { readonly kind: "stations"; readonly from: number }
  | { readonly kind: "moves" }
  | { readonly kind: "change"; readonly port: number; readonly action: PortAction }
  | { readonly kind: "configure"; readonly settings: LiveSettings }

/** The reply to a question has its kind. Rows, where there may be many. */
export type PlaneReply =
  | {
    readonly kind: "ports"
    /** Stations over all ports, and moves so far. */
    readonly stations: number
    readonly moves: number
    /** Of the open ports, `PORT_FIELDS` integers each. */
    readonly rows: Int32Array
  }
  | ({ readonly kind: "stations" } & StationSlice)
  | { readonly kind: "moves"; readonly total: number; readonly moves: ReadonlyArray<Move> }
  /** `stations` became static or ordinary; -1: no guest has that port. */
  | { readonly kind: "change"; readonly stations: number }
  | { readonly kind: "configure" }

/** The integers of a port's row: 1 for a mark that it has. */
export const PortField = { port: 0, stations: 1, isolated: 2, pinned: 3 } as const
export const PORT_FIELDS = 4

/** Answers, between two turns of the loop: what could be long is asked for in slices, and numbers are no objects. */
export const answer = (forwarder: Forwarder, question: PlaneQuestion): PlaneReply => {
  const { exchange, memory } = forwarder
  const nowSeconds = Math.floor(exchange.nowMs / 1000)
  switch (question.kind) {
    case "ports":
      return {
        kind: "ports",
        stations: memory.stations.count,
        moves: memory.moves.total,
        rows: portRows(forwarder)
      }
    case "stations":
      return { kind: "stations", ...StationSlices.take(memory, question.from, nowSeconds) }
    case "moves":
      return { kind: "moves", total: memory.moves.total, moves: MoveLog.list(memory.moves, nowSeconds) }
    case "change":
      return { kind: "change", stations: change(forwarder, question.port, question.action) }
    case "configure":
      Applied.configure(forwarder, { ...forwarder.settings, ...question.settings })
      return { kind: "configure" }
  }
}

const portRows = ({ control, memory, ports }: Forwarder): Int32Array => {
  const rows = new Int32Array(ports.openCount * PORT_FIELDS)
  for (let k = 0; k < ports.openCount; k++) {
    const port = ports.open[k]!
    const at = k * PORT_FIELDS
    rows[at + PortField.port] = port
    rows[at + PortField.stations] = memory.stations.portCount[port]!
    rows[at + PortField.isolated] = control.isolated[port]!
    rows[at + PortField.pinned] = control.pinned[port]!
  }
  return rows
}

const change = (forwarder: Forwarder, port: number, action: PortAction): number => {
  const { control, memory, ports } = forwarder
  if (!Number.isInteger(port) || port < 1 || port >= control.isolated.length || !isOpen(ports, port)) return -1
  switch (action) {
    case "disconnect":
      PortLife.closePort(forwarder, port)
      return 0
    case "pin":
    case "unpin":
      control.pinned[port] = action === "pin" ? 1 : 0
      return Stations.pinPort(memory, port, action === "pin")
    case "isolate":
    case "unisolate":
      Control.isolate(control, port, action === "isolate")
      return 0
  }
}
