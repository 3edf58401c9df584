import type { CapturedFrame } from "../domain/capture/CapturedFrame.ts"

/** What became of one frame of a capture. */
export interface ReplayedFrame {
  /** Its place in the capture, from 1. */
  readonly number: number
  readonly frame: CapturedFrame
  /** The port it came in on; null for one that was not sent again because a switch had sent it out. */
  readonly ingress: string | null
  /** The ports it left by. */
  readonly egress: ReadonlyArray<string>
  /** Why it went nowhere. */
  readonly reason: string | null
  /** Why the host alone did not get it. */
  readonly tapReason: string | null
  /** Why it was not sent again: `cut` when it was captured, so that it is not the frame that was sent; or `outbound`. */
  readonly skipped: "cut" | "outbound" | null
}

/** The verdict in a few words: `ARP_SPA_HOST`, `PASS to tap, guest2`. */
export const verdictOf = ({ egress, reason, skipped, tapReason }: ReplayedFrame): string => {
  if (skipped !== null) return skipped === "cut" ? "not replayed: cut when it was captured" : "not replayed: outbound"
  if (reason !== null) return reason
  const to = egress.length === 0 ? "nobody" : egress.join(", ")
  return `PASS to ${to}${tapReason === null ? "" : `; kept from the tap: ${tapReason}`}`
}

const SECOND_NS = 1_000_000_000n

/** Seconds since 1970 with nine digits behind the point. */
export const timeText = (timeNs: bigint): string => {
  const magnitude = timeNs < 0n ? -timeNs : timeNs
  const fraction = String(magnitude % SECOND_NS).padStart(9, "0")
  return `${timeNs < 0n ? "-" : ""}${magnitude / SECOND_NS}.${fraction}`
}

/** One line of JSON. The time is text: a number would lose its last digits. */
export const jsonOf = (replayed: ReplayedFrame): string => {
  const { egress, frame, ingress, number, reason, skipped, tapReason } = replayed
  return JSON.stringify({ n: number, time: timeText(frame.timeNs), ingress, egress, reason, tapReason, skipped })
}
