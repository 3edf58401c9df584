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

/**
 * Writes lines to a descriptor that does not block. Of one that fits only in part, the rest goes before the next, so
 * that there are whole lines alone.
 */
const lineWriter = (fd: number): LogOutput["write"] => {
  let rest: Uint8Array = Buffer.alloc(0)
  return (line) => {
    try {
      if (rest.length > 0) rest = rest.subarray(fs.writeSync(fd, rest))
      if (rest.length > 0) return false
      const octets = Buffer.from(`${line}\n`)
      rest = octets.subarray(fs.writeSync(fd, octets))
      return true
    } catch {
      return false
    }
  }
}

/**
 * Standard error. Node waits for a terminal, which the user may have stopped (Ctrl-S), and with it would stand all that
 * the main thread does: so it is opened anew, not to block, for a flag on the descriptor that we were given would hold
 * for the shell, too. Where that cannot be, as on a terminal of another user's, it is written to as it is.
 */
export const standardError = (): LogOutput => {
  const fd = process.stderr.isTTY ? openTerminal() : undefined
  const write = fd === undefined ? writeAsItIs : lineWriter(fd)
  return { write, reopen: () => undefined }
}

const writeAsItIs = (line: string): boolean => {
  process.stderr.write(`${line}\n`)
  return true
}

/** Another open file of the terminal that is standard error, proc(5); undefined where there is no such way to it. */
const openTerminal = (): number | undefined => {
  try {
    return fs.openSync("/proc/self/fd/2", fs.constants.O_WRONLY | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK)
  } catch {
    return undefined
  }
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
  const first = open()
  if (typeof first === "string") return first
  let fd = first
  let write = lineWriter(fd)
  return {
    write: (line) => write(line),
    reopen: () => {
      const next = open()
      if (typeof next === "string") return next
      fs.closeSync(fd)
      fd = next
      write = lineWriter(fd)
      return ""
    }
  }
}
