import type { Worker } from "node:worker_threads"
import { startBundle } from "./ThreadBundle.ts"

/*
 * The forwarding thread, started before the switch is loaded. Node needs as long for the one as for the other
 * (docs/decisions/0018-the-thread-first.md).
 */

const bundle = "forwarder.cjs"

/** The command and the switch are bundles of their own, with a copy of this file each: here they meet. */
const place = globalThis as { [early]?: Worker | undefined }
const early: unique symbol = Symbol.for("vknetd.forwardingThread")

/** Starts the thread. It changes nothing of the system, and keeps nobody from ending, before it is taken. */
export const startEarly = (): void => {
  const worker = startBundle(bundle)
  worker.unref()
  place[early] = worker
}

/** The thread that was started, once, or one that is started now. Throws as `startBundle` does. */
export const takeThread = (): Worker => {
  const worker = place[early]
  delete place[early]
  worker?.ref()
  return worker ?? startBundle(bundle)
}
