/** One column: its heading, and whether it holds numbers, which stand to the right. */
export interface Column {
  readonly name: string
  readonly right?: boolean
}

/** Control characters and the like in what a stranger has named would write all over the terminal. */
const plain = (cell: string): string =>
  cell.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)

const gap = "  "

/** Rows in aligned columns without borders, the headings first. Each line ends with a newline, not with blanks. */
export const table = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => row.map(plain))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  return lines
    .map((line) =>
      line.map((cell, i) => columns[i]!.right === true ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join(gap)
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("")
}

/** Two columns without headings. */
export const pairs = (rows: ReadonlyArray<readonly [string, string]>): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}${gap}${plain(value)}\n`).join("")
}

/** What is not known is a dash. */
export const cell = (value: string | number | boolean | null): string =>
  value === null ? "-" : typeof value === "boolean" ? value ? "yes" : "no" : String(value)
