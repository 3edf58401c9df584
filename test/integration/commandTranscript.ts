import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import type { HostProcessError, HostProcessOptions } from "./guests/HostProcess.ts"
import { startProcess } from "./guests/HostProcess.ts"

/** The words that run the built command. */
export const vknetd: readonly [string, string] = [
  process.execPath,
  fileURLToPath(new URL("../../bin/vknetd", import.meta.url))
]

/** What a user sees of one command. */
export interface Transcript {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const endMs = 15_000

/** Runs the built command to its end. @param prefix words in front of it, e.g. a namespace's. */
export const run = (
  argv: ReadonlyArray<string>,
  prefix: ReadonlyArray<string> = [],
  options?: HostProcessOptions
): Effect.Effect<Transcript, HostProcessError> => runWords([...prefix, ...vknetd, ...argv], options)

/** The same for any words. */
export const runWords = (
  words: ReadonlyArray<string>,
  options?: HostProcessOptions
): Effect.Effect<Transcript, HostProcessError> =>
  Effect.gen(function*() {
    const process = yield* startProcess(words, options)
    process.endInput()
    const { status } = yield* process.waitForEnd(endMs)
    return { status, stdout: process.stdout(), stderr: process.stderr() }
  }).pipe(Effect.scoped)

/** A mistake looks like this, whatever it is: status 1, one line on standard error, nothing on standard output. */
export const assertMistake = (transcript: Transcript, line: string | RegExp): void => {
  assert.strictEqual(transcript.stdout, "")
  assert.match(transcript.stderr, /^vknetd: [^\n]+\n$/)
  const message = transcript.stderr.slice("vknetd: ".length, -1)
  if (typeof line === "string") assert.strictEqual(message, line)
  else assert.match(message, line)
  assert.strictEqual(transcript.status, 1)
}

/** What a failed start might have left behind on this machine. */
export const traces = (directory: string): unknown => ({
  files: fs.readdirSync(directory).sort().map((name) => {
    const { ino, mode, mtimeMs, size } = fs.lstatSync(`${directory}/${name}`)
    return { name, ino, mode, mtimeMs, size }
  }),
  taps: fs.existsSync("/sys/class/net")
    ? fs.readdirSync("/sys/class/net").filter((name) => name.startsWith("tap")).sort()
    : [],
  defaults: ["/var/run/vknet", "/var/run/vknetd.pid"].filter((path) => fs.existsSync(path))
})

/**
 * A process that has ended may wait for its new parent, process 1, to take note. It is then a zombie, and so is one
 * whose first thread has ended before the others have: only without those it holds no descriptors any more.
 */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    if (process.platform !== "linux") return true
    const isZombie = /\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
    return !isZombie || fs.readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false
  }
}

/** Waits until `look` gives something. */
export const until = <A>(what: string, look: () => A | undefined, milliseconds = 5000): Effect.Effect<A> =>
  Effect.gen(function*() {
    const deadline = performance.now() + milliseconds
    while (performance.now() < deadline) {
      const found = look()
      if (found !== undefined) return found
      yield* Effect.sleep(10)
    }
    return yield* Effect.dieMessage(`not ${what} within ${milliseconds / 1000} s`)
  })

/** Waits until there is no such process. */
export const gone = (pid: number): Effect.Effect<void> =>
  until(`ended: process ${pid}`, () => isRunning(pid) ? undefined : true).pipe(Effect.asVoid)

/** A switch in the background, and what the command that put it there said. */
export interface Backgrounded extends Transcript {
  readonly pid: number
}

/** Puts a switch into the background; should it still run when the scope ends, it is killed. */
export const background = (
  argv: ReadonlyArray<string>,
  pidFilePath: string,
  prefix: ReadonlyArray<string> = []
): Effect.Effect<Backgrounded, HostProcessError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const transcript = yield* run([...argv, "-i", pidFilePath], prefix)
      if (transcript.status !== 0) return yield* Effect.dieMessage(`did not start: ${transcript.stderr}`)
      return { ...transcript, pid: Number(fs.readFileSync(pidFilePath, "utf8")) }
    }),
    ({ pid }) =>
      Effect.suspend(() => {
        if (!isRunning(pid)) return Effect.void
        process.kill(pid, "SIGKILL")
        return gone(pid)
      })
  )
