import type { CommandForm } from "./CommandForm.ts"
import { switchSocket } from "./ControlForms.ts"
import type { Flag } from "./Flags.ts"

/** What `capture` takes of its own. */
export const captureOptions = {
  port: { name: "port", value: "N", help: "of this port alone, with what is sent to it" },
  denied: { name: "denied", value: undefined, help: "only what the switch keeps back" },
  filter: { name: "filter", value: "EXPR", help: "only what this fits, as tcpdump writes it" },
  count: { name: "c", value: "COUNT", help: "end after so many frames" },
  snap: { name: "s", value: "SNAPLEN", help: "no more than so many octets of each" },
  write: { name: "w", value: "FILE|-", help: "write pcapng here", takes: "file" }
} as const satisfies Record<string, Flag>

export const captureForm: CommandForm = {
  name: "capture",
  purpose: "frames as they pass through a running switch, each with its verdict: text, or pcapng with -w",
  options: [switchSocket, ...Object.values(captureOptions)],
  operands: [],
  surplusHint: "a filter follows --filter"
}
