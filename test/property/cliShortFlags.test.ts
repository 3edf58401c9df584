import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { expandShortFlags, type LongFlags } from "../../src/cli/ShortFlags.ts"

const spec = "b:cdhi:p:t:U"
const longs: LongFlags = { "no-tap": "switch", seed: "value" }

const expand = (...argv: ReadonlyArray<string>) => expandShortFlags(spec, argv, longs)

const expanded = (...argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  Either.getOrThrowWith(expand(...argv), (error) => new Error(error.message))

const mistake = (...argv: ReadonlyArray<string>): readonly [string, string] => {
  const result = expand(...argv)
  if (Either.isRight(result)) throw new Error(`taken as ${result.right.join(" ")}`)
  return [result.left.reason, result.left.flag]
}

/** One wish, however it may be spelled. */
type Wish =
  | { readonly letter: string; readonly value: undefined }
  | { readonly letter: string; readonly value: string }

const value = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom("-", "--", "-d", "-x", "--help", "bridge0", "/path", "10.1.0.1/24", "1", "a=b")
)

const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.record({ letter: fc.constantFrom("c", "d", "h", "U"), value: fc.constant(undefined) }),
  fc.record({ letter: fc.constantFrom("b", "i", "p", "t"), value })
)

const operand = fc.option(fc.constantFrom("10.1.0.1/24", "-", "x", ""), { nil: undefined })

const words = (letter: string, value: string | undefined): ReadonlyArray<string> =>
  value === undefined ? [`-${letter}`] : [`-${letter}`, value]

/** Spells wishes as `bits` says: options together or apart, values attached or a word of their own. */
const spell = (wishes: ReadonlyArray<Wish>, bits: ReadonlyArray<boolean>): ReadonlyArray<string> => {
  const words: Array<string> = []
  let cluster = ""
  const flush = () => {
    if (cluster !== "") words.push(cluster)
    cluster = ""
  }
  wishes.forEach(({ letter, value }, i) => {
    if (bits[2 * i] === true) flush()
    cluster = cluster === "" ? `-${letter}` : cluster + letter
    if (value === undefined) return
    if (bits[2 * i + 1] === true) cluster += value
    flush()
    if (bits[2 * i + 1] !== true) words.push(value)
  })
  flush()
  return words
}

describe("the spellings of getopt(3)", () => {
  it.each([
    [["-dUbbridge0"], ["-d", "-U", "-b", "bridge0"]],
    [["-dUb", "bridge0"], ["-d", "-U", "-b", "bridge0"]],
    [["-p/path"], ["-p", "/path"]],
    [["-p", "-x"], ["-p", "-x"]],
    [["-p", "--"], ["-p", "--"]],
    [["-p-x"], ["-p", "-x"]],
    [["-d", "-d"], ["-d"]],
    [["-dd"], ["-d"]],
    [["-t", "tap0", "-ttap1"], ["-t", "tap1"]],
    [["-cdU", "10.1.0.1/24"], ["-c", "-d", "-U", "10.1.0.1/24"]],
    [["10.1.0.1/24", "-d"], ["-d", "10.1.0.1/24"]],
    [["-d", "--", "10.1.0.1/24"], ["-d", "10.1.0.1/24"]],
    [["--", "-d"], ["--", "-d"]],
    [["-"], ["--", "-"]],
    [["--"], []],
    [["--seed=7", "--no-tap"], ["--seed", "7", "--no-tap"]],
    [["--seed", "7", "x"], ["--seed", "7", "x"]],
    [["--seed="], ["--seed", ""]],
    [["--seed", "--no-tap"], ["--seed", "--no-tap"]],
    [["--seed", "1", "--seed=2"], ["--seed", "2"]],
    [[], []]
  ])("%j becomes %j", (argv, words) => {
    assert.deepStrictEqual(expanded(...argv), words)
  })

  it.each([
    [["-x"], ["unknown", "-x"]],
    [["-dx"], ["unknown", "-x"]],
    [["-d:"], ["unknown", "-:"]],
    [["-u"], ["unknown", "-u"]],
    [["-dé"], ["unknown", "-é"]],
    [["--bogus"], ["unknown", "--bogus"]],
    [["--bogus=1", "word"], ["unknown", "--bogus"]],
    [["--toString"], ["unknown", "--toString"]],
    [["--see", "1"], ["unknown", "--see"]],
    [["--=1"], ["unknown", "--"]],
    [["-b"], ["missing-value", "-b"]],
    [["-db"], ["missing-value", "-b"]],
    [["--seed"], ["missing-value", "--seed"]],
    [["--no-tap=yes"], ["unwanted-value", "--no-tap"]],
    [["10.1.0.1/24", "extra"], ["surplus-operand", "extra"]],
    [["10.1.0.1/24", "--", "-d"], ["surplus-operand", "-d"]],
    [["a", "-d", "b"], ["surplus-operand", "b"]],
    [["a", "b", "-x"], ["surplus-operand", "b"]]
  ])("%j is refused: %j", (argv, [reason, flag]) => {
    assert.deepStrictEqual(mistake(...argv), [reason!, flag!])
  })
})

