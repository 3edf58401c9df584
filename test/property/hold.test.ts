import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Holds from "../../src/domain/Hold.ts"
import * as Plan from "../../src/domain/SendPlan.ts"

/** So many that each may hold its least, and then no slot is left. */
const PORTS = Bounds.heldFrames / Bounds.heldFramesPerPort

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
      egresses.forEach((egress, number) => assert.strictEqual(keep(w, number, egress, 0), Holds.Kept.Waiting))
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
    for (let i = 0; i < Bounds.keptFramesPerPort; i++) assert.strictEqual(keep(w, i, 1, 0), Holds.Kept.Waiting)
    assert.strictEqual(keep(w, 0, 1, 0), Holds.Kept.Dropped)
    assert.strictEqual(keep(w, 0, 2, 0), Holds.Kept.Waiting)
  })

  it("is bounded over all ports, and what is given up makes room", () => {
    const w = world()
    let kept = 0
    for (let i = 0; i < Bounds.heldFrames + 10; i++) {
      if (keep(w, i, i % PORTS, 0) === Holds.Kept.Waiting) kept++
    }
    assert.strictEqual(kept, Bounds.heldFrames)
    assert.strictEqual(Holds.close(w.hold, 1), Bounds.heldFrames / PORTS)
    assert.strictEqual(keep(w, 0, 1, 0), Holds.Kept.Waiting)
  })

  it("is over after its time and not before; then nobody waits until the pause has passed", () => {
    const w = world()
    keep(w, 0, 1, 100)
    assert.isFalse(Holds.isDue(w.hold, 1, 100 + Bounds.holdRetryMs - 1))
    assert.isTrue(Holds.isDue(w.hold, 1, 100 + Bounds.holdRetryMs))
    assert.isFalse(Holds.isOver(w.hold, 1, 100 + Bounds.holdMs - 1))
    assert.isTrue(Holds.isOver(w.hold, 1, 100 + Bounds.holdMs))
    Holds.congest(w.hold, 1, 110)
    assert.strictEqual(w.hold.state[1], Holds.HoldState.Congested)
    assert.isFalse(Holds.takes(w.hold, 1))
    // It drains, is full again at once, and is congested without a hold.
    const drain = () => {
      Holds.drained(w.hold, w.plan, w.batch, 1)
      while (w.hold.count[1]! > 0) Holds.freeFirst(w.hold, 1)
      Holds.settle(w.hold, 1)
    }
    drain()
    assert.isTrue(Holds.takes(w.hold, 1))
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.holdPauseMs - 1), Holds.Kept.Yes)
    assert.strictEqual(w.hold.state[1], Holds.HoldState.Congested)
    drain()
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.holdPauseMs), Holds.Kept.Waiting)
  })

  it("that is tried again in vain goes on with its time", () => {
    const w = world()
    keep(w, 0, 1, 100)
    Holds.flush(w.hold, w.plan, w.batch, 1)
    Holds.noteFull(w.hold, 1, 105)
    assert.isFalse(Holds.isDue(w.hold, 1, 106))
    assert.isTrue(Holds.isOver(w.hold, 1, 100 + Bounds.holdMs))
  })

  it("keeps what it has when it is over, and takes more up to its bound", () => {
    const w = world()
    for (let i = 0; i < 100; i++) keep(w, i, 1, 0)
    assert.strictEqual(Holds.congest(w.hold, 1, 10), 0)
    for (let i = 100; i < Bounds.keptFramesPerPort; i++) assert.strictEqual(keep(w, i, 1, 11), Holds.Kept.Yes)
    assert.strictEqual(keep(w, 0, 1, 11), Holds.Kept.Dropped)
    Holds.drained(w.hold, w.plan, w.batch, 1)
    assert.deepStrictEqual(
      Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot)),
      Array.from({ length: Bounds.keptFramesPerPort }, (_, i) => i)
    )
  })

  it("shrinks to its oldest frames when it is over while slots are scarce, and to none when they are scarcer", () => {
    const w = world()
    const left = 40
    const others = Bounds.heldFrames * 3 / 4 - left - 100
    for (let i = 0; i < 100; i++) keep(w, i, 1, 0)
    for (let i = 0; i < others; i++) assert.strictEqual(keep(w, i, 2 + i % (PORTS - 2), 0), Holds.Kept.Waiting)
    assert.strictEqual(Holds.congest(w.hold, 1, 10), 100 - left)
    Holds.drained(w.hold, w.plan, w.batch, 1)
    assert.deepStrictEqual(
      Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot)),
      Array.from({ length: left }, (_, i) => i)
    )
    for (let i = 0; i < left + 60; i++) keep(w, i, 0, 20)
    const held = w.hold.count[2]!
    assert.strictEqual(Holds.congest(w.hold, 2, 30), held)
  })

  it("many congested ports leave slots for one that is full for a moment", () => {
    const w = world()
    for (let port = 1; port < PORTS; port++) {
      keep(w, 0, port, 0)
      Holds.congest(w.hold, port, 10)
    }
    for (let i = 0; i < Bounds.heldFrames; i++) {
      for (let port = 1; port < PORTS; port++) keep(w, i, port, 20)
    }
    for (let i = 0; i < Bounds.heldFramesPerPort; i++) assert.strictEqual(keep(w, i, 0, 20), Holds.Kept.Waiting)
  })

  it("keeps floods away from a port that did not take one, until it has drained", () => {
    const w = world()
    Holds.noteFullForFlood(w.hold, 1)
    assert.isTrue(Holds.takes(w.hold, 1))
    assert.isFalse(Holds.takesFlood(w.hold, 1))
    Holds.drained(w.hold, w.plan, w.batch, 1)
    assert.isTrue(Holds.takesFlood(w.hold, 1))
  })

  it.prop(
    "the counts of troubled ports and of free slots are true, and the active ones listed once each, whatever happens",
    [fc.array(fc.tuple(
      fc.constantFrom("keep", "flood", "flush", "drained", "sent", "congest", "close"),
      fc.nat({ max: PORTS - 1 })
    ))],
    ([steps]) => {
      const w = world()
      let nowMs = 0
      for (const [what, port] of steps) {
        nowMs += 7
        if (what === "keep") keep(w, 0, port, nowMs)
        if (what === "flood") Holds.noteFullForFlood(w.hold, port)
        if (what === "flush") Holds.flush(w.hold, w.plan, w.batch, port)
        if (what === "drained") Holds.drained(w.hold, w.plan, w.batch, port)
        if (what === "sent" && w.hold.state[port] === Holds.HoldState.Flushing) {
          while (w.hold.count[port]! > 0) Holds.freeFirst(w.hold, port)
          Holds.settle(w.hold, port)
        }
        if (what === "congest" && w.hold.state[port] === Holds.HoldState.Held) Holds.congest(w.hold, port, nowMs)
        if (what === "close") Holds.close(w.hold, port)
        w.plan.count = 0
        const states = Array.from(w.hold.state)
        const { Congested, Open } = Holds.HoldState
        const noFloods = Array.from(w.hold.noFlood).filter((no) => no === 1).length
        assert.strictEqual(w.hold.troubled, states.filter((state) => state !== Open).length + noFloods)
        const held = Array.from(w.hold.count).reduce((sum, count) => sum + count, 0)
        assert.strictEqual(w.hold.freeCount, Bounds.heldFrames - held)
        const active = states.flatMap((state, port) => state !== Open && state !== Congested ? [port] : [])
        const listed = Array.from(w.hold.active.subarray(0, w.hold.activeCount))
        assert.deepStrictEqual(listed.sort((a, b) => a - b), active)
        const positions = Array.from(w.hold.position, (at, port) => at < 0 ? -1 : w.hold.active[at]! - port)
        assert.deepStrictEqual(positions, states.map((_, port) => active.includes(port) ? 0 : -1))
      }
    }
  )
})
