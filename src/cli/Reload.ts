import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { isDeepStrictEqual } from "node:util"
import { configure, type LiveSettings } from "../services/LiveSettings.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import { readCommandLine } from "./Command.ts"
import { configKeys } from "./ConfigKeys.ts"
import type { Log } from "./Log.ts"
import { isAsSerious } from "./LogLine.ts"
import type { Options } from "./Options.ts"

/** What a running switch is to change, and what it cannot. */
export interface Change {
  readonly settings: LiveSettings
  readonly logLevel: Options["log"]["level"]
  /** Keys whose setting changes now, with what they are from now on, in the order of `configKeys`. */
  readonly changed: ReadonlyArray<string>
  /** Keys of which the file wants something else than the switch started with, which waits for the next start. */
  readonly waiting: ReadonlyArray<string>
}

/**
 * What follows from settings read anew.
 *
 * @param started what the switch started with. @param now the same with what has changed since. @param wanted anew.
 */
export const changeOf = (started: Options, now: Options, wanted: Options): Change => {
  // Defaults depend on the mode, which is the start's.
  const inMode: Options = { ...wanted, secure: started.secure }
  const policy: Record<string, unknown> = {}
  const changed: Array<string> = []
  const waiting: Array<string> = []
  for (const [name, key] of configKeys) {
    const next = key.of(name === "unsecure" ? wanted : inMode)
    const waits = key.applies === "at-once"
      ? false
      : key.applies === "if-less"
      ? Number(next) > Number(key.of(started))
      : !isDeepStrictEqual(next, key.of(started))
    if (waits) waiting.push(name)
    else if (key.applies !== "at-start" && !isDeepStrictEqual(next, key.of(now))) changed.push(shown(name, next))
    for (const field of key.fields ?? []) {
      const value = (waits ? now : wanted).policy[field]
      if (value !== undefined) policy[field] = value
    }
  }
  return {
    settings: { policy, stationAgeSeconds: wanted.stationAgeSeconds },
    logLevel: wanted.log.level,
    changed,
    waiting
  }
}

const shown = (name: string, value: unknown): string => typeof value === "object" ? name : `${name}=${value}`

/** How often a forwarding thread that has too much to answer is told again, and for how long in all: 5 s. */
const retries = Schedule.spaced(100).pipe(Schedule.intersect(Schedule.recurs(50)))

/**
 * Reads the command line and its file anew and has a running switch go by them. A mistake changes nothing and is
 * logged, as what is changed is, in one line.
 *
 * @param argv what the switch was started with. @param cwd and where.
 */
export const reload = (
  running: RunningSwitch,
  options: {
    readonly argv: ReadonlyArray<string>
    readonly cwd: string
    readonly started: Options
    readonly log: Log
  }
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { argv, cwd, log, started } = options
    const request = yield* Effect.either(readCommandLine(argv, cwd))
    if (request._tag === "Left") {
      yield* Effect.logError("the settings cannot be used; nothing is changed").pipe(
        Effect.annotateLogs({ error: request.left.message })
      )
      return
    }
    if (request.right.kind !== "run") return yield* Effect.dieMessage("what started a switch now prints something")
    const now = { ...started, ...running.live, log: { ...started.log, level: log.level() } }
    const { changed, logLevel, settings, waiting } = changeOf(started, now, request.right.options)
    const reply = yield* configure(running, () => settings).pipe(Effect.flatten, Effect.retry(retries), Effect.option)
    if (Option.isNone(reply)) {
      yield* Effect.logError("the forwarding thread does not answer; nothing is changed")
      return
    }
    // Whichever level shows more shows what has changed.
    if (isAsSerious("info", logLevel)) log.setLevel(logLevel)
    yield* Effect.logInfo(changed.length === 0 ? "settings read anew: nothing has changed" : "settings read anew").pipe(
      Effect.annotateLogs({
        file: started.configPath ?? "",
        ...(changed.length === 0 ? {} : { changed: changed.join(" ") }),
        ...(waiting.length === 0 ? {} : { waitForRestart: waiting.join(" ") })
      })
    )
    log.setLevel(logLevel)
  })
