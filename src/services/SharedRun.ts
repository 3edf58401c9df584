import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"

/**
 * Work that runs once at a time, however many ask for it: who asks while it runs gets the outcome of the next run,
 * with all others who did. Nobody gets what was begun before he asked. A run goes on if who asked for it leaves.
 */
export const make = <A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const gate = Effect.unsafeMakeSemaphore(1)
  let next: Deferred.Deferred<A, E> | undefined
  const begin = Effect.suspend(() => {
    next = undefined
    return work
  })
  return Effect.suspend(() => {
    if (next !== undefined) return Deferred.await(next)
    const outcome = Deferred.unsafeMake<A, E>(FiberId.none)
    next = outcome
    const run = Effect.intoDeferred(gate.withPermits(1)(Effect.interruptible(begin)), outcome)
    return Effect.zipRight(Effect.forkDaemon(run), Effect.interruptible(Deferred.await(outcome)))
  }).pipe(Effect.uninterruptible)
}
