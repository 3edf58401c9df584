import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as path from "node:path"
import { type HostProcess, HostProcessError, startProcess } from "../guests/HostProcess.ts"
import { makeNetns, type Netns } from "../guests/Netns.ts"
import { scratchDirectory } from "../guests/Scratch.ts"
import { installForEverybody } from "../guests/SwitchUnderTest.ts"
import { umlEnvironment } from "../guests/UmlGuest.ts"
import type { Typed } from "./Page.ts"

/*
 * The reader of a page: a machine of his own, as far as interfaces, processes, /run, /etc and the home directory go,
 * and as many terminals as he likes.
 */

const answerMs = 40_000

export interface Desk {
  readonly netns: Netns
  readonly home: string
  /** How a path in it is reached from outside, as long as no link is on the way. */
  readonly outside: (path: string) => string
  /** Types one line and waits for its answer: until it shows what is expected and, unless it stays, has ended. */
  readonly type: (typed: Typed) => Effect.Effect<void, HostProcessError>
}

/** What makes one reader's machine differ from another's. */
export interface Furniture {
  /** Lines of shell that are run in it before anything is typed. */
  readonly setup: ReadonlyArray<string>
  /** The words that start a terminal's shell. */
  readonly shell: ReadonlyArray<string>
}

/** What a new machine is made of: /etc can be changed, /run and what servers keep are empty, none is seen outside. */
const furnish = (home: string, setup: ReadonlyArray<string>): string =>
  [
    "set -e",
    `cp -a /etc ${home}/.etc && mount --bind ${home}/.etc /etc`,
    "mount -t tmpfs -o mode=0755 tmpfs /run",
    "mount -t tmpfs -o mode=0755 tmpfs /home",
    "mount -t tmpfs tmpfs /var/lib/misc",
    ...setup,
    "echo furnished",
    // A parent for those whose own has ended, as init(8) is: they are waited for.
    "sleep 600 & wait"
  ].join("\n")

/** A kernel that boots, or a switch that stays in the foreground: its terminal is its own from then on. */
const stays = (command: string): boolean => /linux\.uml|qemu-system|--simulate|vknetd -d|npm start/.test(command)

/** What is typed before a booting kernel has its shell is lost. */
const hasPrompt = (command: string, output: string): boolean =>
  !command.includes("linux.uml") || /^# $/m.test(output)

const quote = (line: string): string => line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/(\\\.){3}/g, ".*")

/** The first expected line that the output lacks, behind those before it; undefined if it has all. */
export const missing = (output: string, expected: ReadonlyArray<string>): string | undefined => {
  const lines = output.split(/\r?\n/)
  let from = 0
  for (const line of expected) {
    const at = lines.findIndex((given, i) => i >= from && new RegExp(quote(line)).test(given))
    if (at < 0) return line
    from = at + 1
  }
  return undefined
}

/** Only process of this parent. */
const childOf = (pid: number): number | undefined => {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
  return children === "" ? undefined : Number(children)
}

/** A reader's machine with the command in its path, and no other furniture. */
export const makeDesk: Effect.Effect<Desk, HostProcessError, Scope.Scope> = Effect.gen(function*() {
  const [, command] = yield* installForEverybody
  return yield* makeFurnishedDesk(() => ({
    setup: [],
    shell: ["env", `PATH=${path.dirname(command!)}:${process.env["PATH"]}:/usr/sbin:/sbin`, "bash"]
  }))
})

/** @param furniture what the machine is made of, given the reader's directory. */
export const makeFurnishedDesk = (
  furniture: (home: string) => Furniture
): Effect.Effect<Desk, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const home = yield* scratchDirectory()
    const netns = yield* makeNetns
    const { setup, shell: shellWords } = furniture(home)
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    const machine = yield* netns.start(["unshare", ...namespaces, "sh", "-c", furnish(home, setup)])
    yield* machine.waitUntil("furnished", () => machine.stdout().includes("furnished") || undefined, 10_000)
    const init = childOf(machine.pid)
    const inside = ["nsenter", "--target", `${init}`, "--mount", "--net", "--pid", "--"]
    const env = { ...umlEnvironment(home), PS1: "" }
    const terminals = new Map<string, HostProcess>()
    let typedLines = 0

    const terminal = (name: string) =>
      Effect.gen(function*() {
        const open = terminals.get(name)
        if (open !== undefined) return open
        const shell = yield* startProcess([...inside, "env", "-C", home, ...shellWords], { env })
        terminals.set(name, shell)
        return shell
      })
    const scope = yield* Effect.scope
    return {
      netns,
      home,
      outside: (path) => `/proc/${init}/root${path}`,
      type: ({ command, expected, terminal: name }) =>
        Effect.gen(function*() {
          const shell = yield* terminal(name)
          const from = shell.stdout().length
          const errorsFrom = shell.stderr().length
          const mark = ++typedLines
          shell.write(stays(command) ? `${command}\n` : `${command}\necho "status-${mark} $?"\n`)
          const ended = new RegExp(`^.*status-${mark} (\\d+)`, "m")
          const output = () => `${shell.stdout().slice(from)}\n${shell.stderr().slice(errorsFrom)}`
          const look = (): string | undefined => {
            if (ended.test(output())) return output()
            if (!stays(command) || !hasPrompt(command, output())) return undefined
            return missing(output(), expected) === undefined ? output() : undefined
          }
          yield* shell.waitUntil(`${command}: ${expected.join(" / ")}`, look, answerMs)
          const lacking = missing(output(), expected)
          const status = ended.exec(output())?.[1] ?? "0"
          // What is said of the answer decides; of a line without an answer it is said that it succeeds.
          if (lacking !== undefined || (expected.length === 0 && status !== "0")) {
            return yield* new HostProcessError({
              command,
              problem: lacking === undefined ? `status ${status}` : `does not say: ${lacking}`,
              output: output()
            })
          }
        }).pipe(Effect.provideService(Scope.Scope, scope))
    }
  })
