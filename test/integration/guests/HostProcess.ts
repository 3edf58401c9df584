import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"

/** A process of this machine did not do what was asked of it, or not in time. */
export class HostProcessError extends Data.TaggedError("HostProcessError")<{
  readonly command: string
  /** What went wrong, e.g. `status 1`. */
  readonly problem: string
  /** The end of what it printed. */
  readonly output: string
}> {
  override get message(): string {
    return `${this.command}: ${this.problem}\n${this.output}`
  }
}

/** How a process ended: exactly one of the two is not null. */
export interface Ending {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
}

/** A started process, which leads a process group of its own. */
export interface HostProcess {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  /** Writes to its standard input. Harmless after its end. */
  readonly write: (text: string) => void
  /** Closes its standard input. */
  readonly endInput: () => void
  /** Sends it, and it alone, a signal. Harmless after its end. */
  readonly signal: (name: NodeJS.Signals) => void
  /** How it ended, or undefined as long as it runs. */
  readonly ending: () => Ending | undefined
  /** Waits for its end. */
  readonly waitForEnd: (timeoutMs: number) => Effect.Effect<Ending, HostProcessError>
  /** Waits until `look` gives something; fails when the process ends before. */
  readonly waitUntil: <A>(
    what: string,
    look: () => A | undefined,
    timeoutMs: number
  ) => Effect.Effect<A, HostProcessError>
}

export interface HostProcessOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Runs it as this user and group, without supplementary groups. Needs root. */
  readonly uid?: number | undefined
  /** What it gets should the test die without tidying up; default SIGKILL. */
  readonly orphanSignal?: "KILL" | "TERM"
  /** Asks it to end before the scope kills it. */
  readonly beforeKill?: (process: HostProcess) => Effect.Effect<void>
}

const pollMs = 10

/** Where an ordinary user finds programs; root's own PATH may lead into directories closed to it. */
const ordinaryPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

/** setpriv(1) in front: the kernel itself ends the process when its starter, the test, is gone. */
const bound = (argv: ReadonlyArray<string>, options: HostProcessOptions): Array<string> => [
  "setpriv",
  `--pdeathsig=${options.orphanSignal ?? "KILL"}`,
  ...(options.uid === undefined
    ? []
    : [`--reuid=${options.uid}`, `--regid=${options.uid}`, "--clear-groups"]),
  "--",
  ...argv
]

const spawnBound = (argv: ReadonlyArray<string>, options: HostProcessOptions): HostProcess => {
  const [file, ...rest] = bound(argv, options)
  const child = spawn(file!, rest, {
    detached: true,
    env: {
      ...process.env,
      ...(options.uid === undefined ? {} : { PATH: ordinaryPath }),
      ...options.env
    }
  })
  const command = argv.join(" ")
  let stdout = ""
  let stderr = ""
  let ending: Ending | undefined
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  child.stdin.on("error", () => {})
  child.on("error", (error) => {
    stderr += error.message
    ending ??= { status: 127, signal: null }
  })
  child.on("close", (status, signal) => (ending ??= { status, signal }))

  const failure = (problem: string): HostProcessError =>
    new HostProcessError({ command, problem, output: (stdout + stderr).slice(-2000) })
  const poll = <A>(what: string, look: () => A | undefined, timeoutMs: number, whileRunning: boolean) =>
    Effect.gen(function*() {
      const deadline = performance.now() + timeoutMs
      while (performance.now() < deadline) {
        const found = look()
        if (found !== undefined) return found
        if (whileRunning && ending !== undefined) {
          return yield* failure(`ended (${ending.status ?? ending.signal}) before ${what}`)
        }
        yield* Effect.sleep(pollMs)
      }
      return yield* failure(`not ${what} within ${timeoutMs} ms`)
    })

  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    write: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    signal: (name) => void child.kill(name),
    ending: () => ending,
    waitForEnd: (timeoutMs) => poll("ended", () => ending, timeoutMs, false),
    waitUntil: (what, look, timeoutMs) => poll(what, look, timeoutMs, true)
  }
}

const killGroup = (child: HostProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (child.pid === 0) return Effect.void
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch {
      // ESRCH: nobody of the group is left.
    }
    return Effect.ignore(child.waitForEnd(2000))
  })

/** Starts a process; its whole group is killed when the scope ends. */
export const startProcess = (
  argv: ReadonlyArray<string>,
  options: HostProcessOptions = {}
): Effect.Effect<HostProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawnBound(argv, options)),
    (child) =>
      Effect.suspend(() =>
        child.ending() === undefined && options.beforeKill !== undefined
          ? options.beforeKill(child)
          : Effect.void
      ).pipe(Effect.zipRight(killGroup(child)))
  )

/** What a command that ran to its end left behind. */
export interface Outcome {
  readonly status: number
  readonly output: string
}

/** Runs a command to its end. `output` is standard output, then standard error. */
export const runProcess = (
  argv: ReadonlyArray<string>,
  options: HostProcessOptions & { readonly timeoutMs?: number } = {}
): Effect.Effect<Outcome, HostProcessError> =>
  Effect.gen(function*() {
    const child = yield* startProcess(argv, options)
    const { signal, status } = yield* child.waitForEnd(options.timeoutMs ?? 10_000)
    return { status: status ?? 128, output: child.stdout() + child.stderr() + (signal ?? "") }
  }).pipe(Effect.scoped)

/** Runs a command that has to succeed, and gives its output. */
export const succeed = (
  argv: ReadonlyArray<string>,
  options: HostProcessOptions & { readonly timeoutMs?: number } = {}
): Effect.Effect<string, HostProcessError> =>
  Effect.flatMap(runProcess(argv, options), ({ output, status }) =>
    status === 0
      ? Effect.succeed(output)
      : new HostProcessError({ command: argv.join(" "), problem: `status ${status}`, output }))
