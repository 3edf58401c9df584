import { builtInFlags, type Flag, spell, type Takes } from "./Flags.ts"

/** A word of a command line that is no option. */
export interface Operand {
  /** As the usage line has it. */
  readonly name: string
  readonly takes?: Takes
  readonly optional?: true
}

/**
 * What a subcommand takes: the one description for its reader, its usage line and the completions. Every one of them
 * also takes `-h` and `--help`.
 */
export interface CommandForm {
  readonly name: string
  /** What the command is for: one line, behind the usage in its help. */
  readonly purpose: string
  /** Each may be left out. */
  readonly options: ReadonlyArray<Flag>
  /** More of them, which the usage line calls by one name. */
  readonly further?: { readonly name: string; readonly options: ReadonlyArray<Flag> }
  /** Options of which one has to be there, each with operands of its own. */
  readonly ways?: ReadonlyArray<{ readonly option: Flag; readonly operands: ReadonlyArray<Operand> }>
  readonly operands: ReadonlyArray<Operand>
  /** For who gives an operand too many: where it belongs. */
  readonly surplusHint?: string
}

/** An option and its value as the user writes them: `-p socket_path`. */
export const headOf = (flag: Flag): string => flag.value === undefined ? spell(flag) : `${spell(flag)} ${flag.value}`

/** Options and operands as they follow the command's name, each behind a blank. */
const synopsis = ({ further, operands, options, ways = [] }: CommandForm): string => {
  const parts = options.map((option) => `[${headOf(option)}]`)
  if (further !== undefined) parts.push(`[${further.name} ...]`)
  if (ways.length > 0) {
    const each = ways.map(({ operands, option }) => [headOf(option), ...operands.map(nameOf)].join(" "))
    parts.push(`(${each.join(" | ")})`)
  }
  return [...parts, ...operands.map(nameOf)].map((part) => ` ${part}`).join("")
}

const nameOf = ({ name, optional }: Operand): string => optional === true ? `[${name}]` : name

/** The usage in one line, with which mistakes of form end. */
export const usageOf = (form: CommandForm): string => `usage: vknetd ${form.name}${synopsis(form)}`

/** Every option that there is, in the order of the usage line; `--help` last. */
export const optionsOf = ({ further, options, ways = [] }: CommandForm): ReadonlyArray<Flag> => [
  ...options,
  ...(further?.options ?? []),
  ...ways.map(({ option }) => option),
  builtInFlags.help
]

/** The operands that belong to what was given; without any way given, those of the longest. */
export const operandsOf = (
  { operands, ways = [] }: CommandForm,
  isGiven: (option: Flag) => boolean = () => false
): ReadonlyArray<Operand> => {
  const longest = [...ways].sort((a, b) => b.operands.length - a.operands.length)[0]
  const way = ways.find(({ option }) => isGiven(option)) ?? longest
  return [...(way?.operands ?? []), ...operands]
}
