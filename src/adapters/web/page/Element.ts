/** What an element is made with; text is text, whoever chose it. */
interface Parts {
  readonly text?: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly children?: ReadonlyArray<Node>
}

const svgNamespace = "http://www.w3.org/2000/svg"

const fill = <E extends Element>(made: E, { attributes = {}, children = [], text }: Parts): E => {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  if (text !== undefined) made.textContent = text
  made.append(...children)
  return made
}

export const html = <K extends keyof HTMLElementTagNameMap>(name: K, parts: Parts = {}): HTMLElementTagNameMap[K] =>
  fill(document.createElement(name), parts)

export const svg = <K extends keyof SVGElementTagNameMap>(name: K, parts: Parts = {}): SVGElementTagNameMap[K] =>
  fill(document.createElementNS(svgNamespace, name), parts)

/** The element of the page's text with that id. */
export const byId = <E extends HTMLElement = HTMLElement>(id: string): E => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found as E
}

/** Writes only what is different: what a screen reader or a selection is at stays as it is. */
export const setText = (of: Element, text: string): void => {
  if (of.textContent !== text) of.textContent = text
}

export const setAttribute = (of: Element, name: string, value: string | undefined): void => {
  if (value === undefined) of.removeAttribute(name)
  else if (of.getAttribute(name) !== value) of.setAttribute(name, value)
}

/** Puts the children into that order with as few moves as can be, and removes the others. */
export const arrange = (parent: Element, children: ReadonlyArray<Element>): void => {
  const wanted = new Set(children)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  children.forEach((child, i) => {
    const there = parent.children[i]
    if (there !== child) parent.insertBefore(child, there ?? null)
  })
}
