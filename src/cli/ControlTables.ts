import type * as Answers from "../services/ControlAnswers.ts"
import { age } from "../services/Figures.ts"
import { cell, type Column, pairs, table } from "./Table.ts"

// Answers for people: the fields of the answer, in its order, under names that fit above a column.

const left = (name: string): Column => ({ name })
const right = (name: string): Column => ({ name, right: true })

/** `receivedFrames` as `received-frames`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

export const status = (answer: Answers.Status): string =>
  pairs(Object.entries(answer).map(([name, value]) => [words(name), cell(value)] as const))

const portColumns = [
  right("PORT"), left("KIND"), right("UID"), left("USER"), right("PID"), left("COMMAND"), left("STARTED"),
  right("AGE"), right("STATIONS"), right("RX-FRAMES"), right("RX-BYTES"), right("TX-FRAMES"), right("TX-BYTES"),
  right("DENIED"), right("DROPPED"), left("FLAGS"), left("REASONS")
]

export const ports = (answer: ReadonlyArray<Answers.Port>): string =>
  table(portColumns, answer.map((port) => [
    cell(port.port),
    port.kind,
    cell(port.uid),
    cell(port.user),
    cell(port.pid),
    cell(port.command),
    cell(port.started),
    age(port.ageSeconds),
    cell(port.stations),
    cell(port.receivedFrames),
    cell(port.receivedBytes),
    cell(port.sentFrames),
    cell(port.sentBytes),
    cell(port.deniedFrames),
    cell(port.droppedFrames),
    list(port.flags ?? []),
    list(port.reasons.map(({ frames, reason }) => `${reason}:${frames}`))
  ]))

const list = (words: ReadonlyArray<string>): string => words.length === 0 ? "-" : words.join(",")

export const stations = (answer: ReadonlyArray<Answers.Station>): string =>
  table(
    [right("PORT"), left("ADDRESS"), right("AGE"), left("STATIC")],
    answer.map((station) => [
      cell(station.port),
      station.address,
      age(station.ageSeconds),
      cell(station.static)
    ])
  )

/** What was lost; then, if there were any, the refused connections. */
export const drops = ({ drops, refusals }: Answers.Drops): string => {
  const frames = table(
    [right("PORT"), left("STAGE"), left("REASON"), right("FRAMES")],
    drops.map((drop) => [cell(drop.port ?? "closed"), drop.stage, drop.reason, cell(drop.frames)])
  )
  if (refusals.length === 0) return frames
  const connections = table(
    [left("REASON"), right("CONNECTIONS")],
    refusals.map((refusal) => [refusal.reason, cell(refusal.connections)])
  )
  return `${frames}\n${connections}`
}

export const moves = (answer: ReadonlyArray<Answers.Move>): string =>
  table(
    [left("ADDRESS"), right("FROM"), right("TO"), left("TIME"), right("COUNT")],
    answer.map((move) => [move.address, cell(move.from), cell(move.to), move.time, cell(move.count)])
  )

const done: Readonly<Record<Answers.PortAction, (stations: number) => string>> = {
  disconnect: () => "disconnected",
  pin: (stations) => `pinned, ${stations} static ${stations === 1 ? "station" : "stations"}`,
  unpin: () => "unpinned",
  isolate: () => "isolated from other guests",
  unisolate: () => "no longer isolated"
}

export const portChange = ({ action, port, stations }: Answers.PortChange): string =>
  `port ${port}: ${done[action](stations)}\n`

export const setting = ({ key, value }: Answers.Setting): string => `${key} ${value}\n`
