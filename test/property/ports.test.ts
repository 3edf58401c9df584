import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Ports from "../../src/domain/Ports.ts"
import { Refusal } from "../../src/domain/Reason.ts"

const GUESTS = 6
const PER_UID = 3

const step = fc.oneof(
  fc.record({ kind: fc.constant("admit" as const), uid: fc.nat({ max: 2 }) }),
  fc.record({ kind: fc.constant("close" as const), port: fc.integer({ min: 1, max: GUESTS }) })
)

describe("ports", () => {
  it.prop("agree with a plain map of who has which, step by step", [fc.array(step)], ([steps]) => {
    const ports = Ports.make(GUESTS, PER_UID)
    const model = new Map<number, number>()
    Ports.open(ports, 0)
    for (const s of steps) {
      if (s.kind === "admit") {
        const port = Ports.admit(ports, s.uid)
        const held = [...model.values()].filter((uid) => uid === s.uid).length
        const free = Array.from({ length: GUESTS }, (_, i) => i + 1).find((port) => !model.has(port))
        if (free === undefined) assert.strictEqual(port, -1 - Refusal.CONN_LIMIT)
        else if (held >= PER_UID) assert.strictEqual(port, -1 - Refusal.CONN_UID_LIMIT)
        else {
          assert.strictEqual(port, free)
          model.set(port, s.uid)
        }
      } else {
        assert.strictEqual(Ports.close(ports, s.port), model.delete(s.port))
      }
      const open = Array.from(ports.open.subarray(0, ports.openCount)).sort((a, b) => a - b)
      assert.deepStrictEqual(open, [0, ...model.keys()].sort((a, b) => a - b))
    }
  }, { fastCheck: { numRuns: 1000 } })

  it("of one user are bounded, and a closed one makes room", () => {
    const ports = Ports.make(GUESTS, PER_UID)
    for (let i = 0; i < PER_UID; i++) assert.isAbove(Ports.admit(ports, 1000), 0)
    assert.strictEqual(Ports.admit(ports, 1000), -1 - Refusal.CONN_UID_LIMIT)
    Ports.close(ports, 2)
    assert.strictEqual(Ports.admit(ports, 1000), 2)
  })
})
