import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Holds from "../../src/domain/Hold.ts"
import * as Plan from "../../src/domain/SendPlan.ts"

const PORTS = 4

const world = () => {
  const batch = Batch.make(64)
  return { batch, hold: Holds.make(PORTS, batch), plan: Plan.make(PORTS) }
}

/** Puts one frame that says its number into slot 0 and asks to keep it. */
const keep = ({ batch, hold }: ReturnType<typeof world>, number: number, egress: number, nowMs: number) => {
  batch.count = 0
  Batch.append(batch, Uint8Array.of(number & 255, number >> 8, ...new Uint8Array(12)), 3)
  return Holds.keep(hold, batch, 0, egress, nowMs)
}

const numberIn = (batch: Batch.FrameBatch, slot: number) => {
  const octets = Batch.frame(batch, slot)
  return octets[0]! | (octets[1]! << 8)
}

describe("what a full port could not take", () => {
  it.prop(
    "leaves in the order in which it came, port by port",
    [fc.array(fc.nat({ max: PORTS - 1 }), { maxLength: 200 })],
    ([egresses]) => {
      const w = world()
      egresses.forEach((egress, number) => assert.strictEqual(keep(w, number, egress, 0), Holds.Kept.Yes))
      for (let egress = 0; egress < PORTS; egress++) {
        w.plan.count = 0
        Holds.flush(w.hold, w.plan, w.batch, egress)
        const planned = Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot))
        assert.deepStrictEqual(planned, egresses.flatMap((to, number) => to === egress ? [number] : []))
      }
    }
  )

  it("is bounded for each port", () => {
    const w = world()
    for (let i = 0; i < Bounds.heldFramesPerPort; i++) assert.strictEqual(keep(w, i, 1, 0), Holds.Kept.Yes)
    assert.strictEqual(keep(w, 0, 1, 0), Holds.Kept.Dropped)
    assert.strictEqual(keep(w, 0, 2, 0), Holds.Kept.Yes)
  })

  it("is bounded over all ports, and what is given up makes room", () => {
    const w = world()
    let kept = 0
    for (let i = 0; i < Bounds.heldFrames + 10; i++) {
      if (keep(w, i, i % PORTS, 0) === Holds.Kept.Yes) kept++
    }
    assert.strictEqual(kept, Bounds.heldFrames)
    assert.strictEqual(Holds.giveUp(w.hold, 1, 0, true), Bounds.heldFrames / PORTS)
    assert.strictEqual(keep(w, 0, 1, 0), Holds.Kept.Yes)
  })

  it("is over after its time and not before; then nothing is kept until the pause has passed", () => {
    const w = world()
    keep(w, 0, 1, 100)
    assert.isFalse(Holds.isOver(w.hold, 1, 100 + Bounds.holdMs - 1))
    assert.isTrue(Holds.isOver(w.hold, 1, 100 + Bounds.holdMs))
    assert.strictEqual(Holds.giveUp(w.hold, 1, 110, false), 1)
    assert.strictEqual(w.hold.state[1], Holds.HoldState.Congested)
    assert.isFalse(Holds.takes(w.hold, 1))
    // It drains, is full again at once, and is congested without a hold.
    Holds.flush(w.hold, w.plan, w.batch, 1)
    Holds.settle(w.hold, 1)
    assert.isTrue(Holds.takes(w.hold, 1))
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.holdPauseMs - 1), Holds.Kept.Dropped)
    Holds.flush(w.hold, w.plan, w.batch, 1)
    Holds.settle(w.hold, 1)
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.holdPauseMs), Holds.Kept.Yes)
  })

  it.prop(
    "the counts of troubled and active ports are those of the states, whatever happens",
    [fc.array(fc.tuple(fc.constantFrom("keep", "flush", "settle", "giveUp", "close"), fc.nat({ max: PORTS - 1 })))],
    ([steps]) => {
      const w = world()
      let nowMs = 0
      for (const [what, port] of steps) {
        nowMs += 7
        if (what === "keep") keep(w, 0, port, nowMs)
        if (what === "flush") Holds.flush(w.hold, w.plan, w.batch, port)
        if (what === "settle") Holds.settle(w.hold, port)
        if (what === "giveUp" && w.hold.state[port] === Holds.HoldState.Held) Holds.giveUp(w.hold, port, nowMs, false)
        if (what === "close") Holds.giveUp(w.hold, port, nowMs, true)
        w.plan.count = 0
        const states = Array.from(w.hold.state)
        const { Congested, Open } = Holds.HoldState
        assert.strictEqual(w.hold.troubled, states.filter((state) => state !== Open).length)
        assert.strictEqual(w.hold.active, states.filter((state) => state !== Open && state !== Congested).length)
      }
    }
  )
})
