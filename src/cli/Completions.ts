import * as Either from "effect/Either"
import { bashCompletions } from "./BashCompletions.ts"
import { optionsOf, operandsOf, type Operand } from "./CommandForm.ts"
import { fishCompletions } from "./FishCompletions.ts"
import { allFlags, builtInFlags, type Flag } from "./Flags.ts"
import { forms } from "./Forms.ts"
import { type Read, readWord } from "./OptionValue.ts"
import { zshCompletions } from "./ZshCompletions.ts"

/** What a shell can offer behind one command's name; the switch itself has an empty one, and no word of it. */
export interface Completion {
  readonly command: string
  readonly purpose: string
  readonly options: ReadonlyArray<Flag>
  readonly operands: ReadonlyArray<Operand>
}

/** The switch first. */
export const completions: ReadonlyArray<Completion> = [
  { command: "", purpose: "", options: allFlags, operands: [{ name: "address/cidrbits" }] },
  ...forms.map((form) => ({
    command: form.name,
    purpose: form.purpose,
    options: optionsOf(form),
    operands: operandsOf(form)
  }))
]

/** The completion script for a shell. */
export const readCompletions = (shell: string): Read<string> =>
  Either.map(readWord(builtInFlags.completions, shell), (shell) => scripts[shell](completions))

const scripts: Readonly<Record<ShellName, (completions: ReadonlyArray<Completion>) => string>> = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
  sh: bashCompletions
}

type ShellName = typeof builtInFlags.completions.takes[number]
