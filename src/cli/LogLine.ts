// How one event becomes one line. Nothing in it may end the line or look like another event's beginning,
// for what a guest or a device is called is not ours to choose.

/** From the most to the least serious; the names are those of syslog(3). */
export const logLevels = ["error", "warning", "info", "debug"] as const
export type LogLevel = (typeof logLevels)[number]

/** syslog's numbers, RFC 5424 section 6.2.1. */
const severity: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 }

/** syslog's number for system daemons, in the place where a priority has it. */
const facilityDaemon = 3 << 3

/** How lines look. */
export const logFormats = ["logfmt", "json", "journal", "syslog"] as const
export type LogFormat = (typeof logFormats)[number]

/** One event. */
export interface LogRecord {
  readonly time: Date
  readonly level: LogLevel
  readonly message: string
  /** In the order in which they are printed. */
  readonly fields: ReadonlyArray<readonly [name: string, value: unknown]>
}

/** True if the first is at least as serious as the second. */
export const isAsSerious = (level: LogLevel, least: LogLevel): boolean => severity[level] <= severity[least]

/** The event as a line, without its newline. @param pid for syslog. */
export const formatLine = (format: LogFormat, record: LogRecord, pid: number): string => {
  switch (format) {
    case "logfmt":
      return pairs([["timestamp", record.time.toISOString()], ["level", record.level], ...wording(record)])
    case "json":
      return plain(JSON.stringify({
        timestamp: record.time.toISOString(),
        level: record.level,
        message: record.message,
        ...Object.fromEntries(record.fields)
      }, (_, value: unknown) => typeof value === "bigint" ? String(value) : value))
    case "journal":
      // The journal has a time of its own, and takes the level from the front: sd-daemon(3).
      return `<${severity[record.level]}>${sentence(record)}`
    case "syslog": {
      const priority = facilityDaemon | severity[record.level]
      return `<${priority}>${syslogTime(record.time)} vknetd[${pid}]: ${sentence(record)}`
    }
  }
}

const wording = (record: LogRecord): LogRecord["fields"] => [["message", record.message], ...record.fields]

/** The message for reading, then the fields. */
const sentence = ({ fields, message }: LogRecord): string =>
  fields.length === 0 ? plain(message) : `${plain(message)} ${pairs(fields)}`

const pairs = (fields: LogRecord["fields"]): string =>
  fields.map(([name, value]) => `${name.replace(/[^A-Za-z0-9_.-]/g, "_")}=${quoted(value)}`).join(" ")

const quoted = (value: unknown): string => {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
  return /^[^\s"=\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+$/u.test(text) ? text : plain(JSON.stringify(text))
}

/** Control characters, and what turns a line around or ends it, as escapes. */
const plain = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
  )

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const

/** RFC 3164 section 4.1.2: local time, the day padded with a blank. */
const syslogTime = (time: Date): string => {
  const two = (n: number) => String(n).padStart(2, "0")
  const day = String(time.getDate()).padStart(2, " ")
  return `${months[time.getMonth()]} ${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}
