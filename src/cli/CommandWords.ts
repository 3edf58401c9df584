import * as Either from "effect/Either"
import { parseArgs, type ParseArgsConfig } from "node:util"
import { type CommandForm, operandsOf, optionsOf, usageOf } from "./CommandForm.ts"
import { builtInFlags, type Flag, spell } from "./Flags.ts"
import { printable } from "./Printable.ts"

/** A command line of a subcommand, taken apart. */
export interface CommandWords {
  /** What was given, by the option's name: its last value, for a switch an empty one. */
  readonly options: ReadonlyMap<string, string>
  readonly operands: ReadonlyArray<string>
}

/**
 * Takes a subcommand's words apart by its form.
 *
 * @param words behind the command's name.
 *
 * Succeeds with text if help was asked for. Fails with one line for the first mistake.
 */
export const readCommandWords = (
  form: CommandForm,
  words: ReadonlyArray<string>
): Either.Either<CommandWords | string, string> => {
  const refuse = (message: string) => Either.left(`${message} (${usageOf(form)})`)
  const flags = optionsOf(form)
  const bySpelling = new Map(flags.map((flag) => [spell(flag), flag]))
  bySpelling.set(shortHelp, builtInFlags.help)
  const options = new Map<string, string>()
  const operands: Array<string> = []
  const { tokens } = parseArgs({
    args: [...words],
    options: parserOptions(flags),
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value)
    if (token.kind !== "option") continue
    const spelled = printable(token.rawName)
    const flag = bySpelling.get(token.rawName)
    if (flag === undefined) return refuse(`unknown option ${spelled}`)
    if (flag.value !== undefined && token.value === undefined) return refuse(`option ${spelled} needs a value`)
    if (flag.value === undefined && token.value !== undefined) return refuse(`option ${spelled} takes no value`)
    options.set(flag.name, token.value ?? "")
  }
  if (options.has(builtInFlags.help.name)) return Either.right(`${usageOf(form)}\n${form.purpose}`)
  const wanted = operandsOf(form, (option) => options.has(option.name))
  const surplus = operands[wanted.length]
  if (operands.length < wanted.filter(({ optional }) => optional !== true).length) return refuse("something is missing")
  if (surplus !== undefined) {
    const hint = form.surplusHint === undefined ? "" : ` (${form.surplusHint})`
    return refuse(`surplus operand ${printable(surplus)}${hint}`)
  }
  return Either.right({ options, operands })
}

/** As everywhere. */
const shortHelp = "-h"

/** Here every option has a long name. Those of one letter have none in truth: `--p` is told apart by its spelling. */
const parserOptions = (flags: ReadonlyArray<Flag>): NonNullable<ParseArgsConfig["options"]> => {
  const options: NonNullable<ParseArgsConfig["options"]> = {}
  for (const flag of flags) {
    const type = flag.value === undefined ? "boolean" : "string"
    options[flag.name] = flag.name.length === 1 ? { type, short: flag.name } : { type }
  }
  options[builtInFlags.help.name] = { type: "boolean", short: shortHelp.slice(1) }
  return options
}