describe("expandShortFlags", () => {
  it.prop(
    "takes every spelling of the same wishes for the same",
    [fc.array(wish, { maxLength: 8 }), operand, fc.array(fc.boolean(), { minLength: 16, maxLength: 16 })],
    ([wishes, word, bits]) => {
      const last = word === undefined ? [] : ["--", word]
      const apart = wishes.flatMap(({ letter, value }) => words(letter, value))
      assert.deepStrictEqual(expanded(...spell(wishes, bits), ...last), expanded(...apart, ...last))
    }
  )

  it.prop(
    "keeps each switch once and the last value of each option, to the letter",
    [fc.array(wish, { maxLength: 8 })],
    ([wishes]) => {
      const model = new Map<string, string | undefined>(wishes.map(({ letter, value }) => [letter, value]))
      const once = [...model].flatMap(([letter, value]) => words(letter, value))
      assert.deepStrictEqual(expanded(...spell(wishes, [])), once)
    }
  )

  it.prop(
    "changes nothing in what it has made",
    [fc.array(wish, { maxLength: 8 }), operand, fc.array(fc.boolean(), { minLength: 16, maxLength: 16 })],
    ([wishes, word, bits]) => {
      const once = expanded(...spell(wishes, bits), ...(word === undefined ? [] : ["--", word]))
      assert.deepStrictEqual(expanded(...once), once)
    }
  )

  it.prop(
    "refuses an option that is not there, wherever it stands, by its name",
    [fc.array(wish, { maxLength: 4 }), fc.constantFrom("x", "u", "C", "B", "7", "?"), fc.boolean()],
    ([wishes, letter, behindOperand]) => {
      const words = [...spell(wishes, []), ...(behindOperand ? ["10.1.0.1/24"] : []), `-d${letter}`]
      assert.deepStrictEqual(mistake(...words), ["unknown", `-${letter}`])
    }
  )

  it.prop(
    "never takes a second word",
    [fc.array(wish, { maxLength: 4 }), fc.constantFrom("status", "extra", "10.1.0.2/24", "")],
    ([wishes, word]) => {
      assert.deepStrictEqual(mistake("10.1.0.1/24", ...spell(wishes, []), word), ["surplus-operand", word])
    }
  )

  const anyWords = fc.array(fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom("-d", "-b", "--", "-", "--seed")))

  it.prop("answers whatever it is given, in one line", [anyWords], ([argv]) => {
    const result = expand(...argv)
    if (Either.isLeft(result)) assert.match(result.left.message, /^[^\n\r]+ \(usage: vknetd [^\n\r]+\)$/)
    else assert.deepStrictEqual(expanded(...result.right), result.right)
  })
})
