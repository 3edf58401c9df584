import { Bounds, TAP_PORT } from "./Bounds.ts"
import type { FrameBatch } from "./FrameBatch.ts"
import { Reason } from "./Reason.ts"
import type { StationTable } from "./StationTable.ts"
import * as Stations from "./StationTable.ts"

/** What learning needs to know besides the table. */
export interface LearnRules {
  /** The tap's own MAC, never a station; -1 as `tapLo` when there is no tap. */
  readonly tapHi: number
  readonly tapLo: number
  /** Stations behind one guest's port at most. */
  readonly guestStationsMax: number
}

/**
 * Notes behind which port each source lives, for frames that passed every rule.
 *
 * Judging has let through no group and no zero as a source, and the tap's own MAC from the tap alone; that
 * one is skipped here, for the tap is not found by learning. A run of frames of one station is learned once.
 * A frame in the name of a station that has been pinned to another port is denied.
 */
export const learn = (
  batch: FrameBatch,
  reason: Uint8Array,
  rules: LearnRules,
  table: StationTable,
  nowSeconds: number
): void => {
  const { halves, port } = batch
  const stride = batch.slotBytes >> 1
  let lastHi = 0
  let lastLo = 0
  let lastPort = -1
  for (let i = 0, at = 3; i < batch.count; i++, at += stride) {
    if (reason[i] !== Reason.PASS) continue
    const hi = halves[at]! | (halves[at + 1]! << 16)
    const lo = halves[at + 2]!
    const ingress = port[i]!
    if (hi === lastHi && lo === lastLo && ingress === lastPort) continue
    lastHi = hi
    lastLo = lo
    lastPort = ingress
    if (hi === rules.tapHi && lo === rules.tapLo) continue
    const cap = ingress === TAP_PORT ? Bounds.stations : rules.guestStationsMax
    const learned = Stations.learn(table, hi, lo, ingress, nowSeconds, cap)
    if (learned === Stations.Learned.Static) {
      reason[i] = Reason.SRC_MAC_CONFLICT
      lastPort = -1
    }
  }
}
