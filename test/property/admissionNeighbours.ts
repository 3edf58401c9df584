import { assert } from "@effect/vitest"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { addressOf, macOf, makeFast, request } from "./admissionWorld.ts"

/** When everything begins, milliseconds. */
export const T0 = 1_000_000

/** Two guests of different users, each with its station and address. */
export const neighbours = (policy: Partial<PolicySettings> = {}) => {
  const fast = makeFast(policy)
  fast.uid.set([0, 1001, 1002, 1003])
  const accepted = (frame: Uint8Array, port: number, nowMs = T0) =>
    assert.strictEqual(fast.receive(frame, port, nowMs), Reason.PASS)
  accepted(request(macOf(1), addressOf(1)), 1)
  accepted(request(macOf(2), addressOf(2)), 2)
  return { ...fast, accepted }
}
