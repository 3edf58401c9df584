import type { Port } from "../../../services/ControlAnswers.ts"
import { age, scaled } from "../../../services/Figures.ts"
import type { Look } from "../../../services/LookSchema.ts"
import { arrange, html, setAttribute, setText, svg } from "./Element.ts"
import { type PortHistory, points } from "./RateHistory.ts"
import { sparkline } from "./Sparkline.ts"
import { isInTrouble } from "./SwitchDrawing.ts"
import { nameOf, ownerOf } from "./Wording.ts"

const plotShape = { points, width: 96, height: 22, least: 10 } as const

/** A figure and how it came about. */
interface Plot {
  readonly cell: HTMLTableCellElement
  readonly show: (values: ReadonlyArray<number>, note: string) => void
}

/** @param title what stands over the column, where a narrow screen has no columns. */
const makeCell = (title: string, children: ReadonlyArray<Node> = []): HTMLTableCellElement =>
  html("td", { attributes: { role: "cell", "data-title": title }, children })

const makePlot = (title: string, kind: "in" | "out" | "lost"): Plot => {
  const area = svg("path", { attributes: { class: "area" } })
  const line = svg("path", { attributes: { class: "line" } })
  const { height, width } = plotShape
  const canvas = svg("svg", {
    attributes: { class: `plot plot-${kind}`, "aria-hidden": "true", viewBox: `0 -2 ${width} ${height + 3}` },
    children: [svg("path", { attributes: { class: "base", d: `M0 ${height}H${width}` } }), area, line]
  })
  const figure = html("span", { attributes: { class: "figure" } })
  const small = html("span", { attributes: { class: "small" } })
  return {
    cell: makeCell(title, [html("div", { attributes: { class: "plotted" }, children: [canvas, figure, small] })]),
    show: (values, note) => {
      const path = sparkline(values, plotShape)
      setAttribute(line, "d", path.line)
      setAttribute(area, "d", path.area)
      setAttribute(canvas, "data-still", values.every((value) => value === 0) ? "yes" : undefined)
      setText(figure, scaled(values.at(-1) ?? 0))
      setText(small, note)
    }
  }
}

interface Row {
  readonly row: HTMLTableRowElement
  readonly show: (port: Port, history: PortHistory | undefined, tap: string | null) => void
}

const makeRow = (number: number, capture: (port: number) => void): Row => {
  const name = html("strong")
  const owner = html("span", { attributes: { class: "small" } })
  const chips = html("span", { attributes: { class: "chips" } })
  const head = html("th", { attributes: { role: "rowheader", scope: "row" }, text: String(number) })
  const [aged, stations] = [makeCell("Age"), makeCell("Stations")]
  const plots = {
    received: makePlot("From it, frames/s", "in"),
    sent: makePlot("To it, frames/s", "out"),
    lost: makePlot("Lost, frames/s", "lost")
  }
  const button = html("a", {
    attributes: { href: "#capture", "aria-label": `Capture port ${number}` },
    text: "Capture"
  })
  button.addEventListener("click", () => capture(number))
  const row = html("tr", {
    attributes: { role: "row", "data-port": String(number) },
    children: [
      head, makeCell("Who", [name, owner, chips]), aged, stations, plots.received.cell, plots.sent.cell,
      plots.lost.cell, makeCell("Capture", [button])
    ]
  })
  return {
    row,
    show: (port, history, tap) => {
      setText(name, nameOf(port))
      setText(owner, ownerOf(port, tap))
      setText(chips, [...(port.kind === "trunk" ? ["trunk"] : []), ...(port.flags ?? [])].join(" "))
      setText(aged, age(port.ageSeconds))
      setText(stations, port.stations === null ? "?" : String(port.stations))
      plots.received.show(history?.received ?? [], `${scaled(history?.rate.receivedBitsPerSecond ?? 0)}bit/s`)
      plots.sent.show(history?.sent ?? [], `${scaled(history?.rate.sentBitsPerSecond ?? 0)}bit/s`)
      const lost = port.deniedFrames + port.droppedFrames
      plots.lost.show(history?.lost ?? [], lost === 0 ? "none so far" : `${scaled(lost)} so far`)
      setAttribute(row, "data-trouble", isInTrouble(history) ? "yes" : undefined)
    }
  }
}

/** @param capture called with the port whose capture is asked for. */
export const makePortTable = (body: HTMLElement, capture: (port: number) => void) => {
  const rows = new Map<number, Row>()
  return (look: Look, histories: ReadonlyMap<number, PortHistory>): void => {
    const shown = look.ports.map((port) => {
      const row = rows.get(port.port) ?? makeRow(port.port, capture)
      rows.set(port.port, row)
      row.show(port, histories.get(port.port), look.status.tap)
      return row.row
    })
    const numbers = new Set(look.ports.map(({ port }) => port))
    for (const port of rows.keys()) if (!numbers.has(port)) rows.delete(port)
    arrange(body, shown)
  }
}
