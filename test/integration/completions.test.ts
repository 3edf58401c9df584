import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { completions } from "../../src/cli/Completions.ts"
import { spell } from "../../src/cli/Flags.ts"
import { runWords, vknetd } from "./commandTranscript.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { isThere } from "./hostProgram.ts"

/*
 * Each shell is asked by itself what it offers for lines that end where the cursor is: by a program that leaves, for
 * each line of the file `lines`, what is offered in the file `offers`, and a line of one dot.
 */
const programs: Readonly<Record<string, { readonly file: string; readonly text: string; readonly words: Words }>> = {
  // What readline does with COMP_WORDBREAKS is done here: `=` is a word.
  bash: {
    file: "ask",
    text: `
source ./_vknetd
while IFS= read -r line; do
  [[ $line == *' ' ]] && line+="''"
  eval "COMP_WORDS=(\${line//=/ = })"
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  _vknetd
  printf '%s\\n' "\${COMPREPLY[@]}" .
done <lines >offers`,
    words: ["bash", "ask"]
  },
  // What is added to the list of offers, and is no question about it, is what the user would see.
  zsh: {
    file: ".zshrc",
    text: `
fpath=($PWD $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  if [[ " $* " == *" -"[OAD]" "* ]]; then
    builtin compadd "$@"
    return
  fi
  local -a found
  builtin compadd -O found "$@"
  print -rl -- $found >>offers
  builtin compadd "$@"
}
ask() {
  for line in "\${(@f)$(<lines)}"; do
    BUFFER=$line CURSOR=$#line
    zle list-choices
    print . >>offers
  done
  exit
}
zle -N zle-line-init ask`,
    words: ["script", "-qec", "zsh -d -i", "/dev/null"]
  },
  fish: {
    file: "ask",
    text: `
source ./_vknetd
while read --local line
    complete -C $line | string replace --regex '\\t.*' ''
    echo .
end <lines >offers`,
    words: ["fish", "--no-config", "ask"]
  }
}

type Words = ReadonlyArray<string>

/** What the shell offers for each line, in order and each once. */
const offers = (shell: string, lines: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { file, text, words } = programs[shell]!
    const directory = yield* scratchDirectory()
    const { stdout } = yield* runWords([...vknetd, "--completions", shell])
    const files = { _vknetd: stdout, [file]: text, lines: lines.map((line) => `${line}\n`).join(""), "some.file": "" }
    for (const [name, content] of Object.entries(files)) fs.writeFileSync(`${directory}/${name}`, content)
    const env = { HOME: directory, ZDOTDIR: directory, TERM: "xterm" }
    const there = ["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", directory]
    const transcript = yield* runWords([...there, ...words], { env })
    assert.deepStrictEqual({ ...transcript, stdout: "" }, { status: 0, stdout: "", stderr: "" })
    const parts = fs.readFileSync(`${directory}/offers`, "utf8").split(/^\.\n/m)
    assert.strictEqual(parts.pop(), "")
    return parts.map((part) => sorted(part.split("\n").filter((offer) => offer !== "")))
  })

const sorted = (words: ReadonlyArray<string>) => [...new Set(words)].sort()

/** Lines, and what has to be offered: by the description from which the readers work, too. */
const promised: ReadonlyArray<readonly [line: string, offers: ReadonlyArray<string>]> = [
  ["vknetd stat", ["stations", "status"]],
  ["vknetd --log-", ["--log-file", "--log-format", "--log-level"]],
  ["vknetd -d stat", []],
  ["vknetd port 1 un", ["unisolate", "unpin"]],
  ["vknetd port --json -p /x 1 un", ["unisolate", "unpin"]],
  ["vknetd explain -U --frame 1 some", ["some.file"]],
  ["vknetd replay --isolate all --guests ", ["interface", "one", "station"]],
  ["vknetd status x", []],
  ["vknetd ", completions.slice(1).map(({ command }) => command)],
  ...completions.flatMap(({ command, operands, options }) => {
    const start = ["vknetd", command].join(" ").trim()
    return [
      [`${start} -`, [...options.map(spell), "-h"]] as const,
      ...options.filter(({ value }) => value !== undefined).map((option) => {
        const line = `${start} ${spell(option)} `
        return option.takes === "file" ? [`${line}so`, ["some.file"]] as const : [line, option.takes ?? []] as const
      }),
      ...(command === "" ? [] : operands).map(({ takes }, i) => {
        const line = `${start} ${"1 ".repeat(i)}`
        return takes === "file" ? [`${line}so`, ["some.file"]] as const : [line, takes ?? []] as const
      })
    ]
  })
]

for (const shell of Object.keys(programs)) {
  describe.runIf(isThere(shell))(`completions for ${shell}`, () => {
    it.scopedLive("offer every command, option and known word in its place, and nothing else", () =>
      Effect.gen(function*() {
        const offered = yield* offers(shell, promised.map(([line]) => line))
        assert.deepStrictEqual(
          promised.map(([line], i) => [line, offered[i]]),
          promised.map(([line, words]) => [line, sorted(words)])
        )
      }), 60_000)

    it.scopedLive("offer at most options where no operand is left", () =>
      Effect.gen(function*() {
        const offered = yield* offers(shell, ["vknetd capture ", "vknetd port 1 pin ", "vknetd status "])
        assert.deepStrictEqual(offered.flat().filter((offer) => !offer.startsWith("-")), [])
      }), 60_000)

    it.scopedLive("take a value behind the sign, too", () =>
      Effect.gen(function*() {
        const [offered] = yield* offers(shell, ["vknetd -d --isolate=u"])
        assert.deepStrictEqual(offered!.map((offer) => offer.replace(/^--isolate=/, "")), ["users"])
      }), 60_000)
  })
}
