import type { Station } from "../../../services/ControlAnswers.ts"
import { age } from "../../../services/Figures.ts"
import type { StationSearch } from "../../../services/LookSchema.ts"
import { arrange, html, setText } from "./Element.ts"
import { plural } from "./Wording.ts"

const titles = ["Address", "Port", "Silent for", "Static"] as const

const makeRow = () => {
  const head = html("th", { attributes: { role: "rowheader", scope: "row" } })
  const cells = titles.slice(1).map((title) => html("td", { attributes: { role: "cell", "data-title": title } }))
  const row = html("tr", { attributes: { role: "row" }, children: [head, ...cells] })
  const show = ({ address, ageSeconds, port, static: isStatic }: Station): void => {
    const texts = [address, String(port), age(ageSeconds), isStatic ? "yes" : "no"]
    for (const [i, cell] of [head, ...cells].entries()) setText(cell, texts[i]!)
  }
  return { row, show }
}

const words = ({ answered, found, stations, total }: StationSearch, match: string): string => {
  if (!answered) return "The forwarding thread does not answer."
  const all = `${plural(total, "station")} known`
  const some = match === "" ? all : `${found.toLocaleString("en")} of ${all}`
  return stations.length < found ? `${some}; the first ${stations.length} are shown` : some
}

/** Shows what was found, or that nothing is known. */
export const makeStationTable = (body: HTMLElement, summary: HTMLElement) => {
  const rows: Array<ReturnType<typeof makeRow>> = []
  return (search: StationSearch, match: string): void => {
    search.stations.forEach((station, i) => {
      const row = rows[i] ?? makeRow()
      rows[i] = row
      row.show(station)
    })
    rows.length = search.stations.length
    arrange(body, rows.map(({ row }) => row))
    setText(summary, words(search, match))
  }
}
