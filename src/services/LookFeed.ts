import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Bounds } from "../domain/Bounds.ts"
import type { Counters } from "../domain/Counters.ts"
import { Column, ROW } from "../domain/Counters.ts"
import * as AnswerTurn from "./AnswerTurn.ts"
import type * as Control from "./ControlAnswers.ts"
import { ask, ControlTarget } from "./ControlTarget.ts"
import * as Views from "./ControlViews.ts"
import * as LatestDenials from "./LatestDenials.ts"
import type { Look, StationSearch } from "./LookSchema.ts"
import * as MonotonicClock from "./MonotonicClock.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import * as Directory from "./PortDirectory.ts"
import * as StationSurvey from "./StationSurvey.ts"

/** From one look to the next: a person sees what happens within a second. */
const lookIntervalMs = 500

/** For how long an answer about the stations is as good as a new one. */
const stationsFreshMs = 1000

/** What the page is told. */
export interface LookFeed {
  /**
   * A look at once and then one each interval, the same for all who look. Nothing is computed while nobody does. Who
   * is too slow misses looks and delays nobody.
   */
  readonly looks: Stream.Stream<Look>
  /** @param match part of an address, in lower case, or the number of a port; empty for all. */
  readonly stations: (match: string) => Effect.Effect<StationSearch>
}

type Needs = ControlTarget | PeerProcesses | Scope.Scope

export const make: Effect.Effect<LookFeed, never, Needs> = Effect.gen(function*() {
  const target = yield* ControlTarget
  const processes = yield* PeerProcesses
  const denials = LatestDenials.make()
  let activity: ReadonlyMap<number, number> = new Map()

  const look = Effect.gen(function*() {
    const { directory, plane: { counters } } = target.running
    const reply = yield* ask(target.running, { kind: "ports" })
    const nowMs = yield* Clock.currentTimeMillis
    const timeMs = yield* MonotonicClock.currentTimeMillis
    LatestDenials.note(denials, Views.drops(counters).drops, timeMs)
    const open = Directory.openPorts(directory)
    const before = activity
    activity = new Map(open.map((port) => [port, activityOf(counters, port)] as const))
    return {
      timeMs,
      upSeconds: Math.max(0, Math.floor((nowMs - target.startedMs) / 1000)),
      status: Views.status(target, reply),
      portsOpen: directory.guests.size,
      ports: Views.ports(target, processes, reply, nowMs, busiest(before, activity, Bounds.webPorts)),
      denials: LatestDenials.list(denials)
    } satisfies Look
  })
  const looks = yield* Stream.repeatEffectWithSchedule(look, Schedule.fixed(lookIntervalMs)).pipe(
    Stream.share({ capacity: 1, strategy: "sliding", replay: 1 })
  )
  const known = yield* Effect.cachedWithTTL(StationSurvey.take(target.running), stationsFreshMs)
  const stations = (match: string) => Effect.flatMap(known, (survey) => search(survey, match))
  return { looks, stations }
})

/** Grows with each frame that a port sends, is sent, or loses. */
const activityOf = ({ values }: Counters, port: number): number =>
  values[port * ROW + Column.receivedFrames]! + values[port * ROW + Column.offeredFrames]!

/** At most `most` ports, in their order: those with the most activity since the look before. */
export const busiest = (
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  most: number
): ReadonlyArray<number> => {
  if (after.size <= most) return [...after.keys()]
  const grown = (port: number): number => {
    const [was, is] = [before.get(port) ?? 0, after.get(port)!]
    return is >= was ? is - was : is
  }
  return [...after.keys()].sort((a, b) => grown(b) - grown(a) || a - b).slice(0, most).sort((a, b) => a - b)
}

/** Slice by slice, each in a turn of its own. */
const search = (survey: StationSurvey.StationSurvey, match: string): Effect.Effect<StationSearch> =>
  Effect.gen(function*() {
    if (survey === undefined) return { answered: false, total: 0, found: 0, stations: [] }
    const first: Array<Control.Station> = []
    let [total, found] = [0, 0]
    for (const rows of survey) {
      yield* AnswerTurn.next
      const all = Views.stations(rows)
      const fitting = all.filter(({ address, port }) => address.includes(match) || String(port) === match)
      total += all.length
      found += fitting.length
      first.push(...fitting.slice(0, Bounds.webStations - first.length))
    }
    return { answered: true, total, found, stations: first }
  })
