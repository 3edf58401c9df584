import * as fs from "node:fs"
import type { Binding } from "../adapters/native/Binding.ts"

/** Where lines go. Never waits for a reader, never throws. */
export interface LogOutput {
  /** Writes one line, given without its newline; false if it is lost. */
  readonly write: (line: string) => boolean
  /**
   * Opens the file at the path anew, and keeps the one that is open if that fails. The errno symbol of a
   * failure, "" for success, undefined where there is nothing to open.
   */
  readonly reopen: () => string | undefined
}

/** Standard error, as it is. */
export const standardError: LogOutput = {
  write: (line) => {
    process.stderr.write(`${line}\n`)
    return true
  },
  reopen: () => undefined
}

/** Where the system takes messages: Linux, then the BSDs. */
const syslogPaths = ["/dev/log", "/var/run/log"]

/** Octets of a message that every syslogd takes, and most take no more. */
const syslogBytesMax = 8192

/** The system's log. Each line has a socket of its own, so that a syslogd that was restarted gets the next. */
export const systemLog = (addon: () => Binding): LogOutput => ({
  write: (line) => {
    try {
      const cut = Buffer.from(line).subarray(0, syslogBytesMax).toString()
      return syslogPaths.some((path) => addon().sendDatagram(path, cut, 0) === 0)
    } catch {
      return false
    }
  },
  reopen: () => undefined
})

// Not blocking, for the path may lead to a pipe.
const openFlags = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK

const fileMode = 0o640

/** A file, appended to and made if need be; or the errno symbol of why not. */
export const openFile = (path: string): LogOutput | string => {
  const open = (): number | string => {
    try {
      return fs.openSync(path, openFlags, fileMode)
    } catch (cause) {
      return (cause as NodeJS.ErrnoException).code ?? "UNKNOWN"
    }
  }
  let fd = open()
  if (typeof fd === "string") return fd
  return {
    write: (line) => {
      try {
        fs.writeSync(fd as number, `${line}\n`)
        return true
      } catch {
        return false
      }
    },
    reopen: () => {
      const next = open()
      if (typeof next === "string") return next
      fs.closeSync(fd as number)
      fd = next
      return ""
    }
  }
}
