import * as Either from "effect/Either"
import { flags, spell } from "./Flags.ts"
import type { LogSettings } from "./Log.ts"
import { clash, given, type Read, readPath, readWord, refuse } from "./OptionValue.ts"
import type { RawOptions } from "./RawOptions.ts"

/** What the command line says about life as a service, as words. */
export type RawServiceOptions = Pick<
  RawOptions,
  "user" | "keepNetAdmin" | "readyFd" | "logFormat" | "logFile" | "logLevel"
>

/** The same, checked. */
export interface ServiceOptions {
  /** `--user`: whom to become when everything is open. Undefined: stay who one is. */
  readonly user: { readonly name: string; readonly group: string | undefined } | undefined
  /** `--keep-net-admin`: what is needed to open a lost tap again stays with the main thread. */
  readonly keepNetAdmin: boolean
  /** `--ready-fd`: descriptor on which "ready" is said. */
  readonly readyFd: number | undefined
  /** `--log-format`, `--log-file`, `--log-level`. */
  readonly log: LogSettings
}

/** @param foreground  stays there. @param cwd  absolute; what a relative log file starts from. */
export const readServiceOptions = (raw: RawServiceOptions, foreground: boolean, cwd: string): Read<ServiceOptions> =>
  Either.gen(function*() {
    const user = yield* given(raw.user, readUser, undefined)
    if (raw.keepNetAdmin && user === undefined) {
      const why = `${spell(flags.keepNetAdmin)} is for ${spell(flags.user)}; give that too`
      return yield* clash([flags.keepNetAdmin], why)
    }
    return {
      user,
      keepNetAdmin: raw.keepNetAdmin,
      readyFd: yield* given(raw.readyFd, readReadyFd, undefined),
      log: yield* readLog(raw, foreground, cwd)
    }
  })

const named = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/
const numbered = /^[0-9]{1,10}$/

const readUser = (text: string): Read<NonNullable<ServiceOptions["user"]>> => {
  const [name = "", group, ...rest] = text.split(":")
  const fits = [name, ...(group === undefined ? [] : [group])].every((word) => named.test(word) || numbered.test(word))
  return fits && rest.length === 0
    ? Either.right({ name, group })
    : refuse(flags.user, text, "give a user and, if need be, a group, as vknetd:vknetd")
}

/** Below are the standard streams; above is what no shell can name. */
const readyFdMax = 1023

const readReadyFd = (text: string): Read<number> =>
  /^[0-9]{1,4}$/.test(text) && Number(text) >= 3 && Number(text) <= readyFdMax
    ? Either.right(Number(text))
    : refuse(flags.readyFd, text, `give a number from 3 to ${readyFdMax}`)

const readLog = (raw: RawServiceOptions, foreground: boolean, cwd: string): Read<LogSettings> =>
  Either.gen(function*() {
    const format = yield* given(raw.logFormat, (text) => readWord(flags.logFormat, text), undefined)
    const level = yield* given(raw.logLevel, (text) => readWord(flags.logLevel, text), "info" as const)
    const filePath = yield* given(raw.logFile, readPath(flags.logFile, cwd), undefined)
    const about = [flags.logFormat, flags.logFile]
    const [formatGiven, file] = [`${spell(flags.logFormat)} ${format}`, spell(flags.logFile)]
    if (filePath !== undefined && (format === "journal" || format === "syslog")) {
      return yield* clash(about, `${formatGiven} and ${file} exclude each other: a file takes logfmt or json`)
    }
    if (filePath === undefined && !foreground && format !== undefined && format !== "syslog") {
      return yield* clash(about, `${formatGiven} needs ${file} in the background, or -d`)
    }
    return { format, filePath, level }
  })
