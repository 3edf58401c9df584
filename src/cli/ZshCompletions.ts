import type { Operand } from "./CommandForm.ts"
import type { Completion } from "./Completions.ts"
import { builtInFlags, type Flag, spell, type Takes } from "./Flags.ts"

/** For zsh, in the form that its _arguments takes. Works from a folder of functions, and when it is sourced. */
export const zshCompletions = ([itself, ...commands]: ReadonlyArray<Completion>): string =>
  `#compdef vknetd
# Completions of vknetd for zsh, made by: vknetd --completions zsh
_vknetd() {
  local -a commands=(
${commands.map(({ command, purpose }) => `    ${quoted(`${command}:${purpose}`)}`).join("\n")}
  )
  if (( CURRENT > 2 && \${commands[(I)$words[2]:*]} )); then
    shift words
    (( CURRENT-- ))
    case $words[1] in
${commands.map(commandCase).join("\n")}
    esac
  else
    _arguments -s -S : \\
${itself!.options.flatMap(optionSpecs).map((spec) => `      ${quoted(spec)} \\\n`).join("")}\
      '1:command or address/cidrbits:{(( CURRENT == 2 )) && _describe -t commands command commands}'
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _vknetd "$@"
else
  compdef _vknetd vknetd
fi`

const commandCase = ({ command, operands, options }: Completion): string => {
  const specs = [...options.flatMap(optionSpecs), ...operands.map(operandSpec)]
  return `      (${command})
        _arguments -s -S : ${specs.map((spec) => `\\\n          ${quoted(spec)}`).join(" ")} ;;`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** `--mtu=[...]:BYTES: `; of one letter, the value may be in the same word. */
const optionSpecs = (flag: Flag): ReadonlyArray<string> => {
  const text = `[${flag.help.replace(/[\\\]:[]/g, "\\$&")}]`
  if (flag.name === builtInFlags.help.name) return [`(- *)-h${text}`, `(- *)${spell(flag)}${text}`]
  if (flag.value === undefined) return [`${spell(flag)}${text}`]
  return [`${spell(flag)}${flag.name.length === 1 ? "+" : "="}${text}:${messageOf(flag.value)}:${actionOf(flag.takes)}`]
}

const operandSpec = ({ name, optional, takes }: Operand, i: number): string =>
  `${i + 1}:${optional === true ? ":" : ""}${messageOf(name)}:${actionOf(takes)}`

const messageOf = (name: string): string => name.replaceAll(":", "\\:")

/** A blank says what is wanted, and offers nothing. */
const actionOf = (takes: Takes | undefined): string => {
  if (takes === undefined) return " "
  return takes === "file" ? "_files" : `(${takes.join(" ")})`
}
