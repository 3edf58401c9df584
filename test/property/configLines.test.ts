import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { parse } from "smol-toml"
import { linesOf, type TomlPath } from "../../src/cli/TomlLines.ts"

/** A text of some lines and the places that begin in it, with their lines from 0 on. */
interface Piece {
  readonly text: string
  readonly places: ReadonlyArray<readonly [TomlPath, number]>
}

const lineCount = (text: string) => text.split("\n").length - 1

const plainValues = [
  "1", "-0", "1979-05-27 07:32:00", "true", "6.02e23", "\"a # ] } , = [[x]] \\\" \\\\\"", "'c:\\'", "\"\"", "''",
  "\"\"\"\none\n\"two\" [x]\n\\\"\"\" three\"\"\"", "'''\n[a]\nb = 'c' # no\n'''", "\"\"\"a\"\"\"\"\"", "'''b'''''"
]

const plain: fc.Arbitrary<Piece> = fc.constantFrom(...plainValues).map((text) => ({ text, places: [] }))

const shift = ({ places }: Piece, prefix: TomlPath, lines: number): Piece["places"] =>
  places.map(([path, line]) => [[...prefix, ...path], line + lines])

const gap = fc.constantFrom("", " ", "\n", "\n# ] a comment, = \"\n  ", "\r\n\t")

/** An array over several lines. */
const arrayOf = (value: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> =>
  fc.tuple(fc.array(fc.tuple(gap, value, gap), { maxLength: 3 }), gap, fc.boolean()).map(([items, last, comma]) => {
    let text = "["
    const places: Array<readonly [TomlPath, number]> = []
    items.forEach(([before, item, after], i) => {
      text += before
      places.push([[i], lineCount(text)], ...shift(item, [i], lineCount(text)))
      text += `${item.text}${after}${i < items.length - 1 || comma ? "," : ""}`
    })
    return { text: `${text}${last}]`, places }
  })

/** Names as they may be written, and what they mean. */
const names: ReadonlyArray<readonly [string, string]> = [
  ["a", "a"], ["max-macs", "max-macs"], ["\"b.c = ]\"", "b.c = ]"], ["'#'", "#"], ["\"\\u0041\\\"\"", "A\""],
  ["1", "1"], ["\"__proto__\"", "__proto__"]
]

const inlineOf = (value: fc.Arbitrary<Piece>): fc.Arbitrary<Piece> =>
  fc.uniqueArray(fc.tuple(fc.constantFrom(...names), value), { maxLength: 3, selector: ([[, name]]) => name }).map(
    (pairs) => {
      let text = "{"
      const places: Array<readonly [TomlPath, number]> = []
      pairs.forEach(([[written, name], inner], i) => {
        text += `${i === 0 ? "" : ", "}`
        places.push([[name], lineCount(text)])
        text += `${written} = `
        places.push(...shift(inner, [name], lineCount(text)))
        text += inner.text
      })
      return { text: `${text} }`, places }
    }
  )

const { value } = fc.letrec<{ readonly value: Piece }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, plain, arrayOf(tie("value")), inlineOf(tie("value")))
}))

/** Pairs, tables and arrays of tables, each under a name of its own. */
const piece: fc.Arbitrary<(n: number) => Piece> = fc.oneof(
  fc.tuple(value, fc.constantFrom(...names)).map(([inner, [written, name]]) => (n: number): Piece => ({
    text: `k${n} . ${written} = ${inner.text}`,
    places: [[[`k${n}`], 0], [[`k${n}`, name], 0], ...shift(inner, [`k${n}`, name], 0)]
  })),
  fc.tuple(value, fc.nat({ max: 2 })).map(([inner, elements]) => (n: number): Piece => {
    let text = ""
    const places: Array<readonly [TomlPath, number]> = [[[`t${n}`], 0]]
    for (let i = 0; i <= elements; i++) {
      places.push([[`t${n}`, i], lineCount(text)])
      text += `[[ t${n} ]] # ${i}\n\n`
      places.push([[`t${n}`, i, "x"], lineCount(text)], ...shift(inner, [`t${n}`, i, "x"], lineCount(text)))
      text += `x = ${inner.text}\n`
      places.push([[`t${n}`, i, "sub"], lineCount(text)], [[`t${n}`, i, "sub", "y"], lineCount(text) + 1])
      text += `[t${n}."sub"]\ny = 1\n`
    }
    return { text, places }
  }),
  fc.constantFrom("# a = 1", "", "  \t", "#").map((text) => (): Piece => ({ text, places: [] }))
)

describe("the line of a setting", () => {
  it.prop(
    "is where it was written, in tables, arrays, dotted and quoted keys, behind comments and long strings",
    [fc.array(piece, { maxLength: 6 }), fc.constantFrom("\n", "\r\n"), fc.constantFrom("", "\ufeff")],
    ([pieces, end, mark]) => {
      // What is in a table stays in it: pairs of the document stand first.
      const isTable = ({ text }: Piece) => Number(text.startsWith("["))
      const made = pieces.map((make, n) => make(n)).sort((a, b) => isTable(a) - isTable(b))
      let text = mark
      const places: Array<readonly [TomlPath, number]> = []
      for (const one of made) {
        places.push(...shift(one, [], lineCount(text)))
        text += one.text + end
      }
      parse(text)
      const lineOf = linesOf(text)
      for (const [path, line] of places) assert.strictEqual(lineOf(path), line + 1, JSON.stringify([text, path]))
    },
    { fastCheck: { numRuns: 2000 } }
  )

  it("is that of what is around it if it is not there, and 1 for the document", () => {
    const lineOf = linesOf("\n[[bind]]\nuid = 1\n")
    assert.strictEqual(lineOf(["bind", 0, "mac"]), 2)
    assert.strictEqual(lineOf([]), 1)
    assert.strictEqual(lineOf(["x"]), 1)
  })
})
