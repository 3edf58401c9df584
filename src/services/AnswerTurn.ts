import * as Effect from "effect/Effect"

/*
 * Answers are made in the main thread, one after the other: of a thousand guests' ports that takes 20 ms. What many
 * asked at once would be made in one go, for the forwarding thread's replies to all of them are read together; timers,
 * signals and notices would wait until the last is done. So each answer is made in a turn of the event loop of its own.
 */

/** Goes on when everything that has been sent to this thread so far has been read. */
export const turnOfLoop = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

const gate = Effect.unsafeMakeSemaphore(1)

/** Waits for a turn of the event loop that no other answer has. */
export const next: Effect.Effect<void> = gate.withPermits(1)(turnOfLoop)
