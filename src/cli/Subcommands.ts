/** A command beside the switch itself. */
interface Subcommand {
  /** @param argv its own name first. Succeeds with the exit status; reports its mistakes by itself. */
  readonly run: (argv: ReadonlyArray<string>) => Promise<number>
}

const control = (): Promise<Subcommand> => import("./ControlCommand.ts")

const capture = (): Promise<Subcommand> => import("./CaptureCommand.ts")
const extcap = (): Promise<Subcommand> => import("./ExtcapCommand.ts")
const explain = (): Promise<Subcommand> => import("./ExplainCommand.ts")
const replay = (): Promise<Subcommand> => import("./ReplayCommand.ts")

/** By the first word of the command line. Each is loaded when used: what it does not need costs nothing. */
export const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  status: control,
  ports: control,
  stations: control,
  drops: control,
  moves: control,
  top: control,
  port: control,
  set: control,
  capture,
  extcap,
  explain,
  replay
}
