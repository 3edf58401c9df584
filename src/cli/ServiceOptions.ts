import * as Either from "effect/Either"
import * as path from "node:path"
import { flags, spell } from "./Flags.ts"
import type { LogSettings } from "./Log.ts"
import { type Read, readWord, refuse } from "./OptionValue.ts"
import { printable } from "./Printable.ts"
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
    const user = raw.user === undefined ? undefined : yield* readUser(raw.user)
    if (raw.keepNetAdmin && user === undefined) {
      return yield* refuse(`${spell(flags.keepNetAdmin)} is for ${spell(flags.user)}; give that too`)
    }
    return {
      user,
      keepNetAdmin: raw.keepNetAdmin,
      readyFd: raw.readyFd === undefined ? undefined : yield* readReadyFd(raw.readyFd),
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
    : refuse(`bad ${spell(flags.user)} ${printable(text)}: give a user and, if need be, a group, as vknetd:vknetd`)
}

/** Below are the standard streams; above is what no shell can name. */
const readyFdMax = 1023

const readReadyFd = (text: string): Read<number> =>
  /^[0-9]{1,4}$/.test(text) && Number(text) >= 3 && Number(text) <= readyFdMax
    ? Either.right(Number(text))
    : refuse(`bad ${spell(flags.readyFd)} ${printable(text)}: give a number from 3 to ${readyFdMax}`)

const readLog = (raw: RawServiceOptions, foreground: boolean, cwd: string): Read<LogSettings> =>
  Either.gen(function*() {
    const format = raw.logFormat === undefined ? undefined : yield* readWord(flags.logFormat, raw.logFormat)
    const level = raw.logLevel === undefined ? "info" : yield* readWord(flags.logLevel, raw.logLevel)
    if (raw.logFile === "") return yield* refuse(`${spell(flags.logFile)} '': give a path`)
    const given = `${spell(flags.logFormat)} ${format}`
    if (raw.logFile !== undefined && (format === "journal" || format === "syslog")) {
      return yield* refuse(`${given} and ${spell(flags.logFile)} exclude each other: a file takes logfmt or json`)
    }
    if (raw.logFile === undefined && !foreground && format !== undefined && format !== "syslog") {
      return yield* refuse(`${given} needs ${spell(flags.logFile)} in the background, or -d`)
    }
    return { format, filePath: raw.logFile === undefined ? undefined : path.resolve(cwd, raw.logFile), level }
  })
