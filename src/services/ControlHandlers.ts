import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Bounds } from "../domain/Bounds.ts"
import * as AnswerTurn from "./AnswerTurn.ts"
import * as Directory from "./PortDirectory.ts"
import { captureHandlers } from "./CaptureHandlers.ts"
import { Caller, ControlApi, metricsContentType, watchContentType } from "./ControlApi.ts"
import { Forbidden, NotThere, Unanswered, Unfit } from "./ErrorAnswers.ts"
import type { PortAction, Sample, Setting } from "./ControlAnswers.ts"
import { watchIntervalMs } from "./ControlSchema.ts"
import { settingKeys } from "./ControlWords.ts"
import { ask, ControlTarget, inTime } from "./ControlTarget.ts"
import { configure, type LiveSettings } from "./LiveSettings.ts"
import * as Views from "./ControlViews.ts"
import * as MetricsText from "./MetricsText.ts"
import * as MonotonicClock from "./MonotonicClock.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import type { PlaneReply } from "./PlaneQuestion.ts"
import * as StationSurvey from "./StationSurvey.ts"

const macAge = {
  unit: "seconds",
  most: Bounds.stationAgeSecondsMax,
  among: (live: LiveSettings, n: number): LiveSettings => ({ ...live, stationAgeSeconds: n })
}

/** Numbers that can be set, from 1 on. */
const numbers = {
  "mac-age": macAge,
  // Its older name, which scripts know.
  "station-age": macAge,
  "storm-rate": {
    unit: "frames a second",
    most: Bounds.ratePerSecondMax,
    among: (live: LiveSettings, n: number): LiveSettings => ({ ...live, policy: { ...live.policy, stormPerSecond: n } })
  },
  "arp-rate": {
    unit: "frames a second",
    most: Bounds.ratePerSecondMax,
    among: (live: LiveSettings, n: number): LiveSettings => ({ ...live, policy: { ...live.policy, arpPerSecond: n } })
  }
} as const

/** What is counted and measured, for Prometheus. */
export const metrics: Effect.Effect<string, never, ControlTarget> = Effect.gen(function*() {
  const target = yield* ControlTarget
  const { directory, plane, request } = target.running
  const reply = yield* ask(target.running, { kind: "ports" })
  return MetricsText.format(plane.counters, {
    version: target.version,
    mode: request.secure ? "secure" : "bridge",
    startedSeconds: Math.floor(target.startedMs / 1000),
    openPorts: Directory.openPorts(directory),
    guests: directory.guests.size,
    guestsMax: request.guestPorts,
    tapUp: directory.tap.state === "none" ? undefined : directory.tap.state === "up",
    plane: reply
  })
})

const ports = Effect.gen(function*() {
  const target = yield* ControlTarget
  const reply = yield* ask(target.running, { kind: "ports" })
  const rows = Views.ports(target, yield* PeerProcesses, reply, yield* Clock.currentTimeMillis)
  return { answered: reply !== undefined, ports: rows }
})

const unanswered = new Unanswered({
  message: "the forwarding thread does not answer (it is stuck or overloaded; status and ports tell what is known)"
})

const answered = <A>(reply: A | undefined): Effect.Effect<A, Unanswered> =>
  reply === undefined ? Effect.fail(unanswered) : Effect.succeed(reply)

const crowded = new Unanswered({ message: "too many ask at once (try again)" })

const undone = new Unanswered({
  message: "the forwarding thread does not answer (it is stuck or overloaded; it will do this when it goes on)"
})

/** Has the forwarding thread change something. @param details for the log, of what it does late, too. */
const change = (
  asking: Effect.Effect<Option.Option<PlaneReply>>,
  details: Readonly<Record<string, unknown>>
): Effect.Effect<PlaneReply, Unanswered, Caller> =>
  Effect.gen(function*() {
    const reply = yield* inTime(asking)
    if (reply !== undefined) return yield* Effect.mapError(reply, () => crowded)
    yield* told("change told by command, not done yet", details)
    return yield* undone
  })

/** A sample at once and then one each interval; the next is not taken before the reader has taken the last. */
const watch = (intervalMs: number) =>
  Effect.map(Effect.context<ControlTarget | PeerProcesses>(), (context) =>
    Stream.repeatEffectWithSchedule(
      Effect.zipWith(ports, MonotonicClock.currentTimeMillis, (known, timeMs): Sample => ({ timeMs, ...known })),
      Schedule.spaced(intervalMs)
    ).pipe(
      Stream.map((sample) => `${JSON.stringify(sample)}\n`),
      Stream.encodeText,
      Stream.provideContext(context)
    ))

