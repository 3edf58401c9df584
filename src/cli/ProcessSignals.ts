import * as Effect from "effect/Effect"
import * as os from "node:os"
import type { Log } from "./Log.ts"

/** What the signals ask for that do not end the switch. */
export interface SignalAnswers {
  /** HUP: open files anew. */
  readonly hangup: Effect.Effect<void>
  /** USR2, and INFO where there is such a signal: write down how things are. */
  readonly dump: Effect.Effect<void>
}

/**
 * Answers HUP and USR2 for as long as the process lives. Without a listener either of them would end it and leave
 * its socket. USR1 is left to Node, which starts its debugger on it.
 */
export const answerSignals = (answers: SignalAnswers, log: Log["here"]): void => {
  const answer = (name: NodeJS.Signals, effect: Effect.Effect<void>) =>
    process.on(name, () => {
      Effect.runFork(log(effect))
    })
  answer("SIGHUP", answers.hangup)
  answer("SIGUSR2", answers.dump)
  if ("SIGINFO" in os.constants.signals) answer("SIGINFO", answers.dump)
}
