import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { startInBackground } from "./Background.ts"
import { readCommandLine } from "./Command.ts"
import type { Options } from "./Options.ts"
import { takeReporter } from "./Readiness.ts"
import { runMonitor, runSwitch } from "./Run.ts"
import type { UserError } from "./UserError.ts"

const argv = process.argv.slice(2)

/** There in a copy that another command has put into the background and waits for. */
const reporter = takeReporter(process.env)

/** What an interrupt means for the exit status: the orderly end of a switch, or a start that did not come about. */
let statusWhenInterrupted = 0

const debug = process.env["VKNETD_DEBUG"] === "1"

const program: Effect.Effect<void, UserError> = Effect.gen(function*() {
  const request = yield* readCommandLine(argv, currentDirectory())
  if (request.kind === "print") return print(request.text)
  const { options } = request
  if (options.kind === "monitor") return yield* monitor(options)
  if (options.foreground || reporter !== undefined) return yield* serve(options)
  statusWhenInterrupted = 1
  const tapName = yield* startInBackground(argv)
  if (tapName !== undefined) print(tapName)
})

/** Paths are absolute from here on, so that the copy in the background need not hold on to a directory. */
const serve = (options: Options): Effect.Effect<void, UserError> =>
  Effect.suspend(() => {
    process.title = "vknetd"
    if (reporter !== undefined) process.chdir("/")
    hangupIsHarmless()
    return runSwitch(options, { ready: (text) => Effect.sync(() => announce(text)) })
  })

const announce = (text: string | undefined): void => {
  if (reporter === undefined) {
    if (text !== undefined) print(text)
    return
  }
  if (text !== undefined) reporter.tell({ kind: "tap", name: text })
  reporter.tell({ kind: "ready" })
  reporter.close()
}

const monitor = (options: Options): Effect.Effect<void, UserError> =>
  Effect.suspend(() => {
    // Nobody reads the dump any more.
    process.stdout.on("error", () => process.exit(0))
    return runMonitor(options)
  })

/**
 * Without a listener HUP would end the process and leave its socket. Said once, for HUP may come from
 * every log rotation.
 */
const hangupIsHarmless = (): void => {
  let told = false
  process.on("SIGHUP", () => {
    if (told) return
    told = true
    Effect.runFork(Effect.logInfo("HUP received: nothing to reload").pipe(Effect.provide(logs)))
  })
}

const currentDirectory = (): string => {
  try {
    return process.cwd()
  } catch {
    // It has been removed. Paths given relative to it are looked for where everything begins.
    return "/"
  }
}

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

/** The one line of a failure: for who waits for a copy in the background, else on standard error. */
const report = (message: string): void => {
  const line = message.replace(/\s*[\r\n]+\s*/g, " ")
  if (reporter === undefined) process.stderr.write(`vknetd: ${line}\n`)
  else reporter.tell({ kind: "error", message: line })
}

const reportDefect = (defect: unknown): void => {
  report(`internal error: ${defect instanceof Error ? defect.message : String(defect)}`)
  if (debug) process.stderr.write(`${defect instanceof Error ? defect.stack : Cause.pretty(Cause.die(defect))}\n`)
}

const reportCause = (cause: Cause.Cause<UserError>): void => {
  if (Cause.isInterruptedOnly(cause)) return
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) report(failure.value.message)
  else reportDefect(Cause.squash(cause))
  if (debug) process.stderr.write(`${Cause.pretty(cause, { renderErrorCause: true })}\n`)
}

const logs = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

// A reader that has gone away must not end the switch.
process.stdout.on("error", () => {})
process.stderr.on("error", () => {})
process.on("uncaughtException", (defect) => {
  reportDefect(defect)
  process.exit(1)
})

program.pipe(
  Effect.tapErrorCause((cause) => Effect.sync(() => reportCause(cause))),
  Effect.provide(logs),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => {
      reporter?.close()
      if (Exit.isSuccess(exit)) return onExit(0)
      onExit(Cause.isInterruptedOnly(exit.cause) ? statusWhenInterrupted : 1)
    }
  })
)
