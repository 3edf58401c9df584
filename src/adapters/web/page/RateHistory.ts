import { type Rate, rates } from "../../../services/PortRate.ts"
import type { Look } from "../../../services/LookSchema.ts"

/** What a port did lately, the oldest first. */
export interface PortHistory {
  readonly rate: Rate
  readonly received: ReadonlyArray<number>
  readonly sent: ReadonlyArray<number>
  readonly lost: ReadonlyArray<number>
}

/** Points of a plot: a minute. */
export const points = 120

/** Rates from one look to the next, by port. A port that has another guest has another history. */
export const makeHistory = (): (look: Look) => ReadonlyMap<number, PortHistory> => {
  let before: Look | undefined
  let histories: ReadonlyMap<number, PortHistory> = new Map()
  return (look) => {
    const guestBefore = new Map(before?.ports.map((port) => [port.port, guestOf(port)]))
    const guestNow = new Map(look.ports.map((port) => [port.port, guestOf(port)]))
    histories = new Map(rates(before ?? look, look).map((rate) => {
      const same = guestBefore.get(rate.port) === guestNow.get(rate.port)
      const old = same ? histories.get(rate.port) : undefined
      const longer = (series: ReadonlyArray<number> | undefined, value: number) =>
        [...(series ?? []), value].slice(-points)
      return [rate.port, {
        rate,
        received: longer(old?.received, rate.receivedFramesPerSecond),
        sent: longer(old?.sent, rate.sentFramesPerSecond),
        lost: longer(old?.lost, rate.lostFramesPerSecond)
      }]
    }))
    before = look
    return histories
  }
}

const guestOf = ({ kind, pid, started }: Look["ports"][number]): string => `${kind} ${pid} ${started}`
