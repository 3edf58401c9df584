import type { CapturedFrame } from "../domain/capture/CapturedFrame.ts"

/** What became of one frame of a capture. */
export interface ReplayedFrame {
  /** Its place in the capture, from 1. */
  readonly number: number
  readonly frame: CapturedFrame
  /** The port it came in on; null for one that was not sent again because a switch had sent it out. */
  readonly ingress: string | null
  /** Its source address; null if it has none. */
  readonly station: string | null
  /** The ports it left by. */
  readonly egress: ReadonlyArray<string>
  /** Why it went nowhere. */
  readonly reason: string | null
  /** Why the host alone did not get it. */
  readonly tapReason: string | null
  /** Why it was not sent again: `cut` when it was captured, and no longer what was sent; or `outbound`. */
  readonly skipped: "cut" | "outbound" | null
}

/** What is told of a frame in a table: its reason, or that it was forwarded. */
export const verdictOf = ({ reason, skipped, tapReason }: ReplayedFrame): string => {
  if (skipped !== null) return `not replayed: ${skipped}`
  if (reason !== null) return reason
  return tapReason === null ? "forwarded" : `forwarded, not to the tap: ${tapReason}`
}

/** The same in full, for a comment. */
export const commentOf = (replayed: ReplayedFrame): string => {
  const { egress, reason, skipped } = replayed
  if (skipped !== null) return verdictOf(replayed)
  if (reason !== null) return `denied: ${reason}`
  const to = egress.length === 0 ? "nobody" : egress.join(", ")
  return verdictOf(replayed).replace("forwarded", `forwarded to ${to}`)
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
  const { egress, frame, ingress, number, reason, skipped, station, tapReason } = replayed
  const time = timeText(frame.timeNs)
  return JSON.stringify({ n: number, time, ingress, station, egress, reason, tapReason, skipped })
}
