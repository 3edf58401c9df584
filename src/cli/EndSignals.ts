import * as os from "node:os"

/** How long an orderly end may take before another signal breaks it off. The manual says so. */
const END_MS = 10_000

const endSignals = ["SIGINT", "SIGTERM"] as const

/** What of a process is needed: `process`, but in tests. */
export interface EndingProcess {
  readonly on: (name: (typeof endSignals)[number], listener: () => void) => unknown
  readonly exit: (status: number) => void
}

/**
 * Sees to it that a signal which comes once more does not break off the orderly end that the first one began: that one
 * takes its own listeners away, and the switch would end with its socket, pid file and bridge left behind.
 *
 * @param nowMs a clock that nobody sets.
 */
export const guardEnd = (ending: EndingProcess = process, nowMs: () => number = () => performance.now()): void => {
  let firstMs: number | undefined
  for (const name of endSignals) {
    ending.on(name, () => {
      firstMs ??= nowMs()
      if (nowMs() - firstMs > END_MS) ending.exit(128 + os.constants.signals[name])
    })
  }
}