/** `Control.Stations` as JSON, made slice by slice as it is read. */
const stationsText = (slices: ReadonlyArray<Int32Array>): Stream.Stream<Uint8Array> => {
  const parts = Stream.fromIterable(slices.entries()).pipe(
    Stream.mapEffect(([i, rows]) =>
      Effect.map(AnswerTurn.next, () => (i === 0 ? "" : ",") + JSON.stringify(Views.stations(rows)).slice(1, -1)))
  )
  return Stream.encodeText(Stream.make("{\"stations\":[").pipe(Stream.concat(parts), Stream.concat(Stream.make("]}"))))
}

/** Lets through who may change something. */
const permitted = Effect.flatMap(Caller, ({ mayChange }) =>
  mayChange
    ? Effect.void
    : Effect.fail(new Forbidden({ message: "only root and the user that the switch runs as may change anything" })))

const told = (what: string, details: Readonly<Record<string, unknown>>) =>
  Effect.flatMap(Caller, ({ uid }) => Effect.logInfo(what).pipe(Effect.annotateLogs({ ...details, byUid: uid })))

const changePort = (port: number, action: PortAction) =>
  Effect.gen(function*() {
    yield* permitted
    const { running } = yield* ControlTarget
    const reply = yield* change(running.plane.ask({ kind: "change", port, action }), { port, action })
    const { stations } = reply as Extract<PlaneReply, { kind: "change" }>
    if (stations < 0) return yield* new NotThere({ message: `no guest has port ${port}` })
    yield* told("port changed by command", { port, action })
    return { port, action, stations }
  })

const changeSetting = (key: string, value: string) =>
  Effect.gen(function*() {
    yield* permitted
    const { log, running } = yield* ControlTarget
    const name = key as "log-level" | keyof typeof numbers
    switch (name) {
      case "log-level":
        if (!log.levels.includes(value)) return yield* unfit(key, value, `one of ${log.levels.join(", ")}`)
        log.setLevel(value)
        break
      case "mac-age":
      case "station-age":
      case "storm-rate":
      case "arp-rate": {
        const { among, most, unit } = numbers[name]
        const number = /^[1-9][0-9]{0,7}$/.test(value) ? Number(value) : Number.NaN
        if (!(number <= most)) return yield* unfit(key, value, `${unit} from 1 to ${most}`)
        yield* change(configure(running, (live) => among(live, number)), { key, value })
        break
      }
      default:
        return yield* new NotThere({ message: `nothing to set is called ${key}: there are ${settingKeys.join(", ")}` })
    }
    yield* told("setting changed by command", { key, value })
    return { key, value } satisfies Setting
  })

const unfit = (key: string, value: string, fit: string) =>
  new Unfit({ message: `bad ${key} ${value === "" ? "''" : value}: give ${fit}` })

/** Answers everything of the control channel. */
export const layer = HttpApiBuilder.group(ControlApi, "control", (handlers) =>
  Effect.gen(function*() {
    const target = yield* ControlTarget
    const { running } = target
    const processes = yield* PeerProcesses
    const captures = yield* captureHandlers
    const stations = StationSurvey.makeShared(running)
    const provided = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(Effect.provideService(ControlTarget, target), Effect.provideService(PeerProcesses, processes))
    return handlers
      .handle("status", () =>
        Effect.map(ask(running, { kind: "ports" }), (reply) => Views.status(target, reply)))
      .handle("ports", () => provided(ports))
      .handleRaw("stations", () =>
        Effect.map(Effect.flatMap(stations, answered), (slices) =>
          HttpServerResponse.stream(stationsText(slices), { contentType: "application/json" })))
      .handle("drops", () => Effect.map(AnswerTurn.next, () => Views.drops(running.plane.counters)))
      .handle("moves", () =>
        Effect.gen(function*() {
          const reply = yield* Effect.flatMap(ask(running, { kind: "moves" }), answered)
          return Views.moves(reply, yield* Clock.currentTimeMillis)
        }))
      .handleRaw("metrics", () =>
        Effect.map(provided(metrics), (text) => HttpServerResponse.text(text, { contentType: metricsContentType })))
      .handleRaw("watch", ({ urlParams }) =>
        Effect.map(provided(watch(urlParams.intervalMs ?? watchIntervalMs.usual)), (lines) =>
          HttpServerResponse.stream(lines, { contentType: watchContentType })))
      .handleRaw("capture", ({ urlParams }) => captures.begin(urlParams))
      .handle("endCapture", ({ path }) => captures.end(path.capture))
      .handle("changePort", ({ path }) => provided(changePort(path.port, path.action)))
      .handle("changeSetting", ({ path, payload }) => provided(changeSetting(path.key, payload.value)))
  }))
