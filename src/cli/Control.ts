import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { version } from "../../package.json"
import type { Addon } from "../adapters/native/Addon.ts"
import type { MetricsError } from "../adapters/native/NativeControlChannel.ts"
import { controlPath } from "../services/ControlPath.ts"
import { ControlTarget } from "../services/ControlTarget.ts"
import type { Ownership } from "../services/Ownership.ts"
import type { PeerProcesses } from "../services/PeerProcesses.ts"
import { ListenError } from "../services/SeqpacketListener.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import type { ControlEnds } from "../services/SwitchHolder.ts"
import type { MetricsAddress } from "./MetricsAddress.ts"

/** What serves questions, and the connections of processes that want to take the switch over. */
export interface ControlService extends ControlEnds {
  readonly heirs: Queue.Dequeue<number>
}

/** The log, as far as it can be changed while the switch runs. */
export type ControlledLog = ControlTarget["Type"]["log"]

/**
 * Makes a switch answer questions until the scope ends: on a socket beside the guests' one, and its metrics on TCP if
 * that was asked for. A switch whose control socket cannot be made serves all the same, and says so: the path was
 * chosen when there was none, and guests come first.
 */
export const openControl = (
  running: RunningSwitch,
  log: ControlledLog,
  metrics: MetricsAddress | undefined,
  startedMs: number,
  inherited: ControlEnds
): Effect.Effect<ControlService, MetricsError, Addon | Ownership | PeerProcesses | Scope.Scope> =>
  Effect.gen(function*() {
    // The commands and the mistakes that start no switch have no use for a server.
    const channel = yield* Effect.promise(() => import("../adapters/native/NativeControlChannel.ts"))
    const target = Layer.succeed(ControlTarget, { running, version, pid: process.pid, startedMs, log })
    const path = controlPath(running.socketPath)
    const heirs = yield* Queue.dropping<number>(1)
    const control = yield* Effect.gen(function*() {
      const { gid, mode } = yield* guestsNode(running.socketPath)
      return yield* channel.open({
        path,
        gid,
        mode: mode & 0o660,
        accept: (fd) => Queue.unsafeOffer(heirs, fd),
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
    if (metrics === undefined) return { control, metrics: undefined, heirs }
    const isSame = inherited.metrics?.host === metrics.host && [0, inherited.metrics.port].includes(metrics.port)
    const served = yield* Effect.provide(
      channel.openMetrics(metrics, isSame ? inherited.metrics.handle : undefined),
      target
    )
    yield* Effect.logInfo("serving metrics").pipe(Effect.annotateLogs({ host: metrics.host, port: served.port }))
    return { control, metrics: served, heirs }
  })

/** Who may come in is decided already, by whoever made the guests' socket. */
const guestsNode = (path: string): Effect.Effect<fs.Stats, ListenError> =>
  Effect.try({
    try: () => fs.lstatSync(path),
    catch: (cause) => new ListenError({ path, code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
  })
