import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Bounds } from "../domain/Bounds.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"

/**
 * What the forwarding loop tells, on its way to the one who hears it.
 *
 * Whoever connects and goes away in a loop has two things told each time, faster than anybody can deal with them. So
 * the loop is told how many have been heard, in memory that both share, and lets nobody in while it is too far ahead.
 */
export interface Notices {
  /** What the loop has told; called in the hearer's thread. */
  readonly tell: (notice: PlaneNotice) => void
  /** The next ones, at least one. Who asks for more has dealt with those that it had. */
  readonly next: Effect.Effect<Chunk.Chunk<PlaneNotice>>
  /** How many have been dealt with, modulo 2^32; for the loop to read. */
  readonly heard: Int32Array<ArrayBufferLike>
}

/** At most so many are given at once. */
const TAKEN_MAX = 256

/** @param memory four octets of zeros, shared with the loop. */
export const make = (memory: ArrayBufferLike): Effect.Effect<Notices> =>
  Effect.map(Queue.unbounded<PlaneNotice>(), (queue) => {
    const heard = new Int32Array(memory, 0, 1)
    let given = 0
    const take = Effect.map(Queue.takeBetween(queue, 1, TAKEN_MAX), (taken) => {
      given = taken.length
      return taken
    })
    return {
      tell: (notice) => void Queue.unsafeOffer(queue, notice),
      next: Effect.suspend(() => {
        Atomics.add(heard, 0, given)
        given = 0
        return take
      }),
      heard
    }
  })

/** Whether the loop, which has told so many, is to wait for its hearer before it lets anybody in. */
export const areTooMany = (told: number, heard: Int32Array<ArrayBufferLike>): boolean =>
  ((told - Atomics.load(heard, 0)) | 0) > Bounds.noticesUnheard
