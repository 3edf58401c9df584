/**
 * How many lines of one kind may be logged: a burst, then so many a second. What is over is counted, and the next line
 * that passes says how many were left out, so that a storm of events is one line and a number, not a full disk.
 */
export interface LogBudget {
  /**
   * @param kind of event; each has a budget of its own. @param nowMs of any clock that does not run backwards.
   * Returns how many of the kind were left out since the last that passed, or -1 if this one is to be left out too.
   */
  readonly ask: (kind: string, nowMs: number) => number
}

interface Account {
  lines: number
  sinceMs: number
  suppressed: number
}

/** @param burst lines that may come at once. @param perSecond lines in the long run. */
export const make = (burst: number, perSecond: number): LogBudget => {
  const accounts = new Map<string, Account>()
  return {
    ask: (kind, nowMs) => {
      const account = accounts.get(kind) ?? { lines: burst, sinceMs: nowMs, suppressed: 0 }
      accounts.set(kind, account)
      account.lines = Math.min(burst, account.lines + ((nowMs - account.sinceMs) / 1000) * perSecond)
      account.sinceMs = nowMs
      if (account.lines < 1) {
        account.suppressed++
        return -1
      }
      account.lines--
      const { suppressed } = account
      account.suppressed = 0
      return suppressed
    }
  }
}
