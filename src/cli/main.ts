import * as StackTraces from "./StackTraces.ts"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { load } from "../adapters/native/Binding.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import { readCommandLine } from "./Command.ts"
import { guardEnd } from "./EndSignals.ts"
import * as Log from "./Log.ts"
import { type LogLevel, logLevels } from "./LogLine.ts"
import type { Options } from "./Options.ts"
import { answerSignals } from "./ProcessSignals.ts"
import { takeReporter } from "./Readiness.ts"
import * as ReadyDescriptor from "./ReadyDescriptor.ts"
import { runMonitor, runSwitch } from "./Run.ts"
import { type ServiceNotifier, takeNotifier } from "./ServiceNotifier.ts"
import { takeDescriptors } from "./SocketActivation.ts"
import { stateOf } from "./StateDump.ts"
import { ValueError } from "./UsageError.ts"
import type { UserError } from "./UserError.ts"

StackTraces.resume()

const argv = process.argv.slice(2)

/** There in a copy that another command has put into the background and waits for. */
const reporter = takeReporter(process.env)

/** What an interrupt means for the exit status: the orderly end of a switch, or a start that did not come about. */
let statusWhenInterrupted = 0

/** Before this process leaves it. */
const cwd = currentDirectory()

const debug = process.env["VKNETD_DEBUG"] === "1"

const log = Log.make(load)

/** What a service manager has handed over. */
const handedOver = takeDescriptors(process.env, process.pid)

const program: Effect.Effect<void, UserError> = Effect.gen(function*() {
  const request = yield* readCommandLine(argv, cwd)
  if (request.kind === "print") return print(request.text)
  const { options } = request
  if (options.kind === "monitor") return yield* monitor(options)
  if (options.foreground || reporter !== undefined) return yield* serve(options)
  if (handedOver.sockets !== undefined) {
    return yield* new ValueError({ message: "a socket was handed over, and is lost in the background; give -d" })
  }
  yield* ReadyDescriptor.check(options.readyFd)
  statusWhenInterrupted = 1
  const { startInBackground } = yield* Effect.promise(() => import("./Background.ts"))
  const tapName = yield* startInBackground(argv)
  if (tapName !== undefined) print(tapName)
  ReadyDescriptor.say(options.readyFd)
})

/** Paths are absolute from here on, so that the copy in the background need not hold on to a directory. */
const serve = (options: Options): Effect.Effect<void, UserError> =>
  Effect.gen(function*() {
    if (reporter !== undefined) process.chdir("/")
    // In the background the command that waits says it.
    const readyFd = reporter === undefined ? options.readyFd : undefined
    yield* ReadyDescriptor.check(readyFd)
    yield* log.direct(options.log, { background: reporter !== undefined })
    const notifier = takeNotifier(process.env, load)
    let serving: RunningSwitch | undefined
    const served = yield* Deferred.make<RunningSwitch>()
    answerSignals({ hangup: hangup(notifier, options, () => serving), dump: dump(served) }, log.here)
    // Whose the switch is decides who puts the system back as it was.
    const ownership = { held: !options.takeover }
    return yield* runSwitch(options, {
      handedOver,
      notifier,
      ownership,
      regained: (running) => notifier.ready(statusOf(running)),
      log: { levels: logLevels, level: log.level, setLevel: (level) => log.setLevel(level as LogLevel) },
      announce: (text) => {
        announce(text)
        ReadyDescriptor.say(readyFd)
      },
      serves: (running) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            serving = running
            notifier.ready(statusOf(running))
            return Deferred.succeed(served, running)
          }),
          () => Effect.sync(() => ownership.held ? notifier.stopping() : undefined)
        )
    })
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
 * Opens the log file anew, and reads the settings file anew. What there is nothing to do for is said once: HUP may come
 * from every log rotation.
 */
const hangup = (
  notifier: ServiceNotifier,
  started: Options,
  serving: () => RunningSwitch | undefined
): Effect.Effect<void> => {
  let told = false
  const oneByOne = Effect.unsafeMakeSemaphore(1).withPermits(1)
  return Effect.gen(function*() {
    const running = serving()
    if (running !== undefined) notifier.reloading()
    const isReopened = yield* log.reopen
    if (started.configPath !== undefined) {
      // What is still starting has just read it.
      if (running !== undefined) {
        const { reload } = yield* Effect.promise(() => import("./Reload.ts"))
        yield* oneByOne(reload(running, { argv, cwd, started, log }))
      }
    } else if (!isReopened && !told) {
      told = true
      yield* Effect.logInfo("HUP received: nothing to reload")
    }
    if (running !== undefined) notifier.ready(statusOf(running))
  })
}

/** One event with everything in it, as JSON. What is still starting says that, and everything as soon as it serves. */
const dump = (served: Deferred.Deferred<RunningSwitch>): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (!(yield* Deferred.isDone(served))) log.tell("state", "starting")
    log.tell("state", yield* stateOf(yield* Deferred.await(served)))
  })

/** What a service manager shows beside the switch. */
const statusOf = ({ socketPath, tap }: RunningSwitch): string =>
  `serving on ${socketPath}, ${tap === undefined ? "no host side" : tap.interfaceName}`

function currentDirectory(): string {
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

/** The one line of a failure: in the foreground on standard error, else for who waits for the copy, or in its log. */
const report = (message: string): void => {
  const line = message.replace(/\s*[\r\n]+\s*/g, " ")
  if (reporter === undefined) process.stderr.write(`vknetd: ${line}\n`)
  else if (!reporter.tell({ kind: "error", message: line })) Effect.runSync(log.here(Effect.logError(line)))
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

// A reader that has gone away must not end the switch.
process.stdout.on("error", () => {})
process.stderr.on("error", () => {})
process.on("uncaughtException", (defect) => {
  reportDefect(defect)
  process.exit(1)
})

guardEnd()

program.pipe(
  Effect.tapErrorCause((cause) => Effect.sync(() => reportCause(cause))),
  log.here,
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
