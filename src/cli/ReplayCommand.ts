import { writeFileSync } from "node:fs"
import { Replay, type ReplayedFrame, type ReplayRequest } from "../adapters/sim/Replay.ts"
import type { Capture } from "../domain/capture/CaptureReader.ts"
import * as Writer from "../domain/capture/CaptureWriter.ts"
import * as Mac from "../domain/MacAddress.ts"
import { openCapture, PolicyCommandError, readPolicyArguments, withMistakes } from "./PolicyArguments.ts"
import { type Column, table } from "./Table.ts"
import { printable } from "./UsageError.ts"

const usage = "usage: vknetd replay [--json] [-w OUT.pcapng] [--host-mac MAC] [--guests station|interface|one] [-U] " +
  "[policy option ...] CAPTURE address/cidrbits"

const own = {
  json: { type: "boolean" },
  write: { type: "string", short: "w" },
  "host-mac": { type: "string" },
  guests: { type: "string" }
} as const

/** `vknetd replay`: runs a capture through the switch on a simulated kernel, and tells what became of each frame. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  withMistakes(() => {
    if (argv.includes("--help")) return void process.stdout.write(`${usage}\n`)
    const given = readPolicyArguments(argv, own, 1, usage)
    const path = given.operands[0]
    if (path === undefined) throw new PolicyCommandError(`no capture file (${usage})`)
    const hostText = given.values["host-mac"]
    const hostMac = hostText === undefined ? undefined : Mac.parse(hostText)
    if (hostText !== undefined && hostMac === undefined) {
      throw new PolicyCommandError(`bad --host-mac ${printable(hostText)}: give a MAC address, as 52:54:00:00:00:01`)
    }
    const capture = openCapture(path)
    const guests = guestsOf(given.values["guests"], capture)
    const replay = new Replay({ secure: given.secure, prefix: given.prefix, policy: given.policy, hostMac, guests })
    const replayed = capture.frames.map((frame) => replay.frame(frame))
    if (given.values["write"] !== undefined) write(given.values["write"], replayed)
    process.stdout.write(given.switches.has("json") ? jsonOf(replayed) : tableOf(replayed))
  })

const guestsOf = (text: string | undefined, { interfaceCount }: Capture): ReplayRequest["guests"] => {
  const guests = text ?? (interfaceCount > 1 ? "interface" : "station")
  if (guests === "station" || guests === "interface" || guests === "one") return guests
  throw new PolicyCommandError(`bad --guests ${printable(guests)}: give station, interface or one`)
}

/** One line a frame. */
const jsonOf = (replayed: ReadonlyArray<ReplayedFrame>): string =>
  replayed.map(({ egress, ingress, number, reason, station, timeMs }) =>
    `${JSON.stringify({ n: number, time: timeMs / 1000, ingress, station: station ?? null, egress, reason })}\n`
  ).join("")

const columns: ReadonlyArray<Column> = [
  { name: "PORT" }, { name: "STATION" }, { name: "VERDICT" }, { name: "FRAMES", right: true }
]

/** How often each station met each verdict. */
const tableOf = (replayed: ReadonlyArray<ReplayedFrame>): string => {
  const counts = new Map<string, number>()
  for (const { ingress, reason, station } of replayed) {
    const key = [ingress === 0 ? "tap" : ingress, station ?? "-", reason ?? "forwarded"].join(" ")
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const rows = [...counts].map(([key, count]) => [...key.split(" "), String(count)])
  return table(columns, rows)
}

/** Each frame with its verdict as a comment; the interfaces are the switch's ports. */
const write = (path: string, replayed: ReadonlyArray<ReplayedFrame>): void => {
  const ports = [...new Set(replayed.map(({ ingress }) => ingress))]
  const blocks = [
    Writer.sectionHeader("vknetd"),
    ...ports.map((port) => Writer.interfaceDescription(port === 0 ? "tap" : `port${port}`)),
    ...replayed.map(({ egress, ingress, octets, reason, timeMs }) =>
      Writer.frame({
        interfaceIndex: ports.indexOf(ingress),
        timeMs,
        octets,
        direction: Writer.Direction.In,
        comment: reason === null ? `forwarded to ${egress.join(", ") || "nobody"}` : `denied: ${reason}`
      })
    )
  ]
  try {
    writeFileSync(path, Buffer.concat(blocks))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "UNKNOWN"
    throw new PolicyCommandError(`cannot write ${printable(path)}: ${code} (give -w a file that can be written)`)
  }
}
