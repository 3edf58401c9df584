import * as fs from "node:fs"

/** One line that a page tells its reader to type, and what it shows as the answer. */
export interface Typed {
  /** Which of the reader's terminals. */
  readonly terminal: string
  readonly command: string
  /** Lines that the answer has to have, in this order; `...` stands for anything. */
  readonly expected: ReadonlyArray<string>
}

const fence = /^```(.*)$/

/**
 * What a page of `docs/` has its reader type: the lines behind `# ` (as root) or `$ ` (as anybody) of its
 * ```` ```console ```` blocks. The word behind `console`, if there is one, names the terminal; blocks of one name
 * are one session. A `\` at the end of a line goes on with the next.
 */
export const typedOn = (path: string): ReadonlyArray<Typed> => {
  const typed: Array<Typed & { expected: Array<string> }> = []
  let terminal: string | undefined
  let inside = false
  let last: (Typed & { command: string; expected: Array<string> }) | undefined
  for (const line of fs.readFileSync(path, "utf8").split("\n")) {
    const info = fence.exec(line)?.[1]
    if (info !== undefined) {
      inside = !inside
      const [language, name] = info.split(" ")
      terminal = inside && language === "console" ? name ?? "host" : undefined
      last = undefined
      continue
    }
    if (terminal === undefined) continue
    if (last?.command.endsWith("\\") === true) last.command = last.command.slice(0, -1) + line.trim()
    else if (/^[#$] /.test(line)) typed.push(last = { terminal, command: line.slice(2), expected: [] })
    else if (line.trim() !== "...") last?.expected.push(line.trim())
  }
  return typed
}

/** Languages of all blocks of a page. */
export const languagesOn = (path: string): ReadonlyArray<string> =>
  [...fs.readFileSync(path, "utf8").matchAll(/^```(\w+)/gm)].map((match) => match[1]!)
