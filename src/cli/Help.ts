import { allFlags, type Flag, spell } from "./Flags.ts"
import { usageLine } from "./UsageError.ts"

const indent = "  "
const gap = 2

/** The text of `--help`: plain, one screen of 80 columns, rendered from the table of options. */
export const helpText = (): string => {
  const heads = allFlags.map(headOf)
  const width = Math.max(...heads.map((head) => head.length)) + gap
  const rows = allFlags.map((flag, i) => `${indent}${heads[i]!.padEnd(width)}${flag.help}`)
  return [
    usageLine.replace(" [address/cidrbits]", "\n              [--option ...] [address/cidrbits]"),
    "",
    "The switch that user-run kernels plug into. address/cidrbits, as in 10.1.0.1/24, is the",
    "host's address on the tap and the guests' subnet; only -U, -c and --simulate do without.",
    "",
    ...rows,
    "",
    "Of a running switch, each with [-p socket_path] [--json]:",
    "  vknetd status | ports | stations | drops | moves | top",
    "  vknetd port N disconnect|pin|unpin|isolate|unisolate",
    "  vknetd set log-level|station-age VALUE",
    "",
    "vknetd(8) tells the rest."
  ].join("\n")
}

const headOf = (flag: Flag): string => flag.value === undefined ? spell(flag) : `${spell(flag)} ${flag.value}`
