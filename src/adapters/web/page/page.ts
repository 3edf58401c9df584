import type { Look, StationSearch } from "../../../services/LookSchema.ts"
import { makeCaptureLine } from "./CaptureLine.ts"
import { makeDenialList } from "./DenialList.ts"
import { byId, setAttribute, setText } from "./Element.ts"
import { readLooks, type ReaderState } from "./LookReader.ts"
import { makePortTable } from "./PortTable.ts"
import { makeHistory } from "./RateHistory.ts"
import { makeStationTable } from "./StationTable.ts"
import { makeDrawing } from "./SwitchDrawing.ts"
import { makeTotals } from "./Totals.ts"
import { nameOf, plural } from "./Wording.ts"

/*
 * The page: what the switch tells twice a second, shown. Nothing of what is shown is ever taken for HTML: names of
 * processes are chosen by whoever runs them.
 */

const history = makeHistory()
const names = new Map<number, string>()
const capture = makeCaptureLine()
const draw = makeDrawing(byId("drawing"))
const showTotals = makeTotals(byId("totals"))
const showPorts = makePortTable(byId("port-rows"), (port) => setTimeout(() => capture.choose(port)))
const showDenials = makeDenialList(
  byId("denial-list"),
  byId("denials-none"),
  byId("spoken"),
  (port) => names.get(port)
)
const showStations = makeStationTable(byId("station-rows"), byId("stations-words"))
let lastLook: { readonly look: Look; readonly histories: ReturnType<typeof history> } | undefined

const portsWords = ({ ports, portsOpen, status }: Look): string => {
  const guests = ports.filter(({ kind }) => kind !== "tap").length
  if (portsOpen === 0) return `No guest is connected. They connect to ${status.socket}.`
  return guests < portsOpen ? `The ${guests} busiest of ${plural(portsOpen, "port")}` : ""
}

const stateWords = ({ status }: Look): readonly [state: string, words: string] => {
  if (!status.answered) return ["trouble", "The forwarding thread does not answer"]
  if (status.tapState === "lost") return ["trouble", "The tap is lost"]
  return ["live", "Live"]
}

const setState = (state: string, words: string): void => {
  setAttribute(byId("state"), "data-state", state)
  setText(byId("state"), words)
}

const see = (look: Look): void => {
  const { status } = look
  for (const port of look.ports) names.set(port.port, nameOf(port))
  const histories = history(look)
  lastLook = { look, histories }
  const address = status.address === null ? "" : ` ${status.address}`
  setText(byId("what"), `${status.mode === "secure" ? "Secure" : "Pure bridge"}${address}`)
  setState(...stateWords(look))
  const words = portsWords(look)
  setText(byId("ports-words"), words)
  setText(byId("switch-words"), words)
  const started = new Date(status.started).toLocaleString()
  setText(byId("about"), `vknetd ${status.version}, process ${status.pid}, on ${status.socket} since ${started}.`)
  showTotals(look)
  draw(look, histories)
  showDenials(look)
  showPorts(look, histories)
  capture.update(look)
}

const stateTold: Readonly<Record<Exclude<ReaderState, "live">, string>> = {
  connecting: "Connecting",
  lost: "The switch does not answer; trying again",
  token: "A token is needed"
}

const form = byId<HTMLFormElement>("token-form")
const token = byId<HTMLInputElement>("token")

const reader = readLooks(see, (state, wrong) => {
  const closed = state === "token"
  if (closed !== !form.hidden) {
    form.hidden = !closed
    byId("main").hidden = closed
    if (closed) token.focus()
  }
  if (closed) setText(byId("token-wrong"), wrong ? "That is not the token." : "")
  if (state !== "live") setState(state, stateTold[state])
})

form.addEventListener("submit", (event) => {
  event.preventDefault()
  reader.useToken(token.value.trim())
  token.value = ""
})

/** Who looks at the table looks for longer than at a plot. */
const stationsEveryMs = 2000
const match = byId<HTMLInputElement>("match")

const lookForStations = async (): Promise<void> => {
  if (document.hidden || !form.hidden) return
  const word = match.value
  const found = await reader.ask(`looks/stations?match=${encodeURIComponent(word)}`)
  if (found !== undefined && word === match.value) showStations(found as StationSearch, word)
}

match.addEventListener("input", () => void lookForStations())
setInterval(() => void lookForStations(), stationsEveryMs)
void lookForStations()
new ResizeObserver(() => lastLook === undefined ? undefined : draw(lastLook.look, lastLook.histories))
  .observe(byId("drawing"))
