import type { Completion } from "./Completions.ts"
import { spell, type Takes } from "./Flags.ts"

/**
 * For bash, with what bash itself has. `key` is what is being completed: an option's value by its spelling, an
 * operand by its number.
 */
export const bashCompletions = (completions: ReadonlyArray<Completion>): string =>
  `# Completions of vknetd for bash, made by: vknetd --completions bash
_vknetd() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local command= key=1 i=1 options valued words= files=
  COMPREPLY=()
  # --name=value is three words to bash.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if (( COMP_CWORD > 1 )); then
    case \${COMP_WORDS[1]} in
      ${completions.slice(1).map(({ command }) => command).join("|")}) command=\${COMP_WORDS[1]} i=2 ;;
    esac
  fi
  case $command in
${cases(completions.map(optionsCase))}
  esac
  while (( i < COMP_CWORD )); do
    if [[ " $valued " == *" \${COMP_WORDS[i]} "* ]]; then
      (( i++ ))
      [[ \${COMP_WORDS[i]} == = ]] && (( i++ ))
    elif [[ \${COMP_WORDS[i]} != -* ]]; then
      (( key++ ))
    fi
    (( i++ ))
  done
  (( i > COMP_CWORD )) && key=$before
  case "$command $key" in
    ' 1') (( COMP_CWORD == 1 )) && words='${completions.slice(1).map(({ command }) => command).join(" ")}' ;;
${cases(completions.flatMap(valueCases))}
  esac
  [[ $key != -* && $word == -* ]] && words=$options files=
  if [[ $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  fi
}
complete -F _vknetd vknetd`

/** What `case` looks for, and what it then does. */
type Case = readonly [pattern: string, does: string]

const optionsCase = ({ command, options }: Completion): Case => {
  const valued = options.filter(({ value }) => value !== undefined).map(spell)
  return [`'${command}'`, `options='${options.map(spell).join(" ")} -h' valued='${valued.join(" ")}'`]
}

/** What can be told beforehand has a case. */
const valueCases = ({ command, operands, options }: Completion): ReadonlyArray<Case> => {
  const keyed: ReadonlyArray<readonly [key: string, takes: Takes | undefined]> = [
    ...options.map((option) => [spell(option), option.takes] as const),
    ...operands.map(({ takes }, i) => [String(i + 1), takes] as const)
  ]
  return keyed.flatMap(([key, takes]) => takes === undefined ? [] : [[`'${command} ${key}'`, offered(takes)] as const])
}

const offered = (takes: Takes): string => takes === "file" ? "files=yes" : `words='${takes.join(" ")}'`

/** As lines; those that do the same share one. */
const cases = (all: ReadonlyArray<Case>): string => {
  const patternsOf = new Map<string, Array<string>>()
  for (const [pattern, does] of all) patternsOf.set(does, [...patternsOf.get(does) ?? [], pattern])
  return [...patternsOf].map(([does, patterns]) => `    ${patterns.join("|")}) ${does} ;;`).join("\n")
}
