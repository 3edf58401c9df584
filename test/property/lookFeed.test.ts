import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as SimDataPlane from "../../src/adapters/sim/SimDataPlane.ts"
import { SimDriver } from "../../src/adapters/sim/SimDriver.ts"
import * as Simulation from "../../src/adapters/sim/Simulation.ts"
import { SimWorld } from "../../src/adapters/sim/SimWorld.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import { ControlTarget } from "../../src/services/ControlTarget.ts"
import * as LookFeed from "../../src/services/LookFeed.ts"
import { Look, StationSearch } from "../../src/services/LookSchema.ts"
import * as Switch from "../../src/services/Switch.ts"
import type { SwitchRequest } from "../../src/services/SwitchRequest.ts"
import { frame } from "./switchWorld.ts"

const request: SwitchRequest = {
  secure: false,
  prefix: undefined,
  tapName: undefined,
  offload: true,
  bridgeName: undefined,
  socketPath: "/var/run/vknet",
  trunk: undefined,
  socketMode: 0o660,
  groupName: "vknet",
  pidFilePath: undefined,
  mtuBytes: undefined,
  guestPorts: 16,
  guestPortsPerUid: 16,
  stationAgeSeconds: Bounds.stationAgeSeconds,
  policy: {},
  hashSeed: [1, 2]
}

const world = Layer.provideMerge(
  Layer.provideMerge(SimDataPlane.layer, SimDriver.layer),
  Simulation.layer({ seed: 1, historyLines: 10_000 })
).pipe(Layer.merge(Logger.remove(Logger.defaultLogger)))

/** A switch of two guests that is looked at, and how often its forwarding thread was asked. */
const open = Effect.gen(function*() {
  const running = yield* Switch.open(request)
  yield* Effect.forkScoped(running.supervise)
  const kernel = yield* SimWorld
  const driver = yield* SimDriver
  let asked = 0
  let answers = true
  const plane: typeof running.plane = {
    ...running.plane,
    ask: (question) =>
      Effect.suspend(() => {
        asked++
        return answers ? running.plane.ask(question) : Effect.succeedNone
      })
  }
  const target = ControlTarget.of({
    running: { ...running, plane },
    version: "1.2.3",
    pid: 42,
    startedMs: (yield* Clock.currentTimeMillis) - 5000,
    log: { levels: ["info"], level: () => "info", setLevel: () => {} }
  })
  const feed = yield* Effect.provideService(LookFeed.make, ControlTarget, target)
  const guests = [1, 2].map((pid) => kernel.guest({ path: request.socketPath, uid: 1000, gid: 85, pid }))
  yield* driver.settle
  const one = Stream.runHead(feed.looks).pipe(Effect.map(Option.getOrThrow))
  return { driver, feed, guests, one, asked: () => asked, silence: () => void (answers = false) }
})

describe("what the page is told", () => {
  it.scoped("is everything that changes, as its schema says", () =>
    Effect.gen(function*() {
      const { driver, feed, guests, one } = yield* open
      guests[0]!.send(frame(255, 1))
      guests[0]!.send(frame(2, 1).subarray(0, 10))
      yield* driver.settle
      const look = yield* one
      Schema.decodeUnknownSync(Look)(JSON.parse(JSON.stringify(look)), { onExcessProperty: "error" })
      assert.deepStrictEqual(look.ports.map(({ port, receivedFrames }) => [port, receivedFrames]), [[1, 2], [2, 0]])
      assert.deepStrictEqual(look.denials.map(({ port, reason }) => [port, reason]), [[1, "RUNT"]])
      assert.deepInclude(look, { portsOpen: 2, upSeconds: 5 })
      const search = yield* feed.stations("")
      Schema.decodeUnknownSync(StationSearch)(search, { onExcessProperty: "error" })
      assert.deepInclude(search, { answered: true, total: 1, found: 1 })
      assert.strictEqual((yield* feed.stations("00:01")).found, 1)
      assert.strictEqual((yield* feed.stations("1")).found, 1)
      assert.strictEqual((yield* feed.stations("ff:ff")).found, 0)
    }).pipe(Effect.provide(world)))

  it.scoped(`names ${Bounds.webStations} stations at most, and says how many there are`, () =>
    Effect.gen(function*() {
      const { driver, feed, guests } = yield* open
      for (let i = 0; i < Bounds.webStations + 4; i++) {
        const octets = frame(255, 1)
        octets.set([i >>> 8, i & 255], 10)
        guests[0]!.send(octets)
        yield* driver.settle
      }
      const { found, stations, total } = yield* feed.stations("02:")
      assert.deepStrictEqual([found, total], [Bounds.webStations + 4, Bounds.webStations + 4])
      assert.strictEqual(stations.length, Bounds.webStations)
    }).pipe(Effect.provide(world)))

  it.scoped("is computed once for all who look, and not at all while nobody does", () =>
    Effect.gen(function*() {
      const { asked, feed } = yield* open
      yield* TestClock.adjust(1200)
      assert.strictEqual(asked(), 0)
      const scope = yield* Scope.make()
      const seen: Array<Array<number>> = [[], [], []]
      for (const times of seen) {
        const looking = Stream.runForEach(feed.looks, ({ timeMs }) => Effect.sync(() => times.push(timeMs)))
        yield* Effect.forkIn(looking, scope)
      }
      yield* TestClock.adjust(1800)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(seen, Array(3).fill([1200, 1700, 2200, 2700]))
      assert.strictEqual(asked(), 4)
      yield* TestClock.adjust(1200)
      assert.strictEqual(asked(), 4)
    }).pipe(Effect.provide(world)))

  it.scoped("is not held up by one who does not read", () =>
    Effect.gen(function*() {
      const { feed } = yield* open
      yield* Effect.fork(Stream.runForEach(feed.looks, () => Effect.never))
      const looks = yield* Effect.fork(Stream.runCollect(Stream.take(feed.looks, 5)))
      yield* TestClock.adjust(2000)
      assert.strictEqual((yield* Fiber.join(looks)).length, 5)
    }).pipe(Effect.provide(world)))

  it.scoped("says when the forwarding thread does not answer, and asks about stations once a second at most", () =>
    Effect.gen(function*() {
      const { asked, feed, one, silence } = yield* open
      yield* Effect.all([feed.stations("a"), feed.stations("b"), feed.stations("c")])
      assert.strictEqual(asked(), 1)
      silence()
      const look = yield* one
      assert.isFalse(look.status.answered)
      assert.deepStrictEqual(look.ports.map(({ stations }) => stations), [null, null])
      yield* TestClock.adjust(1100)
      assert.deepStrictEqual(yield* feed.stations(""), { answered: false, total: 0, found: 0, stations: [] })
    }).pipe(Effect.provide(world)))
})
