import { age, scaled } from "../../../services/Figures.ts"
import type { Look } from "../../../services/LookSchema.ts"
import { html, setAttribute, setText } from "./Element.ts"

const bitsPerByte = 8

const makePair = (list: HTMLElement, name: string) => {
  const value = html("dd")
  list.append(html("div", { children: [html("dt", { text: name }), value] }))
  return value
}

/** The figures of the whole switch. */
export const makeTotals = (list: HTMLElement) => {
  const [frames, bits] = [makePair(list, "Frames"), makePair(list, "Bits")]
  const [lost, guests, stations] = [makePair(list, "Lost"), makePair(list, "Guests"), makePair(list, "Stations")]
  const up = makePair(list, "Up")
  let before: Look | undefined
  return (look: Look): void => {
    const { status } = look
    const old = before ?? look
    before = look
    const elapsedSeconds = Math.max(0.001, (look.timeMs - old.timeMs) / 1000)
    const rate = (of: (status: Look["status"]) => number) =>
      Math.max(0, Math.round((of(status) - of(old.status)) / elapsedSeconds))
    const lostFrames = rate((of) => of.deniedFrames + of.droppedFrames)
    setText(frames, `${scaled(rate((of) => of.receivedFrames))}/s`)
    setText(bits, `${scaled(rate((of) => of.receivedBytes * bitsPerByte))}/s`)
    setText(lost, `${scaled(lostFrames)}/s`)
    setAttribute(lost, "data-trouble", lostFrames > 0 ? "yes" : undefined)
    setText(guests, `${status.guests.toLocaleString("en")} of ${status.guestsMax.toLocaleString("en")}`)
    setText(stations, status.stations === null ? "?" : status.stations.toLocaleString("en"))
    setText(up, age(look.upSeconds))
  }
}
