import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { HostProcess, HostProcessError, Outcome } from "./HostProcess.ts"

/** A guest did not do what was asked of it, or not in time. */
export class GuestError extends Data.TaggedError("GuestError")<{
  readonly guestName: string
  readonly command: string
  readonly problem: string
  /** The end of its console. */
  readonly output: string
}> {
  override get message(): string {
    return `guest ${this.guestName}: ${this.command}: ${this.problem}\n${this.output}`
  }
}

/** A running Linux kernel with a network card, and a shell that does what it is told. */
export interface Guest {
  readonly name: string
  /** Its network interface, e.g. `vec0`. */
  readonly interfaceName: string
  /** Runs a shell command inside and waits for its end. One at a time; others wait. */
  readonly run: (command: string, timeoutMs?: number) => Effect.Effect<Outcome, GuestError>
  /** Runs a shell command that has to succeed, and gives its output. */
  readonly succeed: (command: string, timeoutMs?: number) => Effect.Effect<string, GuestError>
}

const bootMs = 30_000
const commandMs = 15_000
const stopMs = 3000

/** Asks a guest to power off and waits a little; what is left then is the caller's to kill. */
export const powerOff = (process: HostProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    process.write("off poweroff -f\n")
    return Effect.ignore(process.waitForEnd(stopMs))
  })

/**
 * Waits until a booting kernel's first process speaks, and makes a guest of it.
 *
 * Standard input and output of `process` are the guest's console, where the guest's
 * end is the program in Initramfs.ts.
 */
export const guestOnConsole = (options: {
  readonly name: string
  readonly interfaceName: string
  readonly process: HostProcess
}): Effect.Effect<Guest, HostProcessError> =>
  Effect.gen(function*() {
    const { name, process } = options
    const oneAtATime = Effect.unsafeMakeSemaphore(1)
    let commands = 0

    const run = (command: string, timeoutMs = commandMs): Effect.Effect<Outcome, GuestError> =>
      Effect.gen(function*() {
        const id = `c${commands++}`
        const from = process.stdout().length
        process.write(`${id} ${command}\n`)
        const answer = new RegExp(`\\x02${id}\\r?\\n([^]*)\\x03${id} (\\d+)\\r?\\n`)
        const [, output, status] = yield* process.waitUntil(
          `answered: ${command}`,
          () => answer.exec(process.stdout().slice(from)) ?? undefined,
          timeoutMs
        )
        return { status: Number(status), output: output!.replaceAll("\r\n", "\n") }
      }).pipe(
        Effect.mapError(({ output, problem }) =>
          new GuestError({ guestName: name, command, problem, output })),
        oneAtATime.withPermits(1)
      )

    yield* process.waitUntil(
      "ready",
      () => process.stdout().includes("\x02ready") ? true : undefined,
      bootMs
    )
    return {
      name,
      interfaceName: options.interfaceName,
      run,
      succeed: (command, timeoutMs) =>
        Effect.flatMap(run(command, timeoutMs), ({ output, status }) =>
          status === 0
            ? Effect.succeed(output)
            : new GuestError({ guestName: name, command, problem: `status ${status}`, output }))
    }
  })
