import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ownership } from "../../services/Ownership.ts"
import { ListenError, SeqpacketListener } from "../../services/SeqpacketListener.ts"
import { Addon } from "./Addon.ts"
import type { Binding } from "./Binding.ts"
import * as Native from "./NativeSeqpacketListener.ts"

/** What a descriptor that was handed over is not. */
const meanings: Record<string, string | undefined> = {
  ENOTSOCK: "what was handed over is no socket (the service manager is to pass a listening one)",
  EBADF: "nothing was handed over as descriptor 3 (leave LISTEN_FDS out of the environment)",
  EPROTOTYPE: "what was handed over is no sequenced-packet socket (ListenSequentialPacket= in systemd's unit)",
  EINVAL: "nobody listens on the socket that was handed over (the service manager is to do so)",
  ENOENT: "the socket that was handed over has no path (give it one, where guests find it)"
}

/** The path of the first listening sequenced-packet socket among these descriptors; undefined if there is none. */
export const pathOf = (addon: Binding, descriptors: ReadonlyArray<number>): string | undefined => {
  for (const fd of descriptors) {
    const found = addon.inheritListener(fd)
    if (typeof found !== "number") return found.path
  }
  return undefined
}

/**
 * A socket that a service manager has made and listens on, see sd_listen_fds(3). Guests may connect before
 * the switch is there and wait for it. The file is the manager's: it is neither changed nor removed.
 *
 * @param descriptors  what was handed over; the first listening sequenced-packet socket among them is taken.
 * @param pathGiven    true when the user named the path, which then has to lead to this very socket.
 * @param ownPath      of a socket that the switch makes all the same: the trunks'.
 */
export const layer = (
  descriptors: ReadonlyArray<number>,
  pathGiven: boolean,
  ownPath: string | undefined
): Layer.Layer<SeqpacketListener, never, Addon | Ownership> =>
  Layer.effect(
    SeqpacketListener,
    Effect.gen(function*() {
      const addon = yield* Addon
      const inherit = (wanted: string) => {
        let errno = 0
        for (const fd of descriptors) {
          const found = addon.inheritListener(fd)
          if (typeof found !== "number") return { ...found, fd }
          if (errno === 0) errno = -found
        }
        const symbol = addon.errnoName(errno)
        return new ListenError({ path: wanted, code: meanings[symbol] ?? symbol })
      }
      const take = (wanted: string, modeMax: number | undefined) =>
        Effect.gen(function*() {
          const found = inherit(wanted)
          if (found instanceof ListenError) return yield* found
          if (pathGiven && !addon.sameNode(wanted, found.path)) {
            const code = `the socket that was handed over is ${found.path} (name that one with -p, or none)`
            return yield* new ListenError({ path: wanted, code })
          }
          if (modeMax !== undefined && (found.mode & 0o777 & ~modeMax) !== 0) {
            yield* Effect.logWarning("the socket that was handed over admits more than --mode says").pipe(
              Effect.annotateLogs({ socket: found.path, mode: (found.mode & 0o777).toString(8) })
            )
          }
          return { path: found.path, handle: found.fd }
        })
      const own = Native.make(addon, yield* Ownership)
      return SeqpacketListener.of({
        probe: (path) => path === ownPath ? own.probe(path) : Effect.asVoid(take(path, undefined)),
        listen: (request) =>
          request.path === ownPath
            ? own.listen(request)
            : Effect.acquireRelease(
              take(request.path, request.mode),
              ({ handle }) => Effect.sync(() => addon.closeFd(handle))
            )
      })
    })
  )
