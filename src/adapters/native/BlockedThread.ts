import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Worker } from "node:worker_threads"
import type { Binding } from "./Binding.ts"

/** A thread that is blocked in native code, and how it is told something all the same. */
export interface BlockedThread<Command> {
  readonly worker: Worker
  /** The descriptor that it polls. */
  readonly wake: number
  /** Posts a message and wakes the thread to read it. */
  readonly tell: (command: Command) => void
}

/**
 * A thread until the scope ends. Then it is told to stop, and the scope waits until it has: a thread
 * in native code cannot be ended from outside.
 *
 * @param options.start gives the thread, which is to poll this descriptor for wakes. What it throws is the failure.
 */
export const startThread = <Command>(
  addon: Binding,
  options: {
    readonly start: (wake: number) => Worker
    readonly stop: Command
  }
): Effect.Effect<BlockedThread<Command>, string, Scope.Scope> =>
  Effect.gen(function*() {
    const wake = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const ends = addon.openWake()
        return typeof ends === "number" ? Effect.fail(addon.errnoName(-ends)) : Effect.succeed(ends)
      }),
      (ends) => Effect.sync(() => new Set(ends).forEach((fd) => addon.closeFd(fd)))
    )
    return yield* Effect.acquireRelease(
      Effect.try({
        try: (): BlockedThread<Command> => {
          const worker = options.start(wake[0])
          const tell = (command: Command) => {
            worker.postMessage(command)
            addon.signalWake(wake[1])
          }
          return { worker, wake: wake[0], tell }
        },
        catch: (cause) => cause instanceof Error ? cause.message : String(cause)
      }),
      ({ tell, worker }) =>
        Effect.async<void>((resume) => {
          worker.once("exit", () => resume(Effect.void))
          // An ended thread has no number and will tell no end.
          if (worker.threadId === -1) resume(Effect.void)
          tell(options.stop)
        })
    )
  })
