import * as Effect from "effect/Effect"
import { version } from "../../package.json"
import { Addon } from "../adapters/native/Addon.ts"
import * as NativeHandoverChannel from "../adapters/native/NativeHandoverChannel.ts"
import { handOver } from "../services/Handover.ts"
import type { RunningSwitch } from "../services/Switch.ts"
import * as HandoverSource from "../services/HandoverSource.ts"
import type { ControlService } from "./Control.ts"
import type { Options } from "./Options.ts"
import type { Edge } from "./Run.ts"

/** Deals with processes that want to take the switch over, until one has it. */
export const handOverWhenAsked = ({ edge, options, running, service, startedMs }: {
  readonly edge: Pick<Edge, "notifier" | "ownership" | "regained">
  readonly options: Pick<Options, "simulate">
  readonly running: RunningSwitch
  readonly service: ControlService
  readonly startedMs: number
}) =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const source = HandoverSource.make({
      running,
      ends: service,
      simulated: options.simulate,
      version,
      pid: process.pid,
      startedMs,
      ownership: edge.ownership,
      notifySocket: edge.notifier.path(),
      descriptorStoreMax: edge.notifier.store()?.countMax ?? 0,
      handedOver: edge.notifier.handedOver,
      regain: Effect.sync(() => {
        const { pidFile } = running.belongings()
        if (pidFile !== undefined) addon.rewritePidFile(pidFile, process.pid)
        edge.regained(running)
      })
    })
    for (;;) {
      const fd = yield* service.takeovers.next
      const outcome = yield* Effect.either(handOver(NativeHandoverChannel.make(addon, fd), source))
      if (outcome._tag === "Right") return yield* Effect.logInfo("handed over to another process")
      yield* service.takeovers.done
      yield* Effect.logWarning("not handed over: the switch stays this process's").pipe(
        Effect.annotateLogs({ why: outcome.left.reason })
      )
    }
  })
