import type { Explanation, Met } from "../domain/explanation/Explanation.ts"
import type { Field } from "../domain/explanation/FrameReader.ts"
import { rules } from "../domain/policy/Rules.ts"
import { reasonNames } from "../domain/Reason.ts"

const fieldText = ({ at, name, value }: Field): string => `${name}${at === undefined ? "" : `@${at}`}=${value}`

const lineOf = ({ denies, fields, rule }: Met): string => {
  const verdict = denies === undefined ? "passes" : `denies ${denies}`
  return `${rule.padEnd(4)} ${verdict}  ${fields.map(fieldText).join(" ")}`.trimEnd()
}

/** What the rule that gave a reason is there for. */
const stops = (met: ReadonlyArray<Met>): string => {
  const { denies, rule } = met.at(-1)!
  return rules.find(({ id, reason }) => id === rule && reasonNames[reason] === denies)!.stops
}

const macAt = (octets: Uint8Array, at: number): string =>
  Array.from(octets.subarray(at, at + 6), (octet) => octet.toString(16).padStart(2, "0")).join(":")

/** Where a frame comes from, and what the switch knows. */
export interface Place {
  readonly fromTap: boolean
  /** Text; undefined if it is not known. */
  readonly tapMac: string | undefined
}

/** Where a frame that passed goes, as far as that does not depend on what went before. */
const egressOf = (octets: Uint8Array, { fromTap, tapMac }: Place): string => {
  const to = macAt(octets, 0)
  if ((octets[0]! & 1) !== 0) return fromTap ? "to every guest" : "to every other port"
  if (to === tapMac) return fromTap ? "nowhere, for the host is where it came from: HAIRPIN" : "to the host"
  return `to the port of ${to}, and to every other port while that is not known`
}

/** What is said of one frame: a line for each rule that it met, then the verdict and where it goes. */
export const explanationText = (octets: Uint8Array, explanation: Explanation, place: Place): string => {
  const { met, metForTap, reason, tapReason } = explanation
  const lines = met.map(lineOf)
  if (reason !== "PASS") return [...lines, `denied: ${reason} (${stops(met)})`, ""].join("\n")
  lines.push(
    `passes, ${egressOf(octets, place)}`,
    "whose its addresses are, and its port's rates, only a running switch knows (try replay)"
  )
  if (!place.fromTap) {
    lines.push(...metForTap.map(lineOf))
    const kept = () => `kept from the host: ${tapReason} (${stops(metForTap)})`
    lines.push(tapReason === "PASS" ? "may go to the host, too" : kept())
  }
  return [...lines, ""].join("\n")
}
