import type { Completion } from "./Completions.ts"
import { builtInFlags, type Flag, spell, type Takes } from "./Flags.ts"

/** For fish: a line for each thing to offer, with the condition under which it is. */
export const fishCompletions = (completions: ReadonlyArray<Completion>): string => {
  const commands = completions.slice(1)
  return [
    "# Completions of vknetd for fish, made by: vknetd --completions fish",
    functions(commands.map(({ command }) => command)),
    "complete -c vknetd -f",
    ...commands.map(({ command, purpose }) =>
      `complete -c vknetd -n __vknetd_first -a ${command} -d ${quoted(purpose)}`),
    ...completions.flatMap(({ command, operands, options }) => {
      const valued = options.filter(({ value }) => value !== undefined).map(spell).join(" ")
      return [
        ...options.map((option) => optionLine(command, option)),
        ...operands.flatMap(({ name, takes }, i) => {
          if (takes === undefined) return []
          const condition = quoted(`__vknetd_operand ${command} ${i + 1} ${valued}`)
          return [`complete -c vknetd -n ${condition}${offered(takes)} -d ${quoted(name)}`]
        })
      ]
    })
  ].join("\n")
}

/** @param names of the commands. */
const functions = (names: ReadonlyArray<string>): string =>
  `# No word is there yet.
function __vknetd_first
    test (count (commandline -poc)) -eq 1
end
# The command is this one; without one: the switch itself.
function __vknetd_of
    set -l words (commandline -poc)
    if test (count $argv) -eq 1
        test "$words[2]" = $argv[1]
    else
        not contains -- "$words[2]" ${names.join(" ")}
    end
end
# It is the command's, and this operand's turn, by its number; the rest are options behind which a value follows.
function __vknetd_operand
    __vknetd_of $argv[1]
    or return
    set -l number 1
    set -l is_value no
    for word in (commandline -poc)[3..]
        if test $is_value = yes
            set is_value no
        else if contains -- $word $argv[3..]
            set is_value yes
        else if not string match -q -- '-*' $word
            set number (math $number + 1)
        end
    end
    test $number -eq $argv[2]
end`

const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`

const optionLine = (command: string, flag: Flag): string => {
  const short = flag.name === builtInFlags.help.name ? " -s h" : ""
  const name = flag.name.length === 1 ? ` -s ${flag.name}` : `${short} -l ${flag.name}`
  const value = flag.value === undefined ? "" : flag.takes === undefined ? " -x" : ` -r${offered(flag.takes)}`
  return `complete -c vknetd -n ${quoted(`__vknetd_of ${command}`.trim())}${name}${value} -d ${quoted(flag.help)}`
}

const offered = (takes: Takes): string => takes === "file" ? " -F" : ` -f -a ${quoted(takes.join(" "))}`
