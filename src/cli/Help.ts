import { headOf } from "./CommandForm.ts"
import { controlForms, json, switchSocket } from "./ControlForms.ts"
import { allFlags, type Flag, flags } from "./Flags.ts"
import { frameForms } from "./Forms.ts"
import { usageLine } from "./UsageLine.ts"

const indent = "  "
const gap = 2

/** The text of `--help`: plain, one screen of 80 columns, rendered from the table of options. */
export const helpText = (): string => {
  const shown = allFlags.filter((flag) => !further.has(flag))
  const heads = shown.map(headOf)
  const width = Math.max(...heads.map((head) => head.length)) + gap
  const rows = shown.map((flag, i) => `${indent}${heads[i]!.padEnd(width)}${flag.help}`)
  return [
    usageLine.replace(" [address/cidrbits]", "\n              [--option ...] [address/cidrbits]"),
    "",
    "The switch that user-run kernels plug into. address/cidrbits, as in 10.1.0.1/24, is the",
    "host's address on the tap and the guests' subnet; only -U, -c and --simulate do without.",
    "",
    ...rows,
    "Further, for the tap, policy, logs, supervisors, upgrades, each explained in vknetd(8):",
    ...wrapped([...further].map(headOf)),
    "",
    `Of a running switch, each with ${[switchSocket, json].map((flag) => `[${headOf(flag)}]`).join(" ")}:`,
    `  vknetd ${controlForms.filter(({ operands }) => operands.length === 0).map(({ name }) => name).join(" | ")}`,
    ...controlForms.filter(({ operands }) => operands.length > 0).map(({ name, operands }) =>
      `  vknetd ${[name, ...operands.map(({ name }) => name)].join(" ")}`),
    `Of frames, live or captured: vknetd ${frameForms.map(({ name }) => `${name} --help`).join(", ")}`
  ].join("\n")
}

/** What the screen has no line for. */
const further: ReadonlySet<Flag> = new Set<Flag>([
  flags.seed, flags.takeover,
  flags.noOffload, flags.trunk, flags.isolate, flags.learn, flags.bind, flags.maxMacs, flags.lock, flags.maxIps,
  flags.hold, flags.stormRate, flags.arpRate, flags.dhcpServer, flags.allowEtherType, flags.ipv6, flags.web,
  flags.webToken, flags.check, flags.readyFd, flags.logFormat, flags.logFile, flags.logLevel
])

const columnsMax = 88

/** Words in lines of one screen's width. */
const wrapped = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of words) {
    if (line !== "" && indent.length + line.length + gap + word.length > columnsMax) {
      lines.push(indent + line)
      line = ""
    }
    line += line === "" ? word : `  ${word}`
  }
  return [...lines, indent + line]
}
