import { parseArgs } from "node:util"
import { version } from "../../package.json"
import { Bounds } from "../domain/Bounds.ts"
import { FilterFault, parseFilter } from "../domain/capture/Filter.ts"
import { capture, reportMistakes } from "./CaptureCommand.ts"
import { readCaptureArguments } from "./CaptureArguments.ts"
import { ControlError } from "./ControlClient.ts"
import { defaults } from "./Options.ts"

// The protocol by which Wireshark and tshark ask a program for packets: extcap(4) and doc/extcap.adoc of Wireshark.

const interfaceName = "vknetd"

const options = {
  "extcap-interfaces": { type: "boolean" },
  "extcap-version": { type: "string" },
  "extcap-interface": { type: "string" },
  "extcap-dlts": { type: "boolean" },
  "extcap-config": { type: "boolean" },
  "extcap-capture-filter": { type: "string" },
  capture: { type: "boolean" },
  fifo: { type: "string" },
  socket: { type: "string" },
  port: { type: "string" },
  denied: { type: "boolean" }
} as const

const interfaces = [
  `extcap {version=${version}}`,
  `interface {value=${interfaceName}}{display=A running vknetd switch}`
]

const dlts = ["dlt {number=1}{name=EN10MB}{display=Ethernet}"]

const config = [
  `arg {number=0}{call=--socket}{display=Socket}{type=string}{default=${defaults.socketPath}}` +
    "{tooltip=Where the switch's guests connect to}",
  "arg {number=1}{call=--port}{display=Port}{type=string}{tooltip=One port, with what is sent to it; empty: all}",
  "arg {number=2}{call=--denied}{display=Denied only}{type=boolflag}{default=false}" +
    "{tooltip=Only what the switch keeps back}"
]

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  reportMistakes(async () => {
    const { values } = parseArgs({ args: argv.slice(1), options, strict: false })
    const text = (name: keyof typeof options): string | undefined => {
      const value = values[name]
      return typeof value === "string" && value !== "" ? value : undefined
    }
    const print = (lines: ReadonlyArray<string>) => process.stdout.write(`${lines.join("\n")}\n`)
    const filter = text("extcap-capture-filter")
    if (values["extcap-interfaces"] === true) print(interfaces)
    else if (values["extcap-dlts"] === true) print(dlts)
    else if (values["extcap-config"] === true) print(config)
    // Whatever is on standard error Wireshark takes for a failure; how much was missed stands in the capture, too.
    else if (values.capture === true) await capture(captureOf(text, filter, values.denied === true), () => {})
    else if (filter !== undefined) explainFilter(filter)
    else throw new ControlError("extcap is for Wireshark, which asks in its own words (see vknetd capture --help)")
  })

const captureOf = (
  text: (name: keyof typeof options) => string | undefined,
  filter: string | undefined,
  denied: boolean
) => {
  const fifo = text("fifo")
  if (fifo === undefined) throw new ControlError("extcap: --fifo is missing")
  const port = text("port")
  const given = readCaptureArguments([
    "-p", text("socket") ?? defaults.socketPath,
    "-w", fifo,
    ...(port === undefined ? [] : [`--port=${port}`]),
    ...(filter === undefined ? [] : [`--filter=${filter}`]),
    ...(denied ? ["--denied"] : [])
  ])
  if (typeof given === "string") throw new ControlError(given)
  return given
}

/** Wireshark shows what is printed as what is wrong with the filter; nothing means that it is good. */
const explainFilter = (filter: string): void => {
  try {
    parseFilter(filter, Bounds.captureFilterChars)
  } catch (cause) {
    if (!(cause instanceof FilterFault)) throw cause
    process.stdout.write(`${cause.message}\n`)
  }
}
