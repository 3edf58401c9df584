import { portActions, settingKeys } from "../services/ControlWords.ts"
import type { CommandForm, Operand } from "./CommandForm.ts"
import type { Flag } from "./Flags.ts"
import { defaults } from "./Options.ts"

/** Which switch is meant: where its guests connect to. */
export const switchSocket: Flag = {
  name: "p",
  value: "socket_path",
  help: `of the switch that listens here (${defaults.socketPath})`,
  takes: "file"
}

export const json: Flag = { name: "json", value: undefined, help: "print JSON" }

const control = (name: string, purpose: string, ...operands: ReadonlyArray<Operand>): CommandForm => ({
  name,
  purpose,
  options: [switchSocket, json],
  operands
})

const wordOf = (takes: ReadonlyArray<string>): Operand => ({ name: takes.join("|"), takes })

/** The commands that ask a running switch. */
export const controlForms: ReadonlyArray<CommandForm> = [
  control("status", "what the switch is and what it has done so far"),
  control("ports", "each port: who holds its other end, what it received, sent and lost"),
  control("stations", "which address is behind which port"),
  control("drops", "what was lost, by port and reason, and which connections were refused"),
  control("moves", "which address has lately moved between which ports"),
  control("top", "the ports by their rates, live; q ends it"),
  control("port", "do something to a guest's port", { name: "N" }, wordOf(portActions)),
  control("set", "change a setting while the switch runs", wordOf(settingKeys), { name: "VALUE" })
]
