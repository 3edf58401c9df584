import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"

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
      return isOurs(descriptor) || !isForWriting(descriptor)
        ? new ReadyFdError({ descriptor, code: "EBADF" })
        : Effect.void
    } catch (cause) {
      return new ReadyFdError({ descriptor, code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
    }
  })

/**
 * Whether Node has opened it for itself, as its event loops and the pipes between its threads: those numbers are taken
 * when the first line here is run. Of such a pipe this process has both ends. So says proc(5), where that is.
 */
const isOurs = (descriptor: number): boolean => {
  const open = "/proc/self/fd"
  const name = orUndefined(() => fs.readlinkSync(`${open}/${descriptor}`))
  if (name === undefined) return false
  if (!name.startsWith("pipe:")) return name.startsWith("anon_inode:")
  const ends = fs.readdirSync(open).filter((other) => orUndefined(() => fs.readlinkSync(`${open}/${other}`)) === name)
  return ends.length > 1
}

/** The access mode of open(2), in octal behind `flags:`. */
const isForWriting = (descriptor: number): boolean => {
  const told = orUndefined(() => fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))
  const flags = /^flags:\s+([0-7]+)$/m.exec(told ?? "")?.[1]
  return flags === undefined || (Number.parseInt(flags, 8) & 3) !== fs.constants.O_RDONLY
}

const orUndefined = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}

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
