import { parseArgs } from "node:util"
import { ControlError } from "./ControlClient.ts"
import { printable } from "./UsageError.ts"

/** A command line of one of the commands that ask a running switch. */
export interface ControlArguments {
  readonly command: string
  readonly operands: ReadonlyArray<string>
  /** Of the switch, where its guests connect to. */
  readonly socketPath: string
  readonly json: boolean
  /** What to print instead. */
  readonly help: string | undefined
}

/** Each command's operands, and what it is for. */
const usages: Readonly<Record<string, readonly [operands: string, purpose: string]>> = {
  status: ["", "what the switch is and what it has done so far"],
  ports: ["", "each port: who holds its other end, what it received, sent and lost"],
  stations: ["", "which address is behind which port"],
  drops: ["", "what was lost, by port and reason, and which connections were refused"],
  moves: ["", "which address has lately moved between which ports"],
  top: ["", "the ports by their rates, live; q ends it"],
  port: [" N disconnect|pin|unpin|isolate|unisolate", "do something to a guest's port"],
  set: [" KEY VALUE", "change log-level or station-age while the switch runs"]
}

/** What the switch itself has, too. */
export const defaultSocketPath = "/var/run/vknet"

const usage = (command: string): string => `usage: vknetd ${command} [-p socket_path] [--json]${usages[command]![0]}`

const options = {
  socket: { type: "string", short: "p" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" }
} as const

/** @param argv the command first. Throws a `ControlError` for the first mistake. */
export const readControlArguments = (argv: ReadonlyArray<string>): ControlArguments => {
  const command = argv[0]!
  const refuse = (message: string): never => {
    throw new ControlError(`${message} (${usage(command)})`)
  }
  const { positionals, tokens, values } = parseArgs({
    args: argv.slice(1),
    options,
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind !== "option") continue
    const name = printable(token.rawName)
    if (!Object.hasOwn(options, token.name) || token.rawName === "--socket") refuse(`unknown option ${name}`)
    if (token.name === "socket" && token.value === undefined) refuse(`option ${name} needs a value`)
    if (token.name !== "socket" && token.value !== undefined) refuse(`option ${name} takes no value`)
  }
  const help = values.help === true ? `${usage(command)}\n${usages[command]![1]}` : undefined
  const wanted = usages[command]![0].split(" ").length - 1
  if (help === undefined && positionals.length < wanted) refuse("something is missing")
  if (help === undefined && positionals.length > wanted) refuse(`surplus operand ${printable(positionals[wanted]!)}`)
  const socketPath = typeof values.socket === "string" ? values.socket : defaultSocketPath
  if (socketPath === "") throw new ControlError("-p '': give a path")
  return { command, operands: positionals, socketPath, json: values.json === true, help }
}
