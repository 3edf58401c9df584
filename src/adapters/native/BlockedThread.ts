import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Binding } from "./Binding.ts"

/** A thread that is blocked in native code, and how it is told something all the same. */
export interface BlockedThread<Command> {
  readonly worker: Worker
  /** Posts a message and wakes the thread to read it. */
  readonly tell: (command: Command) => void
}

/** Where the threads' bundles lie, seen from the bundle beside them and from this file in a checkout. */
const folders = ["./", "../../../dist/"] as const

/** Such a thread works on arrays made once; what little else it makes need not pile up before it is collected. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 }

const bundlePath = (name: string): string | undefined =>
  folders.map((folder) => fileURLToPath(new URL(folder + name, import.meta.url))).find((path) => existsSync(path))

/**
 * Starts a thread. When the scope ends it is told to stop, and the scope waits until it has: a thread
 * in native code cannot be ended from outside.
 *
 * @param options.data what it is given, the descriptor it is to poll for wakes among it.
 */
export const startThread = <Command>(
  addon: Binding,
  options: {
    readonly bundle: string
    readonly data: (wake: number) => unknown
    readonly stop: Command
  }
): Effect.Effect<BlockedThread<Command>, string, Scope.Scope> =>
  Effect.gen(function*() {
    const path = bundlePath(options.bundle)
    if (path === undefined) return yield* Effect.fail(`${options.bundle} is not built (run: npm run build)`)
    const wake = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const ends = addon.openWake()
        return typeof ends === "number" ? Effect.fail(addon.errnoName(-ends)) : Effect.succeed(ends)
      }),
      (ends) => Effect.sync(() => new Set(ends).forEach((fd) => addon.closeFd(fd)))
    )
    return yield* Effect.acquireRelease(
      Effect.sync((): BlockedThread<Command> => {
        const worker = new Worker(path, { workerData: options.data(wake[0]), resourceLimits })
        const tell = (command: Command) => {
          worker.postMessage(command)
          addon.signalWake(wake[1])
        }
        return { worker, tell }
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
