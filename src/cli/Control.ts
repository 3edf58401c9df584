import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { version } from "../../package.json"
import type { Addon } from "../adapters/native/Addon.ts"
import type { ServeError } from "../adapters/native/HttpListener.ts"
import type { WebRequest } from "../adapters/web/WebServer.ts"
import { controlPath } from "../services/ControlPath.ts"
import { ControlTarget } from "../services/ControlTarget.ts"
import type { PeerProcesses } from "../services/PeerProcesses.ts"
import { ListenError } from "../services/SeqpacketListener.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import type { ListenAddress } from "./ListenAddress.ts"

/** The log, as far as it can be changed while the switch runs. */
export type ControlledLog = ControlTarget["Type"]["log"]

/**
 * Makes a switch answer questions until the scope ends: on a socket beside the guests' one, and its metrics and the
 * page over TCP if they were asked for. A switch whose control socket cannot be made serves all the same, and says
 * so: the path was chosen when there was none, and guests come first.
 */
export const openControl = (
  running: RunningSwitch,
  log: ControlledLog,
  overTcp: { readonly metrics: ListenAddress | undefined; readonly web: WebRequest | undefined }
): Effect.Effect<void, ServeError, Addon | PeerProcesses | Scope.Scope> =>
  Effect.gen(function*() {
    // The commands and the mistakes that start no switch have no use for a server.
    const channel = yield* Effect.promise(() => import("../adapters/native/NativeControlChannel.ts"))
    const target = Layer.succeed(ControlTarget, { running, version, pid: process.pid, startedMs: Date.now(), log })
    const path = controlPath(running.socketPath)
    yield* Effect.gen(function*() {
      const { gid, mode } = yield* guestsNode(running.socketPath)
      yield* channel.open({ path, gid, mode: mode & 0o660 })
    }).pipe(
      Effect.catchTag("ListenError", (error) =>
        Effect.logWarning("there is no control channel").pipe(Effect.annotateLogs({ cause: error.message }))),
      Effect.provide(target)
    )
    const { metrics, web } = overTcp
    if (metrics !== undefined) {
      const port = yield* Effect.provide(channel.openMetrics(metrics), target)
      yield* Effect.logInfo("serving metrics").pipe(Effect.annotateLogs({ host: metrics.host, port }))
    }
    if (web !== undefined) {
      const { openWeb } = yield* Effect.promise(() => import("../adapters/web/WebServer.ts"))
      const port = yield* Effect.provide(openWeb(web), target)
      const { host } = web.address
      yield* Effect.logInfo("serving the page").pipe(Effect.annotateLogs({ host, port }))
    }
  })

/** Who may come in is decided already, by whoever made the guests' socket. */
const guestsNode = (path: string): Effect.Effect<fs.Stats, ListenError> =>
  Effect.try({
    try: () => fs.lstatSync(path),
    catch: (cause) => new ListenError({ path, code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
  })
