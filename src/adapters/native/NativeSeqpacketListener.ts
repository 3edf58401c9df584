import * as Effect from "effect/Effect"
import { ListenError, SeqpacketListener } from "../../services/SeqpacketListener.ts"
import type { Binding } from "./Binding.ts"

/** What the kernel's answer means to who wants to listen; errno symbols that mean themselves are left out. */
const meanings: Record<string, string | undefined> = {
  EADDRINUSE: "IN_USE",
  ENOTSOCK: "NOT_A_SOCKET",
  ENAMETOOLONG: "TOO_LONG"
}

/** @param errno why. @param symbol its name, where that is known already. */
export const listenFailure = (
  addon: Binding,
  path: string,
  errno: number,
  symbol = addon.errnoName(errno)
): ListenError => new ListenError({ path, code: meanings[symbol] ?? symbol })

/** Sequenced-packet sockets of the running kernel, unix(4) or unix(7), that the switch itself makes. */
export const make = (addon: Binding, ownership: { readonly held: boolean }): SeqpacketListener["Type"] => {
  const failure = (path: string, errno: number) => listenFailure(addon, path, errno)
  return SeqpacketListener.of({
    probe: (path) =>
      Effect.suspend(() => {
        const result = addon.probeSocket(path)
        return result >= 0 ? Effect.void : Effect.fail(failure(path, -result))
      }),
    listen: ({ backlog, gid, mode, path }) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const result = addon.listen(path, gid ?? -1, mode, backlog)
          return typeof result === "number" ? Effect.fail(failure(path, -result)) : Effect.succeed(result)
        }),
        ({ device, fd, inode }) =>
          Effect.sync(() => {
            if (ownership.held) addon.unlinkSocket(path, device, inode)
            addon.closeFd(fd)
          })
      ).pipe(Effect.map(({ device, fd, inode }) => ({ path, handle: fd, node: { device, inode } })))
  })
}
