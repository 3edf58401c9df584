import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ListenError, SeqpacketListener } from "../../services/SeqpacketListener.ts"
import { errnoName } from "./Errno.ts"
import * as SocketFile from "./SimSocketFile.ts"
import { SimWorld } from "./SimWorld.ts"

/** Errno symbols that have a name of their own to who wants to listen. */
const meanings: Record<string, string | undefined> = {
  EADDRINUSE: "IN_USE",
  ENOTSOCK: "NOT_A_SOCKET",
  ENAMETOOLONG: "TOO_LONG"
}

const failure = (path: string, result: number) => {
  const symbol = errnoName(-result)
  return Effect.fail(new ListenError({ path, code: meanings[symbol] ?? symbol }))
}

/** Sequenced-packet sockets of the simulated kernel. */
export const layer: Layer.Layer<SeqpacketListener, never, SimWorld> = Layer.effect(
  SeqpacketListener,
  Effect.map(SimWorld, (kernel) =>
    SeqpacketListener.of({
      probe: (path) =>
        Effect.suspend(() => {
          const found = SocketFile.probe(kernel, path)
          return found < 0 ? failure(path, found) : Effect.void
        }),
      listen: (request) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            const opened = SocketFile.listen(kernel, request)
            return typeof opened === "number" ? failure(request.path, opened) : Effect.succeed(opened)
          }),
          ({ fd, inode }) =>
            Effect.sync(() => {
              SocketFile.unlink(kernel, request.path, inode)
              kernel.close(fd)
            })
        ).pipe(Effect.map(({ fd }) => ({ path: request.path, handle: fd })))
    }))
)
