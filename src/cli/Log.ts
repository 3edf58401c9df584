import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as EffectLogLevel from "effect/LogLevel"
import * as fs from "node:fs"
import type { Binding } from "../adapters/native/Binding.ts"
import { formatLine, isAsSerious, type LogFormat, type LogLevel, type LogRecord } from "./LogLine.ts"
import { type LogOutput, openFile, standardError, systemLog } from "./LogOutput.ts"

/** What the command line says about the log. */
export interface LogSettings {
  /** Undefined: what fits where the log goes. */
  readonly format: LogFormat | undefined
  /** Undefined: standard error in the foreground, the system's log in the background. */
  readonly filePath: string | undefined
  /** What is less serious is not logged. */
  readonly level: LogLevel
}

/** The log file could not be opened. */
export class LogFileError extends Data.TaggedError("LogFileError")<{
  readonly path: string
  readonly code: string
}> {
  override get message(): string {
    return `cannot open the log ${this.path}: ${this.code} (name another with --log-file)`
  }
}

/** The log of the process: key=value on standard error until it is directed elsewhere. */
export interface Log {
  /** Makes an effect log here. No layer: to build one takes a start longer than to say this. */
  readonly here: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly direct: (settings: LogSettings, where: { readonly background: boolean }) => Effect.Effect<void, LogFileError>
  /** Opens a log file anew, after a rotation, and says so there. False where there is no file. */
  readonly reopen: Effect.Effect<boolean>
  /** Logs what was asked for, whatever the level is. @param name of the event and of its only field. */
  readonly tell: (name: string, value: unknown) => void
  readonly level: () => LogLevel
  readonly setLevel: (level: LogLevel) => void
}

/** @param addon for the system's log; called when it is needed. */
export const make = (addon: () => Binding): Log => {
  const errors = standardError()
  let output: LogOutput = errors
  let format: LogFormat = "logfmt"
  let least: LogLevel = "info"
  let path = ""
  let lost = 0

  const write = (record: LogRecord): void => {
    const fields = lost > 0 ? [...record.fields, ["linesLost", lost] as const] : record.fields
    lost = output.write(formatLine(format, { ...record, fields }, process.pid)) ? 0 : lost + 1
  }
  const logger = Logger.make(({ annotations, cause, date, logLevel, message }) => {
    const level = levelOf(logLevel)
    if (!isAsSerious(level, least)) return
    const fields: Array<readonly [string, unknown]> = [...HashMap.entries(annotations)].sort(byOrder)
    if (!Cause.isEmpty(cause)) fields.push(["cause", Cause.pretty(cause)])
    const words = Array.isArray(message) ? message.map(String).join(" ") : String(message)
    write({ time: date, level, message: words, fields })
  })

  return {
    here: (effect) =>
      effect.pipe(
        Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
        // The level is decided above, where it can be changed.
        Logger.withMinimumLogLevel(EffectLogLevel.All)
      ),
    direct: (settings, { background }) =>
      Effect.suspend(() => {
        least = settings.level
        if (settings.filePath !== undefined) {
          const file = openFile(settings.filePath)
          if (typeof file === "string") return new LogFileError({ path: settings.filePath, code: file })
          output = file
          path = settings.filePath
          format = settings.format ?? "logfmt"
          return Effect.void
        }
        format = settings.format ?? (background ? "syslog" : journalReads() ? "journal" : "logfmt")
        output = format === "syslog" ? systemLog(addon) : errors
        return Effect.void
      }),
    reopen: Effect.suspend(() => {
      const code = output.reopen()
      if (code === undefined) return Effect.succeed(false)
      const told = code === ""
        ? Effect.logInfo("the log file is open anew").pipe(Effect.annotateLogs({ path }))
        : Effect.logError("the log file could not be opened anew; the old one is kept").pipe(
          Effect.annotateLogs({ path, code })
        )
      return Effect.as(told, true)
    }),
    tell: (name, value) => write({ time: new Date(), level: "info", message: name, fields: [[name, value]] }),
    level: () => least,
    setLevel: (level) => {
      least = level
    }
  }
}

const levelOf = (level: EffectLogLevel.LogLevel): LogLevel => {
  if (EffectLogLevel.greaterThanEqual(level, EffectLogLevel.Error)) return "error"
  if (EffectLogLevel.greaterThanEqual(level, EffectLogLevel.Warning)) return "warning"
  return EffectLogLevel.greaterThanEqual(level, EffectLogLevel.Info) ? "info" : "debug"
}

/** Annotations have no order of their own; the names' keeps equal events alike. */
const byOrder = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => a < b ? -1 : 1

/** True if standard error is the journal's stream that systemd announced, systemd.exec(5): `device:inode`. */
const journalReads = (): boolean => {
  const announced = process.env["JOURNAL_STREAM"]
  if (announced === undefined) return false
  try {
    const { dev, ino } = fs.fstatSync(2, { bigint: true })
    return announced === `${dev}:${ino}`
  } catch {
    return false
  }
}
