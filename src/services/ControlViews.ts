import { TAP_PORT } from "../domain/Bounds.ts"
import type { Counters } from "../domain/Counters.ts"
import { Column, lostByAll, ROW, steady, total } from "../domain/Counters.ts"
import * as Mac from "../domain/MacAddress.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { STATION_FIELDS, StationField } from "../domain/StationSlice.ts"
import { REASON_COUNT, reasonNames, refusalNames } from "../domain/Reason.ts"
import type * as Control from "./ControlAnswers.ts"
import type { ControlTarget } from "./ControlTarget.ts"
import type { PeerProcesses } from "./PeerProcesses.ts"
import { PORT_FIELDS, PortField, type PlaneReply } from "./PlaneQuestion.ts"
import * as Directory from "./PortDirectory.ts"

// What is shown: made of counters in shared memory, of the directory, and of what the forwarding thread replied,
// if it did.

type PortsReply = Extract<PlaneReply, { kind: "ports" }>

const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000))

/** ISO 8601 in whole seconds. */
const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")

/** Frames lost by a port: `first` is `Column.denied` or `Column.dropped`. */
const lost = (counters: Counters, row: number, first: number): number => {
  let sum = 0
  for (let reason = 0; reason < REASON_COUNT; reason++) sum += counters.values[row * ROW + first + reason]!
  return sum
}

export const status = (target: ControlTarget["Type"], reply: PortsReply | undefined): Control.Status => {
  const { directory, live, plane: { counters }, request } = target.running
  return {
    version: target.version,
    pid: target.pid,
    started: time(target.startedMs),
    mode: request.secure ? "secure" : "bridge",
    address: request.prefix === undefined ? null : Prefixes.format(request.prefix),
    socket: target.running.socketPath,
    trunkSocket: request.trunk?.path ?? null,
    tap: directory.tap.name ?? null,
    tapState: directory.tap.state,
    tapMac: directory.tap.link === undefined ? null : Mac.format(directory.tap.link.mac),
    bridgeMac: directory.tap.bridgeMac === undefined ? null : Mac.format(directory.tap.bridgeMac),
    tapMtuBytes: directory.tap.link?.mtuBytes ?? null,
    guests: directory.guests.size,
    guestsMax: request.guestPorts,
    trunks: [...directory.guests.values()].filter(({ trunk }) => trunk).length,
    stations: reply?.stations ?? null,
    stationAgeSeconds: live.stationAgeSeconds,
    logLevel: target.log.level(),
    receivedFrames: total(counters, Column.receivedFrames),
    receivedBytes: total(counters, Column.receivedBytes),
    sentFrames: total(counters, Column.sentFrames),
    sentBytes: total(counters, Column.sentBytes),
    deniedFrames: lostByAll(counters, Column.denied),
    droppedFrames: lostByAll(counters, Column.dropped),
    refusedConnections: counters.refused.reduce((sum, count) => sum + count, 0),
    answered: reply !== undefined
  }
}

/** @param shown which of the open ports. */
export const ports = (
  { running }: ControlTarget["Type"],
  processes: PeerProcesses["Type"],
  reply: PortsReply | undefined,
  nowMs: number,
  shown: ReadonlyArray<number> = Directory.openPorts(running.directory)
): ReadonlyArray<Control.Port> => {
  const { directory, plane: { counters } } = running
  const known = new Map<number, number>()
  const rows = reply?.rows ?? new Int32Array()
  for (let at = 0; at < rows.length; at += PORT_FIELDS) known.set(rows[at + PortField.port]!, at)
  return shown.map((port) => {
    const resident = directory.guests.get(port)
    const at = (column: number) => counters.values[port * ROW + column]!
    const row = known.get(port)
    const told = (field: number) => row === undefined ? 0 : rows[row + field]!
    const openedMs = resident?.openedMs ?? directory.tap.sinceMs
    return {
      port,
      kind: port === TAP_PORT ? "tap" : resident?.trunk === true ? "trunk" : "guest",
      uid: resident?.uid ?? null,
      user: resident === undefined ? null : processes.userName(resident.uid) ?? null,
      pid: resident === undefined || resident.pid === 0 ? null : resident.pid,
      command: resident?.process === undefined ? null : processes.command(resident.process) ?? null,
      started: resident?.process?.startedMs === undefined ? null : time(resident.process.startedMs),
      ageSeconds: seconds(nowMs - openedMs),
      stations: row === undefined ? null : told(PortField.stations),
      receivedFrames: at(Column.receivedFrames),
      receivedBytes: at(Column.receivedBytes),
      sentFrames: at(Column.sentFrames),
      sentBytes: at(Column.sentBytes),
      deniedFrames: lost(counters, port, Column.denied),
      droppedFrames: lost(counters, port, Column.dropped),
      flags: reply === undefined ? null : flagsOf(told(PortField.isolated), told(PortField.pinned)),
      reasons: reasonNames.flatMap((reason, i) => {
        const frames = at(Column.denied + i) + at(Column.dropped + i)
        return frames > 0 ? [{ reason, frames }] : []
      })
    }
  })
}

const flagsOf = (isolated: number, pinned: number): ReadonlyArray<"isolated" | "pinned"> => [
  ...(isolated === 1 ? ["isolated" as const] : []),
  ...(pinned === 1 ? ["pinned" as const] : [])
]

/** Of a piece of `StationSlice`'s `byPort`: port by port, the latest heard first, those heard together by address. */
export const stations = (rows: Int32Array): ReadonlyArray<Control.Station> => {
  const found: Array<Control.Station> = []
  for (let at = 0; at < rows.length; at += STATION_FIELDS) {
    found.push({
      port: rows[at + StationField.port]!,
      address: Mac.format({ hi: rows[at + StationField.hi]!, lo: rows[at + StationField.lo]! }),
      ageSeconds: rows[at + StationField.ageSeconds]!,
      static: rows[at + StationField.pinned] === 1
    })
  }
  return found.sort((a, b) =>
    a.port - b.port || a.ageSeconds - b.ageSeconds || (a.address < b.address ? -1 : 1))
}

const stages = [["denied", Column.denied], ["dropped", Column.dropped]] as const

/** Everything that was lost, port by port; null is the sum of closed ports. */
export const lostFrames = (counters: Counters): ReadonlyArray<Control.Drop> =>
  steady(counters, () => {
    const found: Array<Control.Drop> = []
    for (let row = 0; row < counters.rows; row++) {
      for (const [stage, first] of stages) {
        for (let i = 0; i < REASON_COUNT; i++) {
          const frames = counters.values[row * ROW + first + i]!
          if (frames === 0) continue
          found.push({ port: row === counters.rows - 1 ? null : row, stage, reason: reasonNames[i]!, frames })
        }
      }
    }
    return found
  })

export const drops = (counters: Counters): Control.Drops => ({
  drops: lostFrames(counters),
  refusals: refusalNames.flatMap((reason, i) => {
    const connections = counters.refused[i]!
    return connections > 0 ? [{ reason, connections }] : []
  })
})

export const moves = (reply: Extract<PlaneReply, { kind: "moves" }>, nowMs: number): Control.Moves => ({
  total: reply.total,
  moves: reply.moves.map((move) => ({
    address: Mac.format(move),
    from: move.from,
    to: move.to,
    time: time(nowMs - move.ageSeconds * 1000),
    count: move.count
  }))
})
