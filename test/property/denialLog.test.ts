import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Bounds } from "../../src/domain/Bounds.ts"
import { Column, make as makeCounters, ROW } from "../../src/domain/Counters.ts"
import * as Watch from "../../src/domain/DenialWatch.ts"
import { Reason, REASON_COUNT } from "../../src/domain/Reason.ts"
import * as DenialLog from "../../src/services/DenialLog.ts"
import * as LogBudget from "../../src/services/LogBudget.ts"
import * as World from "./switchWorld.ts"

const intervalMs = Bounds.denialLogSeconds * 1000

describe("which denials are told", () => {
  it("one a port and reason in an interval, whatever is denied in which order", () => {
    const denials = fc.array(
      fc.record({ port: fc.nat(3), reason: fc.integer({ min: 1, max: REASON_COUNT - 1 }), afterMs: fc.nat(4000) }),
      { minLength: 1, maxLength: 200 }
    )
    fc.assert(fc.property(denials, (rows) => {
      const watch = Watch.make(4)
      const last = new Map<string, number>()
      let nowMs = 5_000_000
      for (const { afterMs, port, reason } of rows) {
        nowMs += afterMs
        const key = `${port} ${reason}`
        const seconds = Math.floor(nowMs / 1000)
        const expected = seconds - (last.get(key) ?? -Infinity) >= Bounds.denialLogSeconds
        assert.strictEqual(Watch.isDue(watch, port, reason, nowMs), expected)
        if (expected) last.set(key, seconds)
      }
    }))
  })

  it("a port's next guest is told of at once, and no other port is touched", () => {
    const watch = Watch.make(3)
    for (const port of [0, 1, 2]) assert.isTrue(Watch.isDue(watch, port, Reason.RUNT, 1000))
    Watch.forget(watch, 1)
    assert.deepStrictEqual([0, 1, 2].map((port) => Watch.isDue(watch, port, Reason.RUNT, 1000)), [false, true, false])
  })

  it("the forwarding loop tells of the first, and again only after the interval", () => {
    const world = World.make({ secure: true })
    const [guest, other] = [world.guest(), world.guest()]
    const denied = () => world.notices.filter((notice) => notice.kind === "denied")
    const runt = new Uint8Array(10)
    for (let i = 0; i < 20; i++) world.send(guest, runt)
    world.send(other, World.frame(255, 2))
    assert.deepStrictEqual(denied(), [
      { kind: "denied", port: 1, reason: Reason.RUNT, frames: 1 },
      { kind: "denied", port: 2, reason: Reason.ETHERTYPE_DENIED, frames: 1 }
    ])
    world.kernel.advance(intervalMs)
    world.send(guest, runt)
    assert.deepStrictEqual(denied().slice(2), [{ kind: "denied", port: 1, reason: Reason.RUNT, frames: 21 }])
  })
})

type Body = (world: {
  /** Denies a port so many frames more. */
  readonly deny: (port: number, frames: number) => void
  /** The data plane tells of a port. */
  readonly begin: (port: number) => Effect.Effect<void>
  readonly log: DenialLog.DenialLog
  /** What was logged since last asked: `port reason frames`, and the level if it is no warning. */
  readonly lines: () => ReadonlyArray<string>
}) => Effect.Effect<void>

