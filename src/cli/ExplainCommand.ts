import { Bounds } from "../domain/Bounds.ts"
import { explain, type Met } from "../domain/explanation/Explanation.ts"
import * as Mac from "../domain/MacAddress.ts"
import { rules } from "../domain/policy/Rules.ts"
import { openCapture, PolicyCommandError, readPolicyArguments, withMistakes } from "./PolicyArguments.ts"
import { printable } from "./UsageError.ts"

const usage = "usage: vknetd explain [--from guest|tap] [--tap-mac MAC] (--hex HEX | --frame N CAPTURE) [-U] " +
  "[policy option ...] address/cidrbits"

const own = {
  from: { type: "string" },
  hex: { type: "string" },
  frame: { type: "string" },
  "tap-mac": { type: "string" }
} as const

/** `vknetd explain`: each rule that a frame meets, with the fields it looks at, up to the verdict. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  withMistakes(() => {
    if (argv.includes("--help")) return void process.stdout.write(`${usage}\n`)
    const given = readPolicyArguments(argv, own, argv.some((word) => word.startsWith("--hex")) ? 0 : 1, usage)
    const { from = "guest", "tap-mac": tapMacText } = given.values
    if (from !== "guest" && from !== "tap") {
      throw new PolicyCommandError(`bad --from ${printable(from)}: give guest or tap`)
    }
    const tapMac = tapMacText === undefined ? undefined : Mac.parse(tapMacText)
    if (tapMacText !== undefined && tapMac === undefined) {
      throw new PolicyCommandError(`bad --tap-mac ${printable(tapMacText)}: give a MAC address, as 52:54:00:00:00:01`)
    }
    const octets = frameOf(given.values["hex"], given.values["frame"], given.operands[0])
    const settings = {
      secure: given.secure,
      prefix: given.prefix,
      tapMac,
      tapMtuBytes: Bounds.mtuBytesDefault,
      frameBytesMax: Bounds.mtuBytesDefault + Bounds.frameOverheadBytes,
      guestPorts: 1,
      guestPortsPerUid: 1,
      stationAgeSeconds: Bounds.stationAgeSeconds,
      hashSeed: [0, 0] as const
    }
    const mayServe = given.policy.dhcpServer === "any"
    const told = explain(octets, { settings, allowances: given.policy, fromTap: from === "tap", mayServe })
    const lines = told.met.map(lineOf)
    if (told.reason !== "PASS") lines.push(`denied: ${told.reason} (${stops(told.met)})`)
    else {
      lines.push("passes; whose its addresses are, and its port's rates, only a running switch knows (try replay)")
      if (from === "guest") {
        lines.push(...told.metForTap.map(lineOf))
        lines.push(told.tapReason === "PASS" ? "may go to the host, too" : `kept from the host: ${told.tapReason}`)
      }
    }
    process.stdout.write(`${lines.join("\n")}\n`)
  })

const lineOf = ({ denies, fields, rule }: Met): string => {
  const looked = fields.map(({ at, name, value }) => `${name}${at === undefined ? "" : `@${at}`}=${value}`).join(" ")
  return `${rule.padEnd(4)} ${denies === undefined ? "passes" : `denies ${denies}`}  ${looked}`.trimEnd()
}

const stops = (met: ReadonlyArray<Met>): string => rules.find(({ id }) => id === met.at(-1)?.rule)?.stops ?? ""

const frameOf = (hex: string | undefined, number: string | undefined, path: string | undefined): Uint8Array => {
  if (hex !== undefined) {
    const digits = hex.replace(/[\s:.]/g, "")
    if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) {
      throw new PolicyCommandError(`bad --hex ${printable(hex)}: give pairs of hexadecimal digits`)
    }
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  }
  if (path === undefined) {
    throw new PolicyCommandError(`no frame: give --hex HEX, or --frame N and a capture file (${usage})`)
  }
  const { frames } = openCapture(path)
  const wanted = /^[1-9][0-9]{0,9}$/.test(number ?? "1") ? Number(number ?? "1") : 0
  const found = frames[wanted - 1]
  if (found === undefined) {
    const range = `${printable(path)} has frames 1 to ${frames.length}`
    throw new PolicyCommandError(`bad --frame ${printable(number ?? "1")}: ${range}`)
  }
  return found.octets
}
