import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { RunningPlane } from "../../src/services/DataPlane.ts"
import type { PlaneQuestion } from "../../src/services/PlaneQuestion.ts"
import * as SharedRun from "../../src/services/SharedRun.ts"
import * as Survey from "../../src/services/StationSurvey.ts"

/** A forwarding thread with that many slices of a station each; it answers from the second turn on. */
const makeAsked = (slices: number, answersUpTo = slices) => {
  let [asked, open, openMost] = [0, 0, 0]
  const ask = (question: PlaneQuestion) =>
    Effect.gen(function*() {
      if (question.kind !== "stations" || question.from >= answersUpTo) return yield* Effect.never
      asked++
      openMost = Math.max(openMost, ++open)
      yield* Effect.sleep(1)
      open--
      const { from } = question
      const rows = Int32Array.of(0x5254, from, 1, 0, 0)
      return Option.some({ kind: "stations" as const, rows, next: from + 1 < slices ? from + 1 : -1 })
    })
  return { running: { plane: { ask } as Partial<RunningPlane> as RunningPlane }, told: () => ({ asked, openMost }) }
}

describe("a survey of the stations", () => {
  it.live("asks for one slice after the other", () =>
    Effect.gen(function*() {
      const { running, told } = makeAsked(20)
      const pieces = yield* Survey.take(running)
      assert.deepStrictEqual(pieces?.map((rows) => rows.length), [100])
      assert.deepStrictEqual(told(), { asked: 20, openMost: 1 })
    }))

  it.live("knows nothing if the forwarding thread stops answering in between", () =>
    Effect.gen(function*() {
      const { running } = makeAsked(20, 7)
      assert.isUndefined(yield* Survey.take(running))
    }))

  it.live("is one for all who ask at once, of whom nobody gets what was begun before he asked", () =>
    Effect.gen(function*() {
      const { running, told } = makeAsked(20)
      const shared = Survey.makeShared(running)
      const first = yield* Effect.fork(shared)
      yield* Effect.sleep(5)
      const rest = yield* Effect.all(Array.from({ length: 30 }, () => Effect.fork(shared)))
      yield* Fiber.interrupt(rest[0]!)
      const early = yield* Fiber.join(first)
      const late = yield* Effect.all(rest.slice(1).map(Fiber.join))
      assert.deepStrictEqual(told(), { asked: 40, openMost: 1 })
      assert.strictEqual(new Set([early, ...late]).size, 2)
    }))
})

describe("work that is shared", () => {
  it.live("goes on when who asked for it has left, and fails for all or none", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const outcome = yield* Deferred.make<number, string>()
      let runs = 0
      const shared = SharedRun.make(
        Effect.suspend(() => {
          runs++
          return Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(outcome))
        })
      )
      const gone = yield* Effect.fork(shared)
      yield* Deferred.await(begun)
      const waiting = yield* Effect.fork(Effect.either(shared))
      const another = yield* Effect.fork(Effect.either(shared))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(gone)
      assert.strictEqual(runs, 1)
      yield* Deferred.fail(outcome, "no")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Left")
      assert.strictEqual((yield* Fiber.join(another))._tag, "Left")
      assert.strictEqual(runs, 2)
    }))
})
