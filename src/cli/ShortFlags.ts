import * as Either from "effect/Either"
import { UsageError } from "./UsageError.ts"

// @effect/cli does not know the spellings of getopt(3): it takes `-bbridge0`, an unknown flag, or the second
// `-d` for the operand, without a word. So every command line goes through here first, and what comes out
// has one spelling: each option apart, each once, each value a word of its own, the operand last.

/** Long options by name without dashes, and whether a value follows. */
export type LongFlags = Readonly<Record<string, "switch" | "value">>

interface Found {
  /** Options in the order in which each was first seen, with the last value given. */
  readonly options: Map<string, string | undefined>
  readonly operands: Array<string>
}

/**
 * Rewrites getopt(3)-style options into the spaced form a flag parser expects.
 *
 * `-dUbbridge0` becomes `-d -U -b bridge0`; `--name=value` becomes `--name value`; a repeated switch is
 * kept once; the last value of a repeated option wins; a value may begin with a dash; `--` ends the
 * options, and is kept only before an operand that begins with a dash. Options are found before and behind the
 * operand, which comes last. Idempotent.
 *
 * @param spec       short options as for getopt(3), such as `"b:cdhi:p:t:U"`.
 * @param argv       the words behind the program's name.
 * @param longFlags  the long options there are.
 *
 * Fails with the first mistake in reading order.
 */
export const expandShortFlags = (
  spec: string,
  argv: ReadonlyArray<string>,
  longFlags: LongFlags = {}
): Either.Either<ReadonlyArray<string>, UsageError> => {
  const found: Found = { options: new Map(), operands: [] }
  let at = 0
  while (at < argv.length) {
    const word = argv[at++]!
    if (word === "--") {
      const rest = argv.slice(at)
      at = argv.length
      found.operands.push(...rest)
    } else if (word.startsWith("--")) {
      const taken = takeLong(longFlags, word, argv[at], found)
      if (typeof taken !== "number") return Either.left(taken)
      at += taken
    } else if (word.startsWith("-") && word !== "-") {
      const taken = takeCluster(spec, word, argv[at], found)
      if (typeof taken !== "number") return Either.left(taken)
      at += taken
    } else {
      found.operands.push(word)
    }
    const surplus = found.operands[1]
    if (surplus !== undefined) return Either.left(new UsageError({ flag: surplus, reason: "surplus-operand" }))
  }
  return Either.right(render(found))
}

/** Reads `--name` or `--name=value`. How many of the following words it used, or the mistake. */
const takeLong = (
  longFlags: LongFlags,
  word: string,
  next: string | undefined,
  found: Found
): number | UsageError => {
  const equals = word.indexOf("=")
  const flag = equals === -1 ? word : word.slice(0, equals)
  const name = flag.slice(2)
  const kind = Object.hasOwn(longFlags, name) ? longFlags[name] : undefined
  if (kind === undefined) return new UsageError({ flag, reason: "unknown" })
  if (kind === "switch") {
    if (equals !== -1) return new UsageError({ flag, reason: "unwanted-value" })
    found.options.set(flag, undefined)
    return 0
  }
  const value = equals === -1 ? next : word.slice(equals + 1)
  if (value === undefined) return new UsageError({ flag, reason: "missing-value" })
  found.options.set(flag, value)
  return equals === -1 ? 1 : 0
}

/** Reads `-dUbbridge0` or `-b`. How many of the following words it used, or the mistake. */
const takeCluster = (
  spec: string,
  word: string,
  next: string | undefined,
  found: Found
): number | UsageError => {
  const letters = Array.from(word.slice(1))
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i]!
    const flag = `-${letter}`
    const place = letter === ":" ? -1 : spec.indexOf(letter)
    if (place === -1) return new UsageError({ flag, reason: "unknown" })
    if (spec[place + 1] !== ":") {
      found.options.set(flag, undefined)
      continue
    }
    const attached = letters.slice(i + 1).join("")
    const value = attached === "" ? next : attached
    if (value === undefined) return new UsageError({ flag, reason: "missing-value" })
    found.options.set(flag, value)
    return attached === "" ? 1 : 0
  }
  return 0
}

const render = ({ operands, options }: Found): ReadonlyArray<string> => {
  const words: Array<string> = []
  for (const [flag, value] of options) {
    words.push(flag)
    if (value !== undefined) words.push(value)
  }
  const operand = operands[0]
  if (operand !== undefined) words.push(...(operand.startsWith("-") ? ["--", operand] : [operand]))
  return words
}
