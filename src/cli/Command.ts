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
import { type RawOptions, toOptions } from "./RawOptions.ts"
import { expandShortFlags } from "./ShortFlags.ts"
import { type UsageError, ValueError } from "./UsageError.ts"

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
    // @effect/cli's own help is three screens long and coloured even into a pipe, and it takes
    // `--version` behind another option for the operand: so these are answered here.
    if (words.includes("-h") || words.includes(spell(builtInFlags.help))) return print(helpText())
    if (words.includes(spell(builtInFlags.version))) return print(versionText)
    const completionsAt = words.indexOf(spell(builtInFlags.completions))
    if (completionsAt !== -1) return print(yield* completions(unmark(words[completionsAt + 1]!)))
    const raw = yield* parse(words)
    const options = yield* readOptions(raw, cwd)
    return raw.check ? print(`${options.configPath ?? "the command line"}: ok`) : { kind: "run", options }
  })

/** What reads files is loaded for who has one. */
const readOptions = (raw: RawOptions, cwd: string): Effect.Effect<Options, UsageError | ValueError> =>
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

/**
 * Marks every value, and the operand, of an expanded command line with a leading `=`. @effect/cli would
 * otherwise take a value of `--` for the end of options, a number behind a switch for the switch's
 * value, an option for the operand, and cut blanks.
 */
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

/** What a command line gives, by the option's name. */
type Given = ReadonlyMap<string, boolean | string>

const optionOf = (flag: Flag): CliOptions.Options<readonly [string, boolean | string]> =>
  flag.value === undefined
    ? CliOptions.map(CliOptions.boolean(flag.name), (value) => [flag.name, value])
    : CliOptions.map(CliOptions.text(flag.name), (value) => [flag.name, unmark(value)])

/**
 * The options that these words give; the others do not exist. @effect/cli goes through all words for each option that
 * there is, and zips what it found with the one before (docs/decisions/0022-fewer-steps-to-the-first-frame.md).
 */
const optionsOf = (words: ReadonlySet<string>): CliOptions.Options<Given> =>
  CliOptions.map(
    CliOptions.all(Object.values(flags).filter((flag) => words.has(spell(flag))).map(optionOf)),
    (pairs) => new Map(pairs)
  )

const rawOf = (given: Given, address: string | undefined): RawOptions => {
  const on = (flag: Flag): boolean => given.get(flag.name) === true
  const text = (flag: Flag): string | undefined => {
    const value = given.get(flag.name)
    return typeof value === "string" ? value : undefined
  }
  return {
    monitor: on(flags.monitor),
    foreground: on(flags.foreground),
    unsecure: on(flags.unsecure),
    bridge: text(flags.bridge),
    socket: text(flags.socket),
    pidFile: text(flags.pidFile),
    tap: text(flags.tap),
    noTap: on(flags.noTap),
    noOffload: on(flags.noOffload),
    simulate: on(flags.simulate),
    seed: text(flags.seed),
    group: text(flags.group),
    mode: text(flags.mode),
    trunk: text(flags.trunk),
    maxClients: text(flags.maxClients),
    maxClientsPerUid: text(flags.maxClientsPerUid),
    mtu: text(flags.mtu),
    macAge: text(flags.macAge),
    takeover: on(flags.takeover),
    isolate: text(flags.isolate),
    learn: text(flags.learn),
    lock: on(flags.lock),
    bind: text(flags.bind),
    maxMacs: text(flags.maxMacs),
    maxIps: text(flags.maxIps),
    hold: text(flags.hold),
    stormRate: text(flags.stormRate),
    arpRate: text(flags.arpRate),
    dhcpServer: text(flags.dhcpServer),
    allowEtherType: text(flags.allowEtherType),
    ipv6: text(flags.ipv6),
    config: text(flags.config),
    check: on(flags.check),
    metrics: text(flags.metrics),
    web: text(flags.web),
    webToken: text(flags.webToken),
    user: text(flags.user),
    keepNetAdmin: on(flags.keepNetAdmin),
    readyFd: text(flags.readyFd),
    logFormat: text(flags.logFormat),
    logFile: text(flags.logFile),
    logLevel: text(flags.logLevel),
    address
  }
}

const address = Args.text({ name: "address/cidrbits" }).pipe(
  Args.map(unmark),
  Args.optional,
  Args.map(Option.getOrUndefined)
)

const descriptorOf = (words: ReadonlySet<string>) =>
  CommandDescriptor.make("vknetd", optionsOf(words), address).pipe(
    CommandDescriptor.map(({ args, options }) => rawOf(options, args))
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
