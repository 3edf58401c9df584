import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Notices from "../../src/services/Notices.ts"
import type { PlaneNotice } from "../../src/services/PlaneNotice.ts"
import { make } from "./switchWorld.ts"

const closed = (port: number): PlaneNotice => ({ kind: "closed", port, received: 0 })
const ports = (taken: Chunk.Chunk<PlaneNotice>) =>
  Chunk.toReadonlyArray(taken).flatMap((notice) => notice.kind === "closed" ? [notice.port] : [])

describe("notices", () => {
  it.effect("come in their order; those that were given are dealt with when more are asked for", () =>
    Effect.gen(function*() {
      const notices = yield* Notices.make(new ArrayBuffer(4))
      for (let port = 1; port <= 300; port++) notices.tell(closed(port))
      const first = ports(yield* notices.next)
      assert.strictEqual(notices.heard[0], 0)
      const second = ports(yield* notices.next)
      assert.strictEqual(notices.heard[0], first.length)
      assert.deepStrictEqual([...first, ...second], Array.from({ length: 300 }, (_, i) => i + 1))
    }))

  it("are too many beyond the bound, also when their number has gone round", () => {
    const heard = new Int32Array([-5])
    assert.isFalse(Notices.areTooMany(Bounds.noticesUnheard - 5, heard))
    assert.isTrue(Notices.areTooMany(Bounds.noticesUnheard - 4, heard))
    heard[0] = 0x7ffffff0
    assert.isFalse(Notices.areTooMany(0x80000000, heard))
    assert.isTrue(Notices.areTooMany(0x80000000 + Bounds.noticesUnheard, heard))
  })

  it("that nobody hears keep others out for a while, and lose nobody", () => {
    const heard = new Int32Array(1)
    const world = make({ secure: false, heard })
    const resident = world.guest()
    const comeAndGo = () => {
      const guest = world.kernel.guest({ path: "/var/run/vknet", uid: 0, gid: 85, pid: 100 })
      world.settle()
      return guest
    }
    const waiting: Array<SimGuest> = []
    while (world.forwarder.told <= Bounds.noticesUnheard) {
      comeAndGo().close()
      world.settle()
    }
    const told = world.forwarder.told
    for (let i = 0; i < 8; i++) waiting.push(comeAndGo())
    for (let i = 0; i < 20; i++) world.pass(60)
    assert.strictEqual(world.forwarder.told, told)
    assert.isFalse(resident.gone)
    heard[0] = told
    world.pass(120)
    assert.strictEqual(world.forwarder.told, told + waiting.length)
    assert.isTrue(waiting.every((guest) => !guest.gone))
    world.assertSums()
  })
})
