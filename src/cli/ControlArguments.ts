import * as Either from "effect/Either"
import type { CommandForm } from "./CommandForm.ts"
import { readCommandWords } from "./CommandWords.ts"
import { ControlError } from "./ControlClient.ts"
import { controlForms, json, switchSocket } from "./ControlForms.ts"
import { defaults } from "./Options.ts"

/** A command line of one of the commands that ask a running switch. */
export interface ControlArguments {
  readonly command: string
  readonly operands: ReadonlyArray<string>
  /** Of the switch, where its guests connect to. */
  readonly socketPath: string
  readonly json: boolean
}

const forms: ReadonlyMap<string, CommandForm> = new Map(controlForms.map((form) => [form.name, form]))

/** @param argv the command first. Help is text. Throws a `ControlError` for the first mistake. */
export const readControlArguments = (argv: ReadonlyArray<string>): ControlArguments | string => {
  const command = argv[0]!
  const words = Either.getOrThrowWith(
    readCommandWords(forms.get(command)!, argv.slice(1)),
    (message) => new ControlError(message)
  )
  if (typeof words === "string") return words
  const socketPath = words.options.get(switchSocket.name) ?? defaults.socketPath
  if (socketPath === "") throw new ControlError("-p '': give a path")
  return { command, operands: words.operands, socketPath, json: words.options.has(json.name) }
}
