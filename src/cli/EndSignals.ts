import * as os from "node:os"

/** How long an orderly end may take before another signal breaks it off. */
const END_MS = 10_000

/**
 * Sees to it that a signal which comes once more does not break off the orderly end that the first one began: that one
 * takes its own listeners away, and the switch would end with its socket, pid file and bridge left behind.
 */
export const holdUntilEnded = (): void => {
  let firstMs: number | undefined
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      const nowMs = performance.now()
      firstMs ??= nowMs
      if (nowMs - firstMs > END_MS) process.exit(128 + os.constants.signals[name])
    })
  }
}
