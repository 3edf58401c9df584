import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { type CaptureFault, type CaptureReader, isFault, type OctetSource } from "../domain/capture/CapturedFrame.ts"
import * as Capture from "../domain/capture/Capture.ts"
import { printable } from "./Printable.ts"
import { ValueError } from "./UsageError.ts"

/** Octets that are read from the file at once. */
const CHUNK_BYTES = 65_536

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? "UNKNOWN"

/** What is wrong with a file, in one line. */
export const captureError = (path: string, { fault }: CaptureFault): ValueError =>
  new ValueError({ message: `cannot read ${printable(path)}: ${fault}` })

/** What the system says of it. */
const systemError = (path: string, code: string): ValueError =>
  captureError(path, { fault: `${code} (name another capture)` })

/** Reads a file in chunks; holds one, and what was asked for. */
class FileSource implements OctetSource {
  readonly #fd: number
  #chunk: Uint8Array = new Uint8Array(0)

  constructor(fd: number) {
    this.#fd = fd
  }

  read(count: number): Uint8Array {
    const octets = new Uint8Array(count)
    let filled = 0
    while (filled < count) {
      if (this.#chunk.length === 0) this.#chunk = this.#fill()
      if (this.#chunk.length === 0) break
      const part = this.#chunk.subarray(0, count - filled)
      octets.set(part, filled)
      this.#chunk = this.#chunk.subarray(part.length)
      filled += part.length
    }
    return filled === count ? octets : octets.subarray(0, filled)
  }

  #fill(): Uint8Array {
    const chunk = new Uint8Array(CHUNK_BYTES)
    return chunk.subarray(0, fs.readSync(this.#fd, chunk, 0, CHUNK_BYTES, null))
  }
}

/** Opens a capture; the file is closed with the scope. */
export const openCapture = (path: string): Effect.Effect<CaptureReader, ValueError, Scope.Scope> =>
  Effect.gen(function*() {
    const fd = yield* Effect.acquireRelease(
      Effect.try({
        try: () => fs.openSync(path, "r"),
        catch: (cause) => systemError(path, codeOf(cause))
      }),
      (fd) => Effect.sync(() => fs.closeSync(fd))
    )
    const reader = yield* attempt(path, () => Capture.open(new FileSource(fd)))
    return isFault(reader) ? yield* captureError(path, reader) : reader
  })

/** Runs what reads a file; a failure of the file system is told as that. */
export const attempt = <A>(path: string, read: () => A): Effect.Effect<A, ValueError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(read())
    } catch (cause) {
      if (cause instanceof ValueError) return Effect.fail(cause)
      const code = (cause as NodeJS.ErrnoException).code
      return code === undefined ? Effect.die(cause) : Effect.fail(systemError(path, code))
    }
  })

/** A file that is written block by block; what it was before is replaced. Never the one that is `read`. */
export const openOutput = (
  path: string,
  read: string
): Effect.Effect<(octets: Uint8Array) => void, ValueError, Scope.Scope> =>
  Effect.gen(function*() {
    const refuse = (why: string) => new ValueError({ message: `cannot write ${printable(path)}: ${why}` })
    const failure = (cause: unknown) => refuse(`${codeOf(cause)} (name another file with -w)`)
    if (isSameFile(path, read)) return yield* refuse("it is the capture that is read; name another file")
    const fd = yield* Effect.acquireRelease(
      Effect.try({ try: () => fs.openSync(path, "w"), catch: failure }),
      (fd) => Effect.sync(() => fs.closeSync(fd))
    )
    return (octets) => {
      try {
        for (let at = 0; at < octets.length;) at += fs.writeSync(fd, octets, at)
      } catch (cause) {
        throw failure(cause)
      }
    }
  })

const isSameFile = (one: string, other: string): boolean => {
  const [a, b] = [one, other].map((path) => fs.statSync(path, { throwIfNoEntry: false }))
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}
