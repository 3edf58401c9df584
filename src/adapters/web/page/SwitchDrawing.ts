import type { Port } from "../../../services/ControlAnswers.ts"
import type { Look } from "../../../services/LookSchema.ts"
import * as Layout from "./DrawingLayout.ts"
import { arrange, setAttribute, setText, svg } from "./Element.ts"
import type { PortHistory } from "./RateHistory.ts"
import { nameOf, ownerOf, perSecond, plural } from "./Wording.ts"

/** What is drawn of one port. */
interface PortPicture {
  readonly group: SVGGElement
  readonly box: SVGRectElement
  readonly name: SVGTextElement
  readonly owner: SVGTextElement
  /** What is lost; or else what flows from the port, and to it. */
  readonly state: SVGTextElement
  readonly flows: readonly [from: SVGTSpanElement, to: SVGTSpanElement]
  readonly mark: SVGGElement
  readonly received: SVGLineElement
  readonly sent: SVGLineElement
  readonly jack: SVGGElement
}

/** Half the distance between the two lines of a link. */
const apart = 7
const padding = 10
/** Above and beside what is drawn: half a mark. */
const margin = 12

/** Writes as much of a text as its box has room for. */
const fit = (into: SVGTextElement, full: string, boxWidth: number): void => {
  const key = `${boxWidth} ${full}`
  if (into.dataset["fitted"] === key) return
  into.dataset["fitted"] = key
  const letters = [...full]
  into.textContent = full
  while (letters.length > 1 && into.getComputedTextLength() > boxWidth - 2 * padding) {
    letters.pop()
    into.textContent = `${letters.join("")}…`
  }
}

/** An octagon, as on roads: what is stopped is told by shape as well as by colour. */
const octagon = "M-4-10H4L10-4V4L4 10H-4L-10 4V-4Z"

const makePicture = (): PortPicture => {
  const text = (name: string, y: number) =>
    svg("text", { attributes: { class: name, x: String(padding), y: String(y) } })
  const box = svg("rect", { attributes: { class: "box", rx: "9" } })
  const mark = svg("g", {
    attributes: { class: "mark" },
    children: [
      svg("path", { attributes: { d: octagon } }),
      svg("text", { attributes: { "text-anchor": "middle", y: "4.5" }, text: "!" })
    ]
  })
  const [name, owner, state] = [text("name", 20), text("owner", 38), text("state", 56)]
  const flows = [
    svg("tspan", { attributes: { class: "from" } }),
    svg("tspan", { attributes: { class: "to", dx: "5" } })
  ] as const
  state.append(...flows)
  const [received, sent] = [svg("line"), svg("line")]
  const jack = svg("g", {
    attributes: { class: "jack" },
    children: [
      svg("rect", { attributes: { x: "-15", y: "3", width: "30", height: "16", rx: "4" } }),
      svg("text", { attributes: { "text-anchor": "middle", y: "15" } })
    ]
  })
  const parts = [received, sent, box, name, owner, state, mark, jack]
  const group = svg("g", { attributes: { class: "port" }, children: parts })
  return { group, box, name, owner, state, flows, mark, received, sent, jack }
}

/** A port that has just lost something is shown so for a while: a flicker says nothing. */
const troubleLooks = 4

export const isInTrouble = (history: PortHistory | undefined): boolean =>
  history?.lost.slice(-troubleLooks).some((value) => value > 0) ?? false

/** @param below its rail; the arrows go as the lines do. */
const stateTexts = (history: PortHistory | undefined, below: boolean): readonly [from: string, to: string] => {
  if (history === undefined) return ["", ""]
  const { receivedFramesPerSecond: from, sentFramesPerSecond: to } = history.rate
  const lost = Math.max(...history.lost.slice(-troubleLooks))
  if (lost > 0) return [`${perSecond(lost)} lost`, ""]
  const [away, here] = below ? ["↑", "↓"] : ["↓", "↑"]
  return from + to === 0 ? ["quiet", ""] : [`${away}${perSecond(from)}`, `${here}${perSecond(to)}`]
}

const place = (
  picture: PortPicture,
  { linkX, railY, x, y }: { readonly x: number; readonly y: number; readonly railY: number; readonly linkX?: number },
  { boxHeight, boxWidth }: Layout.DrawingLayout
): void => {
  const below = y > railY
  setAttribute(picture.box, "width", String(boxWidth))
  setAttribute(picture.box, "height", String(boxHeight))
  setAttribute(picture.mark, "transform", `translate(${boxWidth - 4} 4)`)
  setAttribute(picture.group, "transform", `translate(${x} ${y})`)
  const [nearY, farY] = below ? [0, railY + Layout.railHeight - y] : [boxHeight, railY - y]
  const middle = linkX ?? boxWidth / 2
  // Each line goes the way its frames go, and so do its dashes.
  const lines = [[picture.received, middle - apart, nearY, farY], [picture.sent, middle + apart, farY, nearY]] as const
  for (const [line, at, fromY, toY] of lines) {
    for (const [name, value] of [["x1", at], ["x2", at], ["y1", fromY], ["y2", toY]] as const) {
      setAttribute(line, name, String(value))
    }
  }
  setAttribute(picture.jack, "transform", `translate(${middle} ${railY - y})`)
}

