import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Binding } from "../../../src/adapters/native/Binding.ts"

/** What a function that runs in a child finds there. */
export interface Tools {
  readonly binding: Binding
  /** Runs a command to its end; standard output, or an error that carries standard error. */
  readonly run: (command: string, ...args: ReadonlyArray<string>) => string
}

/** A Node process with the addon loaded, in other circumstances than ours: limits, a network namespace. */
export interface NativeChild {
  /** Evaluates a function there. It must not refer to anything outside itself; what it returns must be JSON. */
  readonly evaluate: <R, A = undefined>(body: (tools: Tools, argument: A) => R, argument?: A) => Promise<R>
  /** Ends it as a crash would. */
  readonly kill: () => Promise<void>
}

const script = `
const { createRequire } = require("node:module")
const { spawnSync } = require("node:child_process")
const binding = require(process.argv[1])
const run = (command, ...args) => {
  const done = spawnSync(command, args, { encoding: "utf8" })
  if (done.status !== 0) throw new Error(command + " " + args.join(" ") + ": " + (done.error ?? done.stderr))
  return done.stdout
}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { body, argument } = JSON.parse(line)
  let answer
  try {
    answer = { value: (0, eval)("(" + body + ")")({ binding, run }, argument) }
  } catch (error) {
    answer = { error: String(error) }
  }
  const text = JSON.stringify(answer, (_, value) => typeof value === "bigint" ? String(value) : value)
  process.stdout.write(text + "\\n")
})
`

const addonPath = fileURLToPath(new URL("../../../build/Release/vknetd.node", import.meta.url))

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", () => resolve()))

/** Starts one, behind the words of `prefix` (e.g. `["unshare", "-n"]`). */
export const start = (...prefix: ReadonlyArray<string>): NativeChild => {
  const [command, ...args] = [...prefix, process.execPath, "-e", script, addonPath]
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    evaluate: async (body, argument) => {
      child.stdin.write(`${JSON.stringify({ body: String(body), argument })}\n`)
      const { done, value } = await answers.next()
      if (done === true) throw new Error("the child ended")
      const answer = JSON.parse(value)
      if ("error" in answer) throw new Error(answer.error)
      return answer.value
    },
    kill: async () => {
      child.kill("SIGKILL")
      await ended(child)
    }
  }
}

/** Starts one, uses it, ends it. */
export const within = async <R>(
  prefix: ReadonlyArray<string>,
  use: (child: NativeChild) => Promise<R>
): Promise<R> => {
  const child = start(...prefix)
  try {
    return await use(child)
  } finally {
    await child.kill()
  }
}
