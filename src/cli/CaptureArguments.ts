import { parseArgs } from "node:util"
import { Bounds } from "../domain/Bounds.ts"
import { FilterFault, parseFilter } from "../domain/capture/Filter.ts"
import { snapBytesMax } from "../services/ControlSchema.ts"
import { ControlError } from "./ControlClient.ts"
import { defaultSocketPath } from "./ControlArguments.ts"
import { printable } from "./UsageError.ts"

/** What is to be captured, and where it goes. */
export interface CaptureArguments {
  readonly socketPath: string
  readonly port: number | undefined
  readonly denied: boolean
  readonly filter: string | undefined
  readonly count: number | undefined
  readonly snap: number | undefined
  /** A file, `-` for standard output; undefined: a line of text for each frame. */
  readonly write: string | undefined
}

export const captureUsage = "usage: vknetd capture [-p socket_path] [--port N] [--denied] [--filter EXPR] [-c COUNT] " +
  "[-s SNAPLEN] [-w FILE|-]"

const purpose = "frames as they pass through a running switch, each with its verdict: text, or pcapng with -w"

const options = {
  socket: { type: "string", short: "p" },
  port: { type: "string" },
  denied: { type: "boolean" },
  filter: { type: "string" },
  count: { type: "string", short: "c" },
  snap: { type: "string", short: "s" },
  write: { type: "string", short: "w" },
  help: { type: "boolean", short: "h" }
} as const

/** Options that have no long name on the command line. */
const shortOnly: ReadonlySet<string> = new Set(["socket", "count", "snap", "write"])

/** @param words behind the command's name. Help is text. Throws a `ControlError` for the first mistake. */
export const readCaptureArguments = (words: ReadonlyArray<string>): CaptureArguments | string => {
  const refuse = (message: string): never => {
    throw new ControlError(`${message} (${captureUsage})`)
  }
  const { positionals, tokens, values } = parseArgs({
    args: [...words],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind !== "option") continue
    const name = printable(token.rawName)
    const known = Object.hasOwn(options, token.name) ? options[token.name as keyof typeof options] : undefined
    if (known === undefined || token.rawName === `--${token.name}` && shortOnly.has(token.name)) {
      return refuse(`unknown option ${name}`)
    }
    if (known.type === "string" && token.value === undefined) return refuse(`option ${name} needs a value`)
    if (known.type === "boolean" && token.value !== undefined) return refuse(`option ${name} takes no value`)
  }
  if (values.help === true) return `${captureUsage}\n${purpose}`
  if (positionals.length > 0) return refuse(`surplus operand ${printable(positionals[0]!)} (a filter follows --filter)`)
  const text = (name: keyof typeof options): string | undefined => {
    const value = values[name]
    const option = options[name]
    if (value === "") throw new ControlError(`${"short" in option ? `-${option.short}` : `--${name}`} '': give a value`)
    return typeof value === "string" ? value : undefined
  }
  return {
    socketPath: text("socket") ?? defaultSocketPath,
    port: whole("--port", text("port"), 0, Bounds.guestPortsMax),
    denied: values.denied === true,
    filter: checkedFilter(text("filter")),
    count: whole("-c", text("count"), 1, Number.MAX_SAFE_INTEGER),
    snap: whole("-s", text("snap"), 1, snapBytesMax),
    write: text("write")
  }
}

const whole = (name: string, text: string | undefined, least: number, most: number): number | undefined => {
  if (text === undefined) return undefined
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) {
    throw new ControlError(`bad ${name} ${printable(text)}: give a number, ${least} to ${most}`)
  }
  return value
}

const checkedFilter = (text: string | undefined): string | undefined => {
  try {
    if (text !== undefined) parseFilter(text, Bounds.captureFilterChars)
    return text
  } catch (cause) {
    if (!(cause instanceof FilterFault)) throw cause
    throw new ControlError(`bad --filter: ${printable(cause.message)}`)
  }
}

/** What to ask the switch for. */
export const captureQuery = ({ count, denied, filter, port, snap }: CaptureArguments): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ port, filter, count, snap })) {
    if (value !== undefined) query.set(name, String(value))
  }
  if (denied) query.set("denied", "yes")
  return `/capture?${query.toString()}`
}
