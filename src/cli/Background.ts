import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import type { Readable } from "node:stream"
import { parseTidings, readinessVariable } from "./Readiness.ts"

// Node cannot fork, and daemon(3) would lose the event loop. So the command starts a copy of
// itself in a session of its own, without standard streams, and waits until that says that it serves.

/** The copy in the background did not get to serving. */
export class BackgroundError extends Data.TaggedError("BackgroundError")<{
  readonly message: string
}> {}

/** Descriptor of the copy on which it reports. */
const reportDescriptor = 3

/** How long an unfinished copy has for its orderly end when the command is interrupted. */
const endMs = 5000

/**
 * Starts the copy and waits until a connect to it would succeed.
 *
 * @param argv  the words behind the program's name; the copy reads them again.
 *
 * Succeeds with the tap's printed name, undefined without a tap. Fails with the copy's own error. When
 * interrupted, the copy is told to end and waited for.
 */
export const startInBackground = (
  argv: ReadonlyArray<string>
): Effect.Effect<string | undefined, BackgroundError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => start(argv)),
    (copy) => awaitReady(copy),
    (copy, exit) => exit._tag === "Success" ? Effect.sync(() => letGo(copy)) : end(copy)
  )

const start = (argv: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...argv], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    // Without io_uring, with which --user is refused. A switch has no use for it.
    env: { ...process.env, UV_USE_IO_URING: "0", [readinessVariable]: String(reportDescriptor) }
  })

const awaitReady = (copy: ChildProcess): Effect.Effect<string | undefined, BackgroundError> =>
  Effect.async((resume) => {
    const fail = (message: string) => resume(Effect.fail(new BackgroundError({ message })))
    let tapName: string | undefined
    let heard = ""
    copy.on("error", (cause: NodeJS.ErrnoException) =>
      fail(`cannot start a process in the background: ${cause.code ?? cause.message} (stay in the foreground with -d)`))
    // Not "exit", which may come before the last line.
    copy.on("close", (status, signal) =>
      fail(`the switch ended before it was ready: ${signal ?? `status ${status}`} (see why with -d)`))
    const report = copy.stdio[reportDescriptor] as Readable | null
    report?.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (heard + chunk).split("\n")
      heard = lines.pop() ?? ""
      for (const line of lines) {
        const tidings = parseTidings(line)
        if (tidings?.kind === "tap") tapName = tidings.name
        else if (tidings?.kind === "error") fail(tidings.message)
        else if (tidings?.kind === "ready") resume(Effect.succeed(tapName))
      }
    })
  })

/** Keeps this process from waiting for the copy. */
const letGo = (copy: ChildProcess): void => {
  copy.removeAllListeners()
  copy.stdio[reportDescriptor]?.destroy()
  copy.unref()
}

const end = (copy: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (copy.pid === undefined || copy.exitCode !== null || copy.signalCode !== null) return resume(Effect.void)
    copy.once("exit", () => resume(Effect.void))
    copy.kill("SIGTERM")
  }).pipe(
    Effect.timeoutOption(endMs),
    Effect.andThen(Effect.sync(() => letGo(copy)))
  )
