import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { guardEnd } from "../../src/cli/EndSignals.ts"

/** As signal(7) numbers them: a shell's status for one that ended a process is 128 more. */
const statuses = { SIGINT: 130, SIGTERM: 143 }
type Name = keyof typeof statuses

/** Signals at these milliseconds, in their order; the statuses that it exits with. */
const exitsAt = (signals: ReadonlyArray<readonly [name: Name, atMs: number]>): ReadonlyArray<number> => {
  const listeners = new Map<Name, () => void>()
  const exits: Array<number> = []
  let nowMs = 0
  guardEnd({ on: (name, listener) => listeners.set(name, listener), exit: (status) => exits.push(status) }, () => nowMs)
  for (const [name, atMs] of signals) {
    nowMs = atMs
    listeners.get(name)!()
  }
  return exits
}

const name = fc.constantFrom<Name>("SIGINT", "SIGTERM")

describe("an orderly end", () => {
  it("is not broken off by any signal within ten seconds of the first", () => {
    fc.assert(fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.floor),
      fc.array(fc.tuple(name, fc.integer({ min: 0, max: 10_000 })), { minLength: 1, maxLength: 20 }),
      (firstMs, later) => {
        const signals = later.sort(([, a], [, b]) => a - b).map(([name, ms]) => [name, firstMs + ms] as const)
        assert.deepStrictEqual(exitsAt([[signals[0]![0], firstMs], ...signals]), [])
      }
    ))
  })

  it("that takes longer is broken off by the next, with its status", () => {
    fc.assert(fc.property(name, name, fc.integer({ min: 10_001, max: 1e9 }), (first, next, ms) => {
      assert.deepStrictEqual(exitsAt([[first, 5], [first, 6], [next, 5 + ms]]), [statuses[next]])
    }))
  })
})
