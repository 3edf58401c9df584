import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { version } from "../../package.json"
import type { Addon } from "../adapters/native/Addon.ts"
import type { ServeError } from "../adapters/native/HttpListener.ts"
import type { WebRequest } from "../adapters/web/WebServer.ts"
import { controlPath } from "../services/ControlPath.ts"
import { ControlTarget } from "../services/ControlTarget.ts"
import type { Ownership } from "../services/Ownership.ts"
import type { PeerProcesses } from "../services/PeerProcesses.ts"
import { ListenError } from "../services/SeqpacketListener.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import type { ControlEnds, TcpEnd } from "../services/HandoverSource.ts"
import type { ListenAddress } from "./ListenAddress.ts"

/** What serves questions, and the connections of processes that want to take the switch over. */
export interface ControlService extends ControlEnds {
  readonly takeovers: {
    /** The next of them. All others are turned away until that one is done with. */
    readonly next: Effect.Effect<number>
    readonly done: Effect.Effect<void>
  }
}

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
  overTcp: { readonly metrics: ListenAddress | undefined; readonly web: WebRequest | undefined },
  startedMs: number,
  inherited: ControlEnds
): Effect.Effect<ControlService, ServeError, Addon | Ownership | PeerProcesses | Scope.Scope> =>
  Effect.gen(function*() {
    // The commands and the mistakes that start no switch have no use for a server.
    const channel = yield* Effect.promise(() => import("../adapters/native/NativeControlChannel.ts"))
    const target = Layer.succeed(ControlTarget, { running, version, pid: process.pid, startedMs, log })
    const path = controlPath(running.socketPath)
    const takeovers = yield* Queue.bounded<number>(1)
    let isOccupied = false
    const control = yield* Effect.gen(function*() {
      const { gid, mode } = yield* guestsNode(running.socketPath)
      return yield* channel.open({
        path,
        gid,
        mode: mode & 0o660,
        accept: (fd) => {
          if (isOccupied) return false
          isOccupied = true
          return Queue.unsafeOffer(takeovers, fd)
        },
        inherited: inherited.control
      })
    }).pipe(
      Effect.catchTag("ListenError", (error) =>
        Effect.as(
          Effect.logWarning("there is no control channel").pipe(Effect.annotateLogs({ cause: error.message })),
          undefined
        )),
      Effect.provide(target)
    )
    const metrics = overTcp.metrics === undefined
      ? undefined
      : yield* Effect.provide(
        channel.openMetrics(overTcp.metrics, sameOf(overTcp.metrics, inherited.metrics)),
        target
      )
    if (metrics !== undefined) yield* tell("serving metrics", metrics)
    const web = overTcp.web === undefined
      ? undefined
      : yield* Effect.provide(openPage(overTcp.web, inherited.web), target)
    if (web !== undefined) yield* tell("serving the page", web)
    const done = Effect.sync(() => void (isOccupied = false))
    return { control, metrics, web, takeovers: { next: Queue.take(takeovers), done } }
  })

const openPage = (request: WebRequest, inherited: TcpEnd | undefined) =>
  Effect.gen(function*() {
    const { openWeb } = yield* Effect.promise(() => import("../adapters/web/WebServer.ts"))
    return yield* openWeb(request, sameOf(request.address, inherited))
  })

const tell = (what: string, { host, port }: TcpEnd) => Effect.logInfo(what).pipe(Effect.annotateLogs({ host, port }))

/** The descriptor that listens at that address, or at whatever port the kernel had chosen there. */
const sameOf = ({ host, port }: ListenAddress, inherited: TcpEnd | undefined): number | undefined =>
  inherited?.host === host && [0, inherited.port].includes(port) ? inherited.handle : undefined

/** Who may come in is decided already, by whoever made the guests' socket. */
const guestsNode = (path: string): Effect.Effect<fs.Stats, ListenError> =>
  Effect.try({
    try: () => fs.lstatSync(path),
    catch: (cause) => new ListenError({ path, code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
  })