/** Runs a log over the counters of four ports. */
const logged = (body: Body, linesPerSecond = 100) => {
  let lines: ReadonlyArray<string> = []
  const logger = Logger.make(({ annotations, logLevel }) => {
    const field = (name: string) => String(Option.getOrThrow(HashMap.get(annotations, name)))
    const level = logLevel._tag === "Warning" ? "" : ` ${logLevel._tag}`
    lines = [...lines, `${field("port")} ${field("reason")} ${field("frames")}${level}`]
  })
  const take = () => {
    const taken = lines
    lines = []
    return taken
  }
  return Effect.gen(function*() {
    const counters = makeCounters(4)
    const at = (port: number) => port * ROW + Column.denied + Reason.RUNT
    const log = yield* DenialLog.make(counters, LogBudget.make(linesPerSecond, linesPerSecond))
    const following = yield* Effect.fork(log.follow)
    yield* body({
      deny: (port, frames) => {
        counters.values[at(port)]! += frames
      },
      begin: (port) => log.begin({ kind: "denied", port, reason: Reason.RUNT, frames: counters.values[at(port)]! }),
      log,
      lines: take
    })
    yield* Fiber.interrupt(following)
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
}

const interval = Duration.millis(intervalMs)

describe("the log of denials", () => {
  it.effect("has the first at once, then one line an interval with the number of frames since", () =>
    logged(({ begin, deny, lines }) =>
      Effect.gen(function*() {
        deny(1, 1)
        yield* begin(1)
        assert.deepStrictEqual(lines(), ["1 RUNT 1"])
        deny(1, 5000)
        yield* TestClock.adjust(Duration.millis(intervalMs - 1))
        assert.deepStrictEqual(lines(), [])
        deny(1, 1)
        yield* TestClock.adjust(Duration.millis(1))
        assert.deepStrictEqual(lines(), ["1 RUNT 5001"])
        yield* TestClock.adjust(Duration.times(interval, 3))
        assert.deepStrictEqual(lines(), [], "nothing was denied since")
        deny(1, 2)
        yield* begin(1)
        assert.deepStrictEqual(lines(), ["1 RUNT 2"])
      })
    ))

  it.effect("lines add up to the counter, whatever is denied when", () =>
    logged(({ begin, deny, lines }) =>
      Effect.gen(function*() {
        let total = 0
        for (const [frames, afterSeconds] of [[3, 1], [1, 12], [400, 9], [7, 40], [1, 0], [1, 25]] as const) {
          deny(2, frames)
          total += frames
          yield* begin(2)
          yield* TestClock.adjust(Duration.seconds(afterSeconds))
        }
        yield* TestClock.adjust(interval)
        const sum = lines().map((line) => Number(line.split(" ")[2])).reduce((a, b) => a + b)
        assert.strictEqual(sum, total)
      })
    ))

  it.effect("a port that has closed is told of no more, and its next guest from the first frame", () =>
    logged(({ begin, deny, lines, log }) =>
      Effect.gen(function*() {
        deny(3, 9)
        yield* begin(3)
        lines()
        log.forget(3)
        deny(3, -9)
        yield* TestClock.adjust(interval)
        assert.deepStrictEqual(lines(), [])
        deny(3, 1)
        yield* begin(3)
        assert.deepStrictEqual(lines(), ["3 RUNT 1"])
      })
    ))

  it.effect("warns of guests, and only tells what the host itself is denied", () =>
    logged(({ begin, deny, lines }) =>
      Effect.gen(function*() {
        deny(0, 2)
        yield* begin(0)
        assert.deepStrictEqual(lines(), ["0 RUNT 2 Info"])
      })
    ))

  it.effect("of a port that is denied for everything leaves room for others", () =>
    logged(({ deny, lines, log, begin }) =>
      Effect.gen(function*() {
        for (let reason = 1; reason < REASON_COUNT; reason++) {
          yield* log.begin({ kind: "denied", port: 1, reason, frames: 1 })
        }
        assert.isAbove(lines().length, 4)
        deny(2, 6)
        yield* begin(2)
        assert.deepStrictEqual(lines(), ["2 RUNT 6"])
      }), 20))

  it.effect("what its budget left out is in a later line", () =>
    logged(({ begin, deny, lines }) =>
      Effect.gen(function*() {
        deny(1, 4)
        yield* begin(1)
        deny(2, 6)
        yield* begin(2)
        assert.deepStrictEqual(lines(), ["1 RUNT 4"])
        yield* TestClock.adjust(interval)
        assert.deepStrictEqual(lines(), ["2 RUNT 6"])
      }), 1))
})
