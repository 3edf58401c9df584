import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { isForWriting, isGiven } from "./GivenDescriptors.ts"

/** Nothing is open there. */
export class ReadyFdError extends Data.TaggedError("ReadyFdError")<{
  readonly descriptor: number
  readonly code: string
}> {
  override get message(): string {
    return `cannot use --ready-fd ${this.descriptor}: ${this.code} (open it for writing, as in ${this.descriptor}>FILE)`
  }
}

/** Makes sure that the caller has opened it for writing, before anything is done that it would be told of. */
export const check = (descriptor: number | undefined): Effect.Effect<void, ReadyFdError> =>
  Effect.suspend(() => {
    if (descriptor === undefined) return Effect.void
    try {
      fs.fstatSync(descriptor)
      return isGiven(descriptor) && isForWriting(descriptor)
        ? Effect.void
        : new ReadyFdError({ descriptor, code: "EBADF" })
    } catch (cause) {
      return new ReadyFdError({ descriptor, code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
    }
  })

/** Says "ready" there and closes it. Whoever listened may have gone. */
export const say = (descriptor: number | undefined): void => {
  if (descriptor === undefined) return
  try {
    fs.writeSync(descriptor, "ready\n")
  } catch {
    // The switch goes on without its listener.
  }
  try {
    fs.closeSync(descriptor)
  } catch {
    // It was closed already.
  }
}
