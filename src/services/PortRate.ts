import type * as Control from "./ControlAnswers.ts"

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