const describe = (
  picture: PortPicture,
  port: Port,
  history: PortHistory | undefined,
  { boxWidth, tap }: { readonly boxWidth: number; readonly tap: string | null }
): void => {
  const trouble = isInTrouble(history)
  fit(picture.name, nameOf(port), boxWidth)
  fit(picture.owner, ownerOf(port, tap), boxWidth)
  const texts = stateTexts(history, port.kind === "tap")
  picture.flows.forEach((flow, i) => setText(flow, texts[i]!))
  setText(picture.jack.lastElementChild!, String(port.port))
  setAttribute(picture.group, "data-port", String(port.port))
  setAttribute(picture.group, "data-trouble", trouble ? "yes" : undefined)
  const rate = history?.rate
  const flows = [
    [picture.received, "link link-in", rate?.receivedFramesPerSecond ?? 0],
    [picture.sent, "link link-out", rate?.sentFramesPerSecond ?? 0]
  ] as const
  for (const [line, name, framesPerSecond] of flows) {
    setAttribute(line, "class", name)
    setAttribute(line, "data-flow", Layout.flowOf(framesPerSecond))
    setAttribute(line, "stroke-width", Layout.linkWidth(framesPerSecond).toFixed(1))
  }
}

/** Draws the switch into an element, as wide as that is; what is drawn is told by the tables, too. */
export const makeDrawing = (parent: HTMLElement) => {
  const rails = svg("g", { attributes: { class: "rails" } })
  const ports = svg("g")
  const canvas = svg("svg", { attributes: { role: "img", "aria-label": "The switch" }, children: [rails, ports] })
  parent.append(canvas)
  const pictures = new Map<number, PortPicture>()

  const drawRails = ({ rails: all }: Layout.DrawingLayout): void => {
    const rail = (x: number, y: number, width: number, height: number) =>
      svg("rect", {
        attributes: { x: String(x), y: String(y), width: String(width), height: String(height), rx: "6" }
      })
    const [first, last] = [all[0]!, all.at(-1)!]
    const back = all.length > 1 ? [rail(0, first.y, 12, last.y + Layout.railHeight - first.y)] : []
    rails.replaceChildren(...back, ...all.map(({ fromX, toX, y }) => rail(fromX, y, toX - fromX, Layout.railHeight)))
  }

  return (look: Look, histories: ReadonlyMap<number, PortHistory>): void => {
    const guests = look.ports.filter(({ kind }) => kind !== "tap")
    const host = look.ports.find(({ kind }) => kind === "tap")
    const layout = Layout.layOut(parent.clientWidth - margin, guests.length, host !== undefined)
    setAttribute(canvas, "class", layout.isDense ? "dense" : undefined)
    const key = `0 ${-margin} ${layout.width + margin} ${layout.height + margin + 2}`
    if (canvas.getAttribute("viewBox") !== key) {
      setAttribute(canvas, "viewBox", key)
      setAttribute(canvas, "width", String(layout.width + margin))
      setAttribute(canvas, "height", String(layout.height + margin + 2))
      drawRails(layout)
    }
    const shown = [...guests, ...(host === undefined ? [] : [host])]
    const drawn = shown.map((port, i) => {
      const picture = pictures.get(port.port) ?? makePicture()
      pictures.set(port.port, picture)
      const at = port === host ? layout.host! : layout.guests[i]!
      place(picture, at, layout)
      return picture.group
    })
    const numbers = new Set(shown.map(({ port }) => port))
    for (const port of pictures.keys()) if (!numbers.has(port)) pictures.delete(port)
    arrange(ports, drawn)
    // Only what is drawn can be measured.
    const within = { boxWidth: layout.boxWidth, tap: look.status.tap }
    for (const port of shown) describe(pictures.get(port.port)!, port, histories.get(port.port), within)
    const trouble = shown.filter(({ port }) => isInTrouble(histories.get(port))).map(({ port }) => port)
    setAttribute(
      canvas,
      "aria-label",
      `The switch with ${plural(guests.length, "guest")} and ${host === undefined ? "no host side" : "the host"}; `
        + (trouble.length === 0 ? "nothing is lost" : `frames are lost at port ${trouble.join(", ")}`)
    )
  }
}
