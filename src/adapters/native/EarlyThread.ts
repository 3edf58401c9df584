import type { Worker } from "node:worker_threads"
import * as LoadGate from "./LoadGate.ts"
import { startBundle } from "./ThreadBundle.ts"

/*
 * The forwarding thread, started before the switch is loaded. Node needs about as long for the one as for the other
 * (docs/decisions/0018-the-thread-first.md).
 */

const bundle = "forwarder.cjs"

/** The thread, which the end of the process does not catch while it loads the addon. */
const start = (): Worker => {
  const gate = LoadGate.make()
  const worker = startBundle(bundle, gate)
  const close = (): void => LoadGate.close(gate)
  process.on("exit", close)
  worker.once("exit", () => process.off("exit", close))
  return worker
}

/** The command and the switch are bundles of their own, with a copy of this file each: here they meet. */
const place = globalThis as { [early]?: Worker | undefined }
const early: unique symbol = Symbol.for("vknetd.forwardingThread")

const forget = (): void => {
  delete place[early]
}

/**
 * Starts the thread. It changes nothing of the system, and keeps nobody from ending, before it is taken. Nobody who may
 * be told is there yet: if it cannot be started, or ends, whoever takes one starts it anew, and is told.
 */
export const startEarly = (): void => {
  try {
    const worker = start()
    worker.unref()
    worker.on("error", forget).on("exit", forget)
    place[early] = worker
  } catch {
    forget()
  }
}

/** The thread that was started, once, or one that is started now. Throws as `startBundle` does. */
export const takeThread = (): Worker => {
  const worker = place[early]
  if (worker === undefined) return start()
  forget()
  worker.off("error", forget).off("exit", forget)
  worker.ref()
  return worker
}
