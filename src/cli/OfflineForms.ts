import type { GuestKind } from "../services/CaptureSurvey.ts"
import type { CommandForm, Operand } from "./CommandForm.ts"
import { json } from "./ControlForms.ts"
import { type Flag, flags } from "./Flags.ts"

/** Value of `--host-mac` for a switch whose host is not there. */
export const NO_HOST = "none"

export const hostMac: Flag = { name: "host-mac", value: "MAC", help: "address of the tap" }

export const from = {
  name: "from",
  value: "guest|trunk|tap",
  help: "who sends the frame (guest)",
  takes: ["guest", "trunk", "tap"]
} as const satisfies Flag

export const guests = {
  name: "guests",
  value: "station|interface|one",
  help: "what makes a guest in the capture",
  takes: ["station", "interface", "one"] satisfies ReadonlyArray<GuestKind>
} as const satisfies Flag

export const config: Flag = { ...flags.config, help: "settings of a switch, from its file" }

/** How one frame is named: by what it is, or by where. */
export const ways = {
  hex: { name: "hex", value: "OCTETS", help: "the frame's octets" },
  frame: { name: "frame", value: "N", help: "its number in the capture, from 1" }
} as const satisfies Record<string, Flag>

const shown = [config, flags.ipv6, flags.unsecure] as const

/** Options of the switch that change what is let through, but those that the usage lines name; a file has them, too. */
const policy: ReadonlyArray<Flag> = [
  flags.mtu, flags.macAge, flags.maxClients, flags.isolate, flags.learn, flags.lock, flags.bind, flags.maxMacs,
  flags.maxIps, flags.hold, flags.stormRate, flags.arpRate, flags.dhcpServer, flags.allowEtherType
]

/** Names of all options that are the switch's. */
export const switchOptions: ReadonlySet<string> = new Set([...shown, ...policy].map(({ name }) => name))

const further = { name: "policy option", options: policy }
const capture: Operand = { name: "capture", takes: "file" }
const address: Operand = { name: "address/cidrbits", optional: true }

/** The commands that try the policy without a switch. */
export const explainForm: CommandForm = {
  name: "explain",
  purpose: "which rules one frame meets, what they read in it, and what becomes of it",
  options: [from, hostMac, ...shown],
  further,
  ways: [
    { option: ways.hex, operands: [] },
    { option: ways.frame, operands: [capture] }
  ],
  operands: [address]
}

export const replayForm: CommandForm = {
  name: "replay",
  purpose: "what the switch would do with the frames of a capture, by station and by reason",
  options: [
    json,
    { name: "w", value: "OUT.pcapng", help: "write the frames and their verdicts here", takes: "file" },
    { ...hostMac, value: `MAC|${NO_HOST}`, takes: [NO_HOST] },
    guests,
    ...shown
  ],
  further,
  operands: [capture, address]
}
