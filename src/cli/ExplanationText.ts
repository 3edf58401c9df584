import type { Explanation, Met } from "../domain/explanation/Explanation.ts"
import type { Field } from "../domain/explanation/FrameReader.ts"
import { rules, rulesWithMemory } from "../domain/policy/Rules.ts"
import { reasonNames } from "../domain/Reason.ts"

const fieldText = ({ at, name, value }: Field): string => `${name}${at === undefined ? "" : `@${at}`} ${value}`

const lineOf = ({ denies, fields, rule }: Met): string => {
  const words = [rule.padEnd(4), denies === undefined ? "passes" : "DENIES", "", fields.map(fieldText).join(", ")]
  return words.join(" ").trimEnd()
}

const stops = (met: Met | undefined): string =>
  rules.find(({ id, reason }) => id === met?.rule && reasonNames[reason] === met.denies)?.stops ?? ""

const macAt = (octets: Uint8Array, at: number): string =>
  Array.from(octets.subarray(at, at + 6), (octet) => octet.toString(16).padStart(2, "0")).join(":")

/** Where a frame that passed goes, as far as that does not depend on what went before. */
const egressOf = (octets: Uint8Array, fromTap: boolean, tapMac: string | undefined): string => {
  const to = macAt(octets, 0)
  if ((octets[0]! & 1) !== 0) return fromTap ? "to every guest" : "to every other port"
  if (to === tapMac) return fromTap ? "back to the tap: nowhere, HAIRPIN" : "to the tap"
  return `to the port of ${to}; while that is not known, to every other port`
}

/** What is said of one frame: a line for each rule that it met, then the verdict and where it goes. */
export const explanationText = (
  octets: Uint8Array,
  explanation: Explanation,
  { fromTap, secure, tapMac }: { readonly fromTap: boolean; readonly secure: boolean; readonly tapMac: string | undefined }
): string => {
  const { met, metForTap, reason, tapReason } = explanation
  const lines = [
    `${octets.length} octet${octets.length === 1 ? "" : "s"} from ${fromTap ? "the tap" : "a guest"}${secure ? "" : ", with -U"}`,
    ...met.map(lineOf)
  ]
  if (reason !== "PASS") {
    lines.push(`verdict: ${reason}, it goes nowhere. The rule stops ${stops(met.at(-1))}.`)
    return `${lines.join("\n")}\n`
  }
  lines.push(...metForTap.map(lineOf))
  lines.push(`verdict: PASS, ${egressOf(octets, fromTap, tapMac)}`)
  if (tapReason !== "PASS") lines.push(`kept from the tap: ${tapReason}. The rule stops ${stops(metForTap.at(-1))}.`)
  const depends = [...new Set(rulesWithMemory.map(({ id }) => id))].join(" ")
  lines.push(`not looked at, because it depends on what went before: ${depends} (vknetd replay looks)`)
  return `${lines.join("\n")}\n`
}
