import { assert, describe, it } from "@effect/vitest"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import * as Recorders from "../../src/domain/capture/Recorder.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Ports from "../../src/domain/Ports.ts"
import * as Plan from "../../src/domain/SendPlan.ts"

const PORT = 1
const EAGAIN = 11
const FRAMES = 10
const FRAME_BYTES = 1514
const RING_BYTES = 4096

describe("a capture of what is sent, without room for all of it", () => {
  /** Sends the same frame so often that the ring cannot hold it. @param taken how many of them the port takes. */
  const world = () => {
    const ring = Ring.make(3, RING_BYTES)
    const batch = Batch.make(1518)
    const plan = Plan.make(3)
    const recorder = Recorders.make(ring, batch, plan, () => 0)
    ring.interest[PORT] = Ring.Interest.SENT
    Ring.setMode(ring, Ring.Mode.COPY | Ring.Mode.SENT, 65_535)
    batch.size[0] = FRAME_BYTES
    const send = (taken: number) => {
      plan.count = 0
      for (let i = 0; i < FRAMES; i++) Plan.add(plan, 0, PORT, FRAME_BYTES)
      const offered = Recorders.offerSent(recorder, batch, plan, Ports.make(2, 2, 0), { nowMs: 0 })
      plan.outcome.fill(0).fill(EAGAIN, taken, FRAMES)
      plan.failed = FRAMES - taken
      Recorders.settleSent(recorder, plan, offered)
    }
    const shown = () => {
      let count = 0
      Ring.drain(ring, () => count++)
      return count
    }
    return { missed: () => Ring.missedAt(ring, PORT)[2], send, shown }
  }

  it("misses nothing of what the port did not take, however often it is tried", () => {
    const { missed, send, shown } = world()
    for (let tries = 0; tries < 5; tries++) send(0)
    assert.deepStrictEqual([missed(), shown()], [0, 0])
  })

  it("shows or misses each frame that it took", () => {
    const { missed, send, shown } = world()
    send(FRAMES)
    const fitting = shown()
    assert.isAbove(fitting, 0)
    assert.isBelow(fitting, FRAMES)
    assert.strictEqual(missed(), FRAMES - fitting)
    send(FRAMES - 1)
    assert.strictEqual(missed()! + fitting + shown(), 2 * FRAMES - 1)
  })
})
