import * as Either from "effect/Either"
import { Bounds } from "../domain/Bounds.ts"
import { FilterFault, parseFilter } from "../domain/capture/Filter.ts"
import { captureForm, captureOptions } from "./CaptureForm.ts"
import { readCommandWords } from "./CommandWords.ts"
import { ControlError } from "./ControlClient.ts"
import { switchSocket } from "./ControlForms.ts"
import { type Flag, spell } from "./Flags.ts"
import { readNumber } from "./OptionValue.ts"
import { defaults } from "./Options.ts"
import { printable } from "./Printable.ts"

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

/** @param words behind the command's name. Help is text. Throws a `ControlError` for the first mistake. */
export const readCaptureArguments = (words: ReadonlyArray<string>): CaptureArguments | string => {
  const given = taken(Either.mapLeft(readCommandWords(captureForm, words), (message) => ({ message })))
  if (typeof given === "string") return given
  const text = (flag: Flag): string | undefined => {
    const value = given.options.get(flag.name)
    if (value === "") throw new ControlError(`${spell(flag)} '': give a value`)
    return value
  }
  const number = (flag: Flag, least: number, most: number): number | undefined => {
    const value = text(flag)
    return value === undefined ? undefined : taken(readNumber(flag, least, most)(value))
  }
  const { count, denied, filter, port, snap, write } = captureOptions
  return {
    socketPath: text(switchSocket) ?? defaults.socketPath,
    port: number(port, 0, Bounds.guestPortsMax),
    denied: given.options.has(denied.name),
    filter: checkedFilter(text(filter)),
    count: number(count, 1, Number.MAX_SAFE_INTEGER),
    snap: number(snap, 1, Bounds.captureSnapBytesMax),
    write: text(write)
  }
}

const taken = <A>(read: Either.Either<A, { readonly message: string }>): A =>
  Either.getOrThrowWith(read, ({ message }) => new ControlError(message))

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
