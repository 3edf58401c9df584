import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import { type Filter, FilterFault, parseFilter } from "../domain/capture/Filter.ts"
import { CaptureHub } from "./CaptureHub.ts"
import { Caller, captureContentType } from "./ControlApi.ts"
import { Crowded, Forbidden, NotThere, Unfit } from "./ErrorAnswers.ts"
import type { CaptureQuestion } from "./ControlSchema.ts"
import { captureHeader } from "./ControlWords.ts"
import { ControlTarget } from "./ControlTarget.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import * as Labels from "./PortLabels.ts"
import type { RunningSwitch } from "./Switch.ts"

const crowded = new Crowded({ message: "too many capture at once (end one of the others)" })

const filterOf = (text: string | undefined): Effect.Effect<Filter | undefined, Unfit> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(text === undefined ? undefined : parseFilter(text, Bounds.captureFilterChars))
    } catch (cause) {
      if (!(cause instanceof FilterFault)) throw cause
      return Effect.fail(new Unfit({ message: `bad filter: ${cause.message}` }))
    }
  })

/**
 * Whose frames one may look at: all, or, as a member of the group, those of a port that oneself holds. That is no more
 * than what the guest at that port sends and gets anyway, and why some of it goes nowhere.
 */
const permit = (
  { directory, request }: RunningSwitch,
  port: number | undefined
): Effect.Effect<number | undefined, Forbidden | Unfit, Caller> =>
  Effect.gen(function*() {
    const { mayChange, uid } = yield* Caller
    if (port !== undefined && port > request.guestPorts) {
      return yield* new Unfit({ message: `bad --port ${port}: there are ports 0 to ${request.guestPorts}` })
    }
    if (mayChange) return undefined
    if (port === undefined) {
      return yield* new Forbidden({
        message: "only root and the user that the switch runs as may capture all ports (name one of yours with --port)"
      })
    }
    if (port === TAP_PORT || directory.guests.get(port)?.uid !== uid) {
      return yield* new Forbidden({ message: `port ${port} is not yours (vknetd ports tells which are)` })
    }
    return uid
  })

/** What the control channel does about captures; in a scope, whose end ends them all. */
export const captureHandlers = Effect.gen(function*() {
  const { running, version } = yield* ControlTarget
  const labels = Labels.make(running.directory, yield* PeerProcesses)
  const clock = yield* Effect.clock
  const hub = new CaptureHub({
    ring: running.plane.captured,
    labels,
    application: `vknetd ${version}`,
    dateMs: () => clock.unsafeCurrentTimeMillis()
  })
  yield* Effect.forkScoped(hub.run)
  return {
    begin: (question: CaptureQuestion) =>
      Effect.gen(function*() {
        const filter = yield* filterOf(question.filter)
        const uid = yield* permit(running, question.port)
        const subscriber = hub.open({
          port: question.port,
          denied: question.denied === "yes",
          filter,
          framesMax: question.count ?? Number.POSITIVE_INFINITY,
          snapBytes: question.snap ?? Bounds.captureSnapBytesMax,
          uid
        })
        if (subscriber === undefined) return yield* crowded
        yield* Effect.addFinalizer(() => Effect.sync(() => hub.close(subscriber)))
        return HttpServerResponse.stream(hub.stream(subscriber), {
          contentType: captureContentType,
          headers: { [captureHeader]: String(subscriber.id) }
        })
      }),
    end: (id: number) =>
      Effect.gen(function*() {
        const { mayChange, uid } = yield* Caller
        if (!hub.end(id, mayChange ? undefined : uid)) {
          return yield* new NotThere({ message: `no capture has the number ${id}` })
        }
        return { capture: id }
      })
  }
})
