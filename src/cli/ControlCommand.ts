import * as path from "node:path"
import * as Answers from "../services/ControlAnswers.ts"
import { controlPath } from "../services/ControlPath.ts"
import { portActions } from "../services/ControlWords.ts"
import { fitting } from "../services/Shape.ts"
import { type ControlArguments, readControlArguments } from "./ControlArguments.ts"
import { ask, ControlError } from "./ControlClient.ts"
import * as Tables from "./ControlTables.ts"
import { printable } from "./Printable.ts"
import { runTop } from "./Top.ts"

/** One command that asks a running switch. @param given read and checked. */
type Ask = (given: ControlArguments, socket: string) => Promise<void>

/** What a command says if it is to be printed as JSON, and its table if not. */
const show = <A>(given: ControlArguments, answer: A, table: (answer: A) => string): void => {
  process.stdout.write(given.json ? `${JSON.stringify(answer)}\n` : table(answer))
}

/** On standard error, so that tables and JSON stay what they are. */
const warnIfPartial = ({ answered }: { readonly answered: boolean }): void => {
  if (!answered) say("the forwarding thread does not answer; what only it knows is missing")
}

const commands: Readonly<Record<string, Ask>> = {
  status: async (given, socket) => {
    const answer = await ask(socket, "GET", "/status", Answers.status)
    show(given, answer, Tables.status)
    warnIfPartial(answer)
  },
  ports: async (given, socket) => {
    const answer = await ask(socket, "GET", "/ports", Answers.ports)
    show(given, answer.ports, Tables.ports)
    warnIfPartial(answer)
  },
  stations: async (given, socket) =>
    show(given, (await ask(socket, "GET", "/stations", Answers.stations)).stations, Tables.stations),
  drops: async (given, socket) => show(given, await ask(socket, "GET", "/drops", Answers.drops), Tables.drops),
  moves: async (given, socket) => show(given, (await ask(socket, "GET", "/moves", Answers.moves)).moves, Tables.moves),
  top: (given, socket) => runTop(socket, given.json),
  port: async (given, socket) => {
    const [port = "", action = ""] = given.operands
    if (!/^[0-9]{1,5}$/.test(port)) {
      throw new ControlError(`bad port ${printable(port)}: give its number, as ports shows it`)
    }
    if (fitting(Answers.portAction, action) === undefined) {
      throw new ControlError(`bad action ${printable(action)}: give one of ${portActions.join(", ")}`)
    }
    show(given, await ask(socket, "POST", `/ports/${Number(port)}/${action}`, Answers.portChange), Tables.portChange)
  },
  set: async (given, socket) => {
    const [key = "", value = ""] = given.operands
    const name = encodeURIComponent(key)
    show(given, await ask(socket, "PUT", `/settings/${name}`, Answers.setting, { value }), Tables.setting)
  }
}

const say = (message: string): void => {
  process.stderr.write(`vknetd: ${message}\n`)
}

/** Runs one of the commands; the exit status. */
export const run = async (argv: ReadonlyArray<string>): Promise<number> => {
  // A reader that has seen enough.
  process.stdout.on("error", () => process.exit(0))
  try {
    const given = readControlArguments(argv)
    if (typeof given === "string") process.stdout.write(`${given}\n`)
    else await commands[given.command]!(given, controlPath(path.resolve(given.socketPath)))
    return 0
  } catch (cause) {
    if (!(cause instanceof ControlError)) throw cause
    say(cause.message)
    return 1
  }
}
