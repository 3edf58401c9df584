import { scaled } from "../../../services/Figures.ts"
import type { Denial, Look } from "../../../services/LookSchema.ts"
import { arrange, html, setAttribute, setText } from "./Element.ts"
import { placeOf, plural, whenOf } from "./Wording.ts"

/** Who listens is told no more often, and then of the newest only. */
const spokenEveryMs = 5000

const makeItem = () => {
  const mark = html("span", { attributes: { class: "mark", "aria-hidden": "true" }, text: "!" })
  const [place, when] = [html("strong"), html("span", { attributes: { class: "when" } })]
  const [words, attack] = [html("p"), html("p", { attributes: { class: "attack" } })]
  const [reason, count] = [html("code"), html("span", { attributes: { class: "count" } })]
  const item = html("li", {
    children: [
      mark,
      html("p", { attributes: { class: "where" }, children: [place, when] }),
      words,
      attack,
      html("p", { attributes: { class: "why" }, children: [reason, count] })
    ]
  })
  const show = (denial: Denial, name: string | undefined): void => {
    const { framesPerSecond, stage } = denial
    setAttribute(item, "data-stage", stage)
    setAttribute(item, "data-now", framesPerSecond > 0 ? "yes" : undefined)
    setText(place, name === undefined ? placeOf(denial) : `${placeOf(denial)}: ${name}`)
    setText(when, whenOf(denial))
    setText(reason, denial.reason)
    setText(words, denial.words.charAt(0).toUpperCase() + denial.words.slice(1))
    setText(attack, `Against: ${denial.attack}`)
    const rate = framesPerSecond > 0 ? `, ${scaled(framesPerSecond)}/s now` : ""
    setText(count, `${plural(denial.frames, "frame")} ${stage}${rate}`)
  }
  return { item, show }
}

/** Tells what has been lost lately, to those who see and, with pauses, to those who listen. */
export const makeDenialList = (
  list: HTMLElement,
  none: HTMLElement,
  spoken: HTMLElement,
  nameOf: (port: number) => string | undefined
) => {
  const items: Array<ReturnType<typeof makeItem>> = []
  let spokenMs = -Infinity

  const speak = (newest: Denial | undefined): void => {
    const nowMs = performance.now()
    if (newest === undefined || newest.framesPerSecond === 0 || nowMs - spokenMs < spokenEveryMs) return
    spokenMs = nowMs
    setText(
      spoken,
      `${placeOf(newest)}: ${plural(newest.frames, "frame")} ${newest.stage}: ${newest.words}, against ${newest.attack}`
    )
  }

  return ({ denials }: Look): void => {
    denials.forEach((denial, i) => {
      const item = items[i] ?? makeItem()
      items[i] = item
      item.show(denial, denial.open && denial.port !== null ? nameOf(denial.port) : undefined)
    })
    items.length = denials.length
    arrange(list, items.map(({ item }) => item))
    none.hidden = denials.length > 0
    speak(denials[0])
  }
}
