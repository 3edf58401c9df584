import type * as Control from "../services/ControlSchema.ts"
import { cell, table } from "./Table.ts"

/** What one port does in a second. */
export interface Rate {
  readonly port: number
  readonly user: string | null
  readonly command: string | null
  readonly receivedFramesPerSecond: number
  readonly receivedBitsPerSecond: number
  readonly sentFramesPerSecond: number
  readonly sentBitsPerSecond: number
  /** Denied and dropped. */
  readonly lostFramesPerSecond: number
}

interface Sample {
  readonly timeMs: number
  readonly ports: ReadonlyArray<Control.Port>
}

const bitsPerByte = 8

/**
 * The rates between two samples, the busiest port first. A port that was not there in the first, or has another guest
 * since, counts from nothing.
 */
export const rates = (before: Sample, after: Sample): ReadonlyArray<Rate> => {
  const old = new Map(before.ports.map((port) => [port.port, port] as const))
  const elapsedSeconds = Math.max(0.001, (after.timeMs - before.timeMs) / 1000)
  return after.ports
    .map((port): Rate => {
      const found = old.get(port.port)
      const earlier = found !== undefined && found.pid === port.pid && found.receivedFrames <= port.receivedFrames
        ? found
        : undefined
      const perSecond = (of: (port: Control.Port) => number) =>
        before === after ? 0 : Math.round((of(port) - (earlier === undefined ? 0 : of(earlier))) / elapsedSeconds)
      return {
        port: port.port,
        user: port.user,
        command: port.command ?? (port.kind === "tap" ? "(tap)" : null),
        receivedFramesPerSecond: perSecond((port) => port.receivedFrames),
        receivedBitsPerSecond: perSecond((port) => port.receivedBytes * bitsPerByte),
        sentFramesPerSecond: perSecond((port) => port.sentFrames),
        sentBitsPerSecond: perSecond((port) => port.sentBytes * bitsPerByte),
        lostFramesPerSecond: perSecond((port) => port.deniedFrames + port.droppedFrames)
      }
    })
    .sort((a, b) => weight(b) - weight(a) || a.port - b.port)
}

const weight = (rate: Rate): number => rate.receivedBitsPerSecond + rate.sentBitsPerSecond

/** `950`, `12.3k`, `4.56G`: three digits that matter. */
export const scaled = (value: number): string => {
  if (value < 1000) return String(value)
  let scale = value
  let unit = ""
  for (const next of ["k", "M", "G", "T"]) {
    if (scale < 999.5) break
    scale /= 1000
    unit = next
  }
  return `${scale.toFixed(scale < 9.995 ? 2 : scale < 99.95 ? 1 : 0)}${unit}`
}

export const topTable = (rows: ReadonlyArray<Rate>): string =>
  table(
    [
      { name: "PORT", right: true },
      { name: "USER" },
      { name: "COMMAND" },
      { name: "RX-FRAMES/s", right: true },
      { name: "RX-BIT/s", right: true },
      { name: "TX-FRAMES/s", right: true },
      { name: "TX-BIT/s", right: true },
      { name: "LOST/s", right: true }
    ],
    rows.map((rate) => [
      cell(rate.port),
      cell(rate.user),
      cell(rate.command),
      scaled(rate.receivedFramesPerSecond),
      scaled(rate.receivedBitsPerSecond),
      scaled(rate.sentFramesPerSecond),
      scaled(rate.sentBitsPerSecond),
      scaled(rate.lostFramesPerSecond)
    ])
  )
