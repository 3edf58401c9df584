import * as Args from "@effect/cli/Args"
import * as CliConfig from "@effect/cli/CliConfig"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as CliOptions from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as nodePath from "node:path"
import { stripVTControlCharacters } from "node:util"
import { allFlags, builtInFlags, type Flag, flags, longFlags, shortSpec, spell } from "./Flags.ts"
import { helpText } from "./Help.ts"
import type { Options } from "./Options.ts"
import { versionText } from "./Printed.ts"
import { type RawOptions, rawOf, toOptions, type Word } from "./RawOptions.ts"
import { expandShortFlags } from "./ShortFlags.ts"
import { type UsageError, ValueError } from "./UsageError.ts"

/*
 * A switch's command line has three readers. `ShortFlags.ts` has getopt(3)'s rules: it takes letters in one word apart,
 * keeps the last of what is repeated, and refuses words that have not the form. @effect/cli then tells which option has
 * which value, and the operand. `RawOptions.ts` judges the values and what goes together, and has the defaults.
 *
 * More is not asked of @effect/cli. Help, version and completions are answered before it is: its own help is three
 * screens long and coloured even into a pipe, and it takes `--version` behind another option for the operand. Values
 * and the operand reach it marked, with a leading `=`: it would otherwise take a value of `--` for the end of options,
 * a number behind a switch for the switch's value, an option for the operand, and cut blanks. And it knows of no option
 * that was not given, since it goes through all words for each that there is, and zips what it found with the one
 * before (docs/decisions/0022-fewer-steps-to-the-first-frame.md).
 */

/** What a command line asks for: a text on standard output, or something to run. */
export type Request =
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "run"; readonly options: Options }

/**
 * Reads a command line.
 *
 * @param argv  the words behind the program's name.
 * @param cwd   absolute; what relative paths start from.
 *
 * Fails with the first mistake; says and changes nothing.
 */
export const readCommandLine = (
  argv: ReadonlyArray<string>,
  cwd: string
): Effect.Effect<Request, UsageError | ValueError> =>
  Effect.gen(function*() {
    const words = mark(yield* expandShortFlags(shortSpec, argv, longFlags))
    if (words.includes("-h") || words.includes(spell(builtInFlags.help))) return print(helpText())
    if (words.includes(spell(builtInFlags.version))) return print(versionText)
    const completionsAt = words.indexOf(spell(builtInFlags.completions))
    if (completionsAt !== -1) return print(yield* completions(unmark(words[completionsAt + 1]!)))
    const raw = yield* parse(words)
    const options = yield* readOptions(raw, cwd)
    return raw.check ? print(`${options.configPath ?? "the command line"}: ok`) : { kind: "run", options }
  })

/** What reads files is loaded for who has one. */
const readOptions = (raw: RawOptions, cwd: string): Effect.Effect<Options, ValueError> =>
  raw.config === undefined
    ? toOptions(raw, cwd)
    : Effect.flatMap(Effect.promise(() => import("./ConfigFile.ts")), ({ readWithConfig }) => readWithConfig(raw, cwd))

/** So is what makes completion scripts. */
const completions = (shell: string): Effect.Effect<string, ValueError> =>
  Effect.flatMap(Effect.promise(() => import("./Completions.ts")), ({ readCompletions }) => readCompletions(shell))

const print = (text: string): Request => ({ kind: "print", text })

/** Options with a value, as they are spelled. */
const valued = new Set(allFlags.filter(({ value }) => value !== undefined).map(spell))

const marker = "="

/** Marks every value, and the operand, of an expanded command line; no `--` is left. */
const mark = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const marked: Array<string> = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (valued.has(word)) marked.push(word, marker + words[++i]!)
    else if (word === "--") marked.push(marker + words[++i]!)
    else marked.push(word.startsWith("-") ? word : marker + word)
  }
  return marked
}

const unmark = (value: string): string => value.slice(marker.length)

const optionOf = (key: string, flag: Flag): CliOptions.Options<readonly [string, Word]> =>
  flag.value === undefined
    ? CliOptions.map(CliOptions.boolean(flag.name), (on) => [key, on])
    : CliOptions.map(CliOptions.text(flag.name), (value) => [key, unmark(value)])

/** The options that these words give, by the names that we have for them; the others do not exist. */
const optionsOf = (words: ReadonlySet<string>): CliOptions.Options<Readonly<Record<string, Word>>> =>
  CliOptions.map(
    CliOptions.all(
      Object.entries(flags).filter(([, flag]) => words.has(spell(flag))).map(([key, flag]) => optionOf(key, flag))
    ),
    // Of no options the library makes undefined, whatever its types say.
    (pairs) => Object.fromEntries(pairs ?? [])
  )

const address = Args.text({ name: "address/cidrbits" }).pipe(
  Args.map(unmark),
  Args.optional,
  Args.map(Option.getOrUndefined)
)

const descriptorOf = (words: ReadonlySet<string>) =>
  CommandDescriptor.make("vknetd", optionsOf(words), address).pipe(
    CommandDescriptor.map(({ args, options }) => rawOf({ ...options, address: args }))
  )

const parse = (words: ReadonlyArray<string>): Effect.Effect<RawOptions, ValueError> =>
  CommandDescriptor.parse(
    descriptorOf(new Set(words)),
    ["vknetd", ...words],
    CliConfig.make({ isCaseSensitive: true, finalCheckBuiltIn: true })
  ).pipe(
    Effect.mapError(({ error }) => new ValueError({ message: oneLine(error) })),
    Effect.flatMap((directive) =>
      directive._tag === "UserDefined" && directive.leftover.length === 0
        ? Effect.succeed(directive.value)
        : Effect.dieMessage(`the command line was not understood: ${words.join(" ")}`)
    ),
    Effect.provide(surroundings)
  )

const oneLine = (doc: HelpDoc.HelpDoc): string =>
  stripVTControlCharacters(HelpDoc.toAnsiText(doc)).replace(/\s+/g, " ").trim()

// What the parser's type asks for, for options that name existing files and for prompts; we have neither. A context and
// no layers: to build three takes longer than to read a command line.
const surroundings = Context.make(FileSystem.FileSystem, FileSystem.makeNoop({})).pipe(
  Context.add(Path.Path, {
    ...nodePath,
    [Path.TypeId]: Path.TypeId,
    fromFileUrl: () => Effect.dieMessage("no file is named"),
    toFileUrl: () => Effect.dieMessage("no file is named")
  }),
  Context.add(Terminal.Terminal, {
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    isTTY: Effect.succeed(false),
    readInput: Effect.dieMessage("no terminal is read"),
    readLine: Effect.dieMessage("no terminal is read"),
    display: () => Effect.void
  })
)
