import { parse } from "smol-toml"

/** Where a value stands in a document: names of keys, and numbers of elements from 0 on. */
export type TomlPath = ReadonlyArray<string | number>

/**
 * On which line, from 1 on, each key, table and element of an array begins: the parser tells of a place only where it
 * fails, and what is wrong with a setting is mostly not its form.
 *
 * @param toml a document that the parser has accepted; of another nothing is promised.
 *
 * The result gives a path its line, and one that is not there that of the nearest around it; 1 for the document.
 */
export const linesOf = (toml: string): (path: TomlPath) => number => {
  const found = new Map<string, number>()
  readDocument(new Scan(toml), found)
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const line = found.get(JSON.stringify(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return 1
  }
}

/** A place in a text that moves forward. */
class Scan {
  line = 1
  private at: number

  constructor(private readonly text: string) {
    this.at = text.startsWith("\ufeff") ? 1 : 0
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  startsWith(what: string): boolean {
    return this.text.startsWith(what, this.at)
  }

  skip(characters: number): void {
    for (let n = 0; n < characters; n++) {
      if (this.text[this.at++] === "\n") this.line++
    }
  }

  /** Skips characters for as long as they are, or are not, among these. */
  skipWhile(characters: string, among: boolean): void {
    while (!this.isAtEnd && characters.includes(this.text[this.at]!) === among) this.skip(1)
  }

  /** Skips space, ends of lines and comments. */
  skipVoid(): void {
    this.skipWhile(" \t\r\n", true)
    while (this.startsWith("#")) {
      this.skipWhile("\n", false)
      this.skipWhile(" \t\r\n", true)
    }
  }

  skipString(): void {
    const quote = this.text[this.at]!
    const isLong = this.startsWith(quote.repeat(3))
    const end = isLong ? quote.repeat(3) : quote
    this.skip(end.length)
    while (!this.isAtEnd && !this.startsWith(end)) this.skip(quote === "\"" && this.startsWith("\\") ? 2 : 1)
    this.skip(end.length)
    // Up to two quotes may stand before the three that end a long string.
    if (isLong) this.skipWhile(quote, true)
  }

  /** Skips a key and the character that ends it, `=` or `]`. Returns its parts. */
  takeKey(end: string): ReadonlyArray<string> {
    const start = this.at
    while (!this.isAtEnd && !this.startsWith(end)) {
      if (this.startsWith("\"") || this.startsWith("'")) this.skipString()
      else this.skip(1)
    }
    const key = this.text.slice(start, this.at)
    this.skip(1)
    return partsOf(key)
  }
}

/** The parser itself knows best what is quoted and escaped in a key. */
const partsOf = (key: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  for (let value: unknown = parse(`${key} = 0`); typeof value === "object" && value !== null;) {
    const [name, inner] = Object.entries(value)[0] as [string, unknown]
    parts.push(name)
    value = inner
  }
  return parts
}

type Lines = Map<string, number>

/** Notes a path and those that lead to it from `from` on; what was seen before keeps its line. */
const note = (lines: Lines, path: TomlPath, line: number, from = path.length): void => {
  for (let length = from; length <= path.length; length++) {
    const name = JSON.stringify(path.slice(0, length))
    if (!lines.has(name)) lines.set(name, line)
  }
}

const readDocument = (scan: Scan, lines: Lines): void => {
  /** Number of the latest element of each array of tables. */
  const latest = new Map<string, number>()
  const placeOf = (parts: TomlPath): TomlPath => {
    const path: Array<string | number> = []
    for (const part of parts) {
      path.push(part)
      const element = latest.get(JSON.stringify(path))
      if (element !== undefined) path.push(element)
    }
    return path
  }
  let table: TomlPath = []
  for (scan.skipVoid(); !scan.isAtEnd; scan.skipVoid()) {
    const { line } = scan
    if (!scan.startsWith("[")) {
      readPair(scan, lines, table)
      continue
    }
    const isElement = scan.startsWith("[[")
    scan.skip(isElement ? 2 : 1)
    const parts = scan.takeKey("]")
    if (isElement) {
      scan.skip(1)
      const array = [...placeOf(parts.slice(0, -1)), ...parts.slice(-1)]
      note(lines, array, line, 1)
      latest.set(JSON.stringify(array), (latest.get(JSON.stringify(array)) ?? -1) + 1)
    }
    table = placeOf(parts)
    note(lines, table, line, 1)
  }
}

const readPair = (scan: Scan, lines: Lines, table: TomlPath): void => {
  const { line } = scan
  const path = [...table, ...scan.takeKey("=")]
  note(lines, path, line, table.length + 1)
  scan.skipWhile(" \t", true)
  readValue(scan, lines, path)
}

const readValue = (scan: Scan, lines: Lines, path: TomlPath): void => {
  if (scan.startsWith("\"") || scan.startsWith("'")) scan.skipString()
  else if (scan.startsWith("[")) {
    let element = 0
    readList(scan, "]", () => {
      const place = [...path, element++]
      note(lines, place, scan.line)
      readValue(scan, lines, place)
    })
  } else if (scan.startsWith("{")) readList(scan, "}", () => readPair(scan, lines, path))
  else scan.skipWhile(",]}#\n", false)
}

/** Reads what stands between brackets, with commas between. */
const readList = (scan: Scan, end: string, readOne: () => void): void => {
  scan.skip(1)
  for (scan.skipVoid(); !scan.isAtEnd && !scan.startsWith(end); scan.skipVoid()) {
    readOne()
    scan.skipVoid()
    if (scan.startsWith(",")) scan.skip(1)
  }
  scan.skip(1)
}
