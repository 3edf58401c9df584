import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Backlogs from "../../src/domain/Backlog.ts"
import * as Plan from "../../src/domain/SendPlan.ts"

/** So many that each may keep its least, and then no slot is left. */
const PORTS = Bounds.backlogFrames / Bounds.backlogFramesPerPort

const world = () => {
  const batch = Batch.make(64)
  return { batch, backlog: Backlogs.make(PORTS, batch), plan: Plan.make(PORTS) }
}

/** Puts one frame that says its number into slot 0 and asks to keep it. */
const keep = ({ batch, backlog }: ReturnType<typeof world>, number: number, egress: number, nowMs: number) => {
  batch.count = 0
  Batch.append(batch, Uint8Array.of(number & 255, number >> 8, ...new Uint8Array(12)), 3)
  return Backlogs.keep(backlog, batch, 0, egress, nowMs)
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
      egresses.forEach((egress, number) => assert.strictEqual(keep(w, number, egress, 0), Backlogs.Kept.Waiting))
      for (let egress = 0; egress < PORTS; egress++) {
        w.plan.count = 0
        Backlogs.flush(w.backlog, w.plan, w.batch, egress)
        const planned = Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot))
        assert.deepStrictEqual(planned, egresses.flatMap((to, number) => to === egress ? [number] : []))
      }
    }
  )

  it("is bounded for each port", () => {
    const w = world()
    for (let i = 0; i < Bounds.keptFramesPerPort; i++) assert.strictEqual(keep(w, i, 1, 0), Backlogs.Kept.Waiting)
    assert.strictEqual(keep(w, 0, 1, 0), Backlogs.Kept.Dropped)
    assert.strictEqual(keep(w, 0, 2, 0), Backlogs.Kept.Waiting)
  })

  it("is bounded over all ports, and what is given up makes room", () => {
    const w = world()
    let kept = 0
    for (let i = 0; i < Bounds.backlogFrames + 10; i++) {
      if (keep(w, i, i % PORTS, 0) === Backlogs.Kept.Waiting) kept++
    }
    assert.strictEqual(kept, Bounds.backlogFrames)
    assert.strictEqual(Backlogs.close(w.backlog, 1), Bounds.backlogFrames / PORTS)
    assert.strictEqual(keep(w, 0, 1, 0), Backlogs.Kept.Waiting)
  })

  it("is over after its time and not before; then nobody waits until the pause has passed", () => {
    const w = world()
    keep(w, 0, 1, 100)
    assert.isFalse(Backlogs.isDue(w.backlog, 1, 100 + Bounds.stallRetryMs - 1))
    assert.isTrue(Backlogs.isDue(w.backlog, 1, 100 + Bounds.stallRetryMs))
    assert.isFalse(Backlogs.isOver(w.backlog, 1, 100 + Bounds.stallMs - 1))
    assert.isTrue(Backlogs.isOver(w.backlog, 1, 100 + Bounds.stallMs))
    Backlogs.congest(w.backlog, 1, 110)
    assert.strictEqual(w.backlog.state[1], Backlogs.BacklogState.Congested)
    assert.isFalse(Backlogs.takes(w.backlog, 1))
    // It drains, is full again at once, and is congested without a stall.
    const drain = () => {
      Backlogs.drained(w.backlog, w.plan, w.batch, 1)
      while (w.backlog.count[1]! > 0) Backlogs.freeFirst(w.backlog, 1)
      Backlogs.settle(w.backlog, 1)
    }
    drain()
    assert.isTrue(Backlogs.takes(w.backlog, 1))
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.stallPauseMs - 1), Backlogs.Kept.Yes)
    assert.strictEqual(w.backlog.state[1], Backlogs.BacklogState.Congested)
    drain()
    assert.strictEqual(keep(w, 0, 1, 110 + Bounds.stallPauseMs), Backlogs.Kept.Waiting)
  })

  it("that is tried again in vain goes on with its time", () => {
    const w = world()
    keep(w, 0, 1, 100)
    Backlogs.flush(w.backlog, w.plan, w.batch, 1)
    Backlogs.noteFull(w.backlog, 1, 105)
    assert.isFalse(Backlogs.isDue(w.backlog, 1, 106))
    assert.isTrue(Backlogs.isOver(w.backlog, 1, 100 + Bounds.stallMs))
  })

  it("keeps what it has when it is over, and takes more up to its bound", () => {
    const w = world()
    for (let i = 0; i < 100; i++) keep(w, i, 1, 0)
    assert.strictEqual(Backlogs.congest(w.backlog, 1, 10), 0)
    for (let i = 100; i < Bounds.keptFramesPerPort; i++) assert.strictEqual(keep(w, i, 1, 11), Backlogs.Kept.Yes)
    assert.strictEqual(keep(w, 0, 1, 11), Backlogs.Kept.Dropped)
    Backlogs.drained(w.backlog, w.plan, w.batch, 1)
    assert.deepStrictEqual(
      Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot)),
      Array.from({ length: Bounds.keptFramesPerPort }, (_, i) => i)
    )
  })

  it("shrinks to its oldest frames when it is over while slots are scarce, and to none when they are scarcer", () => {
    const w = world()
    const left = 40
    const others = Bounds.backlogFrames * 3 / 4 - left - 100
    for (let i = 0; i < 100; i++) keep(w, i, 1, 0)
    for (let i = 0; i < others; i++) assert.strictEqual(keep(w, i, 2 + i % (PORTS - 2), 0), Backlogs.Kept.Waiting)
    assert.strictEqual(Backlogs.congest(w.backlog, 1, 10), 100 - left)
    Backlogs.drained(w.backlog, w.plan, w.batch, 1)
    assert.deepStrictEqual(
      Array.from(w.plan.slot.subarray(0, w.plan.count), (slot) => numberIn(w.batch, slot)),
      Array.from({ length: left }, (_, i) => i)
    )
    for (let i = 0; i < left + 60; i++) keep(w, i, 0, 20)
    const kept = w.backlog.count[2]!
    assert.strictEqual(Backlogs.congest(w.backlog, 2, 30), kept)
  })

  it("many congested ports leave slots for one that is full for a moment", () => {
    const w = world()
    for (let port = 1; port < PORTS; port++) {
      keep(w, 0, port, 0)
      Backlogs.congest(w.backlog, port, 10)
    }
    for (let i = 0; i < Bounds.backlogFrames; i++) {
      for (let port = 1; port < PORTS; port++) keep(w, i, port, 20)
    }
    for (let i = 0; i < Bounds.backlogFramesPerPort; i++) assert.strictEqual(keep(w, i, 0, 20), Backlogs.Kept.Waiting)
  })

  it("keeps floods away from a port that did not take one, until it has drained", () => {
    const w = world()
    Backlogs.noteFullForFlood(w.backlog, 1)
    assert.isTrue(Backlogs.takes(w.backlog, 1))
    assert.isFalse(Backlogs.takesFlood(w.backlog, 1))
    Backlogs.drained(w.backlog, w.plan, w.batch, 1)
    assert.isTrue(Backlogs.takesFlood(w.backlog, 1))
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
      const { Congested, Flushing, Open, Stalled } = Backlogs.BacklogState
      for (const [what, port] of steps) {
        nowMs += 7
        if (what === "keep") keep(w, 0, port, nowMs)
        if (what === "flood") Backlogs.noteFullForFlood(w.backlog, port)
        if (what === "flush") Backlogs.flush(w.backlog, w.plan, w.batch, port)
        if (what === "drained") Backlogs.drained(w.backlog, w.plan, w.batch, port)
        if (what === "sent" && w.backlog.state[port] === Flushing) {
          while (w.backlog.count[port]! > 0) Backlogs.freeFirst(w.backlog, port)
          Backlogs.settle(w.backlog, port)
        }
        if (what === "congest" && w.backlog.state[port] === Stalled) Backlogs.congest(w.backlog, port, nowMs)
        if (what === "close") Backlogs.close(w.backlog, port)
        w.plan.count = 0
        const states = Array.from(w.backlog.state)
        const noFloods = Array.from(w.backlog.noFlood).filter((no) => no === 1).length
        assert.strictEqual(w.backlog.troubled, states.filter((state) => state !== Open).length + noFloods)
        const kept = Array.from(w.backlog.count).reduce((sum, count) => sum + count, 0)
        assert.strictEqual(w.backlog.freeCount, Bounds.backlogFrames - kept)
        const active = states.flatMap((state, port) => state !== Open && state !== Congested ? [port] : [])
        const listed = Array.from(w.backlog.active.subarray(0, w.backlog.activeCount))
        assert.deepStrictEqual(listed.sort((a, b) => a - b), active)
        const positions = Array.from(w.backlog.position, (at, port) => at < 0 ? -1 : w.backlog.active[at]! - port)
        assert.deepStrictEqual(positions, states.map((_, port) => active.includes(port) ? 0 : -1))
      }
    }
  )
})
