import type { Look } from "../../../services/LookSchema.ts"
import { byId, html, setText } from "./Element.ts"
import { captureLine, nameOf } from "./Wording.ts"

/** Shows the line that captures a port. */
export const makeCaptureLine = () => {
  const select = byId<HTMLSelectElement>("capture-port")
  const [line, copied] = [byId("capture-line"), byId("capture-copied")]
  let socket = ""
  const show = (): void => {
    setText(line, captureLine(socket, select.value === "" ? undefined : Number(select.value)))
    setText(copied, "")
  }
  select.addEventListener("change", show)
  byId("capture-copy").addEventListener("click", () => {
    // The clipboard is there for pages of this machine and of https; of others a text can be selected.
    const copy = navigator.clipboard as Clipboard | undefined
    if (copy === undefined) {
      getSelection()?.selectAllChildren(line)
      setText(copied, "Selected")
      return
    }
    copy.writeText(line.textContent ?? "").then(() => setText(copied, "Copied"), () => setText(copied, "Not copied"))
  })
  const options = new Map<number, HTMLOptionElement>()
  select.append(html("option", { attributes: { value: "" }, text: "all ports" }))
  return {
    /** Puts a port into the line and goes there. */
    choose: (port: number): void => {
      select.value = String(port)
      show()
      select.focus()
    },
    update: ({ ports, status }: Look): void => {
      const there = new Set(ports.map(({ port }) => port))
      const chosen = select.value
      for (const port of ports) {
        const option = options.get(port.port) ?? html("option", { attributes: { value: String(port.port) } })
        setText(option, `port ${port.port}: ${nameOf(port)}`)
        if (!options.has(port.port)) select.append(option)
        options.set(port.port, option)
      }
      for (const [port, option] of options) {
        // What somebody has chosen stays, should that guest come back.
        if (there.has(port) || String(port) === chosen) continue
        option.remove()
        options.delete(port)
      }
      if (socket === status.socket) return
      socket = status.socket
      show()
    }
  }
}
