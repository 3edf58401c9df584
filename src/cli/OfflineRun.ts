import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ValueError } from "./UsageError.ts"

/** Runs a command to its end: the exit status. A mistake is one line on standard error. */
export const runOffline = async (program: Effect.Effect<void, ValueError>): Promise<number> => {
  // A reader that has seen enough.
  process.stdout.on("error", () => process.exit(0))
  const exit = await Effect.runPromiseExit(program)
  if (Exit.isSuccess(exit)) return 0
  const failure = Cause.failureOption(exit.cause)
  if (Option.isNone(failure)) throw Cause.squash(exit.cause)
  process.stderr.write(`vknetd: ${failure.value.message.replace(/\s*[\r\n]+\s*/g, " ")}\n`)
  return 1
}
