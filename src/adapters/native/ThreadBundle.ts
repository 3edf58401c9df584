import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { SHARE_ENV, Worker } from "node:worker_threads"

/** Where the threads' bundles lie, seen from the bundle beside them and from this file in a checkout. */
const folders = ["./", "../../../dist/"] as const

/** Such a thread works on arrays made once; what little else it makes need not pile up before it is collected. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 }

/** Starts a thread with a bundle. Throws an `Error` whose message is one line that says what to do. */
export const startBundle = (name: string, workerData?: unknown): Worker => {
  const path = folders.map((folder) => fileURLToPath(new URL(folder + name, import.meta.url))).find((path) =>
    existsSync(path)
  )
  if (path === undefined) throw new Error(`${name} is not built (run: npm run build)`)
  return new Worker(path, { workerData, resourceLimits, env: SHARE_ENV, trackUnmanagedFds: false })
}
