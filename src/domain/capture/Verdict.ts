import { FLOOD } from "../Destination.ts"
import { rules, rulesWithMemory } from "../policy/Rules.ts"
import { Reason, reasonNames } from "../Reason.ts"
import { RecordKind, type RecordHead } from "./CaptureRing.ts"

const everyRule = [...rules, ...rulesWithMemory]

/** `ARP_SPA_HOST (posing as the gateway, A6)`: a reason with what it stops and the rule's number. */
export const reasonText = (reason: number): string => {
  const same = everyRule.filter((rule) => rule.reason === reason)
  const numbers = [...new Set(same.map(({ id }) => id))]
  const why = same.length === 0 ? "" : ` (${same[0]!.stops}, ${numbers.join(" or ")})`
  return `${reasonNames[reason] ?? reason}${why}`
}

/** What became of a frame, in the words of the comment beside it. @param portName as its interface is called. */
export const verdictText = (
  { kind, other, reason, tapReason }: RecordHead,
  portName: (port: number) => string
): string => {
  if (kind === RecordKind.OUTBOUND) return `from ${portName(other)}`
  if (reason !== Reason.PASS) return `denied: ${reasonText(reason)}`
  if (other !== FLOOD) return `forwarded to ${portName(other)}`
  return tapReason === Reason.PASS ? "flooded" : `flooded, not to the host: ${reasonText(tapReason)}`
}
