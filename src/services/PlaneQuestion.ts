import type { Move } from "../domain/MoveLog.ts"
import * as MoveLog from "../domain/MoveLog.ts"
import * as Control from "../domain/PortControl.ts"
import { isOpen } from "../domain/Ports.ts"
import * as Stations from "../domain/Stations.ts"
import type { PortAction } from "./ControlAnswers.ts"
import * as Forwarder from "./Forwarder.ts"
import type { LiveSettings } from "./LiveSettings.ts"

/** What only the thread that runs the forwarding loop knows or may change. Plain data: it crosses threads. */
export type PlaneQuestion =
  | { readonly kind: "ports" }
  | { readonly kind: "stations" }
  | { readonly kind: "moves" }
  | { readonly kind: "change"; readonly port: number; readonly action: PortAction }
  | { readonly kind: "configure"; readonly settings: LiveSettings }

/** The reply to a question has its kind. */
export type PlaneReply =
  | {
    readonly kind: "ports"
    /** Stations over all ports, and moves so far. */
    readonly stations: number
    readonly moves: number
    readonly ports: ReadonlyArray<{
      readonly port: number
      readonly stations: number
      readonly isolated: boolean
      readonly pinned: boolean
    }>
  }
  | { readonly kind: "stations"; readonly stations: ReadonlyArray<KnownStation> }
  | { readonly kind: "moves"; readonly total: number; readonly moves: ReadonlyArray<Move> }
  /** `stations` became static or ordinary; -1: no guest has that port. */
  | { readonly kind: "change"; readonly stations: number }
  | { readonly kind: "configure" }

export interface KnownStation {
  readonly hi: number
  readonly lo: number
  readonly port: number
  readonly ageSeconds: number
  readonly static: boolean
}

/** Answers, between two turns of the loop. */
export const answer = (forwarder: Forwarder.Forwarder, question: PlaneQuestion): PlaneReply => {
  const { control, exchange, memory, ports } = forwarder
  const nowSeconds = Math.floor(exchange.nowMs / 1000)
  switch (question.kind) {
    case "ports":
      return {
        kind: "ports",
        stations: memory.stations.count,
        moves: memory.moves.total,
        ports: Array.from(ports.open.subarray(0, ports.openCount), (port) => ({
          port,
          stations: memory.stations.portCount[port]!,
          isolated: control.isolated[port] === 1,
          pinned: control.pinned[port] === 1
        }))
      }
    case "stations": {
      const stations: Array<KnownStation> = []
      Stations.forEach(memory, nowSeconds, (station) => stations.push(station))
      return { kind: "stations", stations }
    }
    case "moves":
      return { kind: "moves", total: memory.moves.total, moves: MoveLog.list(memory.moves, nowSeconds) }
    case "change":
      return { kind: "change", stations: change(forwarder, question.port, question.action) }
    case "configure":
      Forwarder.configure(forwarder, { ...forwarder.settings, ...question.settings })
      return { kind: "configure" }
  }
}

const change = (forwarder: Forwarder.Forwarder, port: number, action: PortAction): number => {
  const { control, memory, ports } = forwarder
  if (!Number.isInteger(port) || port < 1 || port >= control.isolated.length || !isOpen(ports, port)) return -1
  switch (action) {
    case "disconnect":
      Forwarder.closePort(forwarder, port)
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
