import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as MoveLog from "../../src/domain/MoveLog.ts"

describe("the log of moves", () => {
  it("holds as many moves as its bound says, and forgets the one that was quiet longest", () => {
    const log = MoveLog.make()
    for (let i = 0; i < Bounds.moves; i++) MoveLog.note(log, 1, i, 1, 2, i)
    assert.strictEqual(MoveLog.list(log, 100).length, Bounds.moves)
    MoveLog.note(log, 1, 0, 1, 2, 90)
    MoveLog.note(log, 1, 999, 1, 2, 91)
    const listed = MoveLog.list(log, 100)
    assert.strictEqual(listed.length, Bounds.moves)
    assert.deepStrictEqual(listed[0], { hi: 1, lo: 999, from: 1, to: 2, ageSeconds: 9, count: 1 })
    assert.deepStrictEqual(listed[1], { hi: 1, lo: 0, from: 1, to: 2, ageSeconds: 10, count: 2 })
    assert.isFalse(listed.some(({ lo }) => lo === 1))
  })

  it.prop(
    "agrees with a list that is searched and sorted",
    [fc.array(fc.tuple(fc.nat(3), fc.nat(2), fc.nat(2)), { maxLength: 60 })],
    ([moves]) => {
      const rows = 4
      const log = MoveLog.make(rows)
      let kept: Array<{ hi: number; lo: number; from: number; to: number; seconds: number; count: number }> = []
      moves.forEach(([lo, from, to], seconds) => {
        MoveLog.note(log, -7, lo, from, to, seconds)
        const old = kept.find((move) => move.lo === lo && move.from === from && move.to === to)
        kept = kept.filter((move) => move !== old)
        kept = [{ hi: -7, lo, from, to, seconds, count: (old?.count ?? 0) + 1 }, ...kept].slice(0, rows)
      })
      assert.deepStrictEqual(
        MoveLog.list(log, 1000),
        kept.map(({ count, seconds, ...move }) => ({ ...move, ageSeconds: 1000 - seconds, count }))
      )
      assert.strictEqual(log.total, moves.length)
    }
  )
})
