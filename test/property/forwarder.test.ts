import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { frame, make, markOf } from "./switchWorld.ts"

const GUESTS = 4

/** Four guests of a pure bridge; station `i` lives behind guest `i`. */
const bridge = (options: Parameters<typeof make>[0] = {}) => {
  const world = make({ ...options, secure: false })
  const guests: Array<SimGuest> = []
  for (let i = 0; i < GUESTS; i++) guests.push(world.guest())
  const everyone = () => guests.map((guest) => guest.received().map(markOf))
  return { ...world, guests, everyone }
}

const denied = (world: ReturnType<typeof bridge>, port: number, reason: number) =>
  world.forwarder.counters.values[port * Counters.ROW + Counters.Column.denied + reason]!
const dropped = (world: ReturnType<typeof bridge>, port: number, reason: number) =>
  world.forwarder.counters.values[port * Counters.ROW + Counters.Column.dropped + reason]!

describe("forwarding", () => {
  it("a flood reaches every other port once, the tap too, and never the one it came from", () => {
    const world = bridge()
    world.send(world.guests[0]!, frame(255, 0, 7))
    assert.deepStrictEqual(world.everyone(), [[], [7], [7], [7]])
    assert.deepStrictEqual(world.host!.taken().map(markOf), [7])
    world.host!.inject(frame(255, 99, 8))
    world.settle()
    assert.deepStrictEqual(world.everyone(), [[8], [8], [8], [8]])
    assert.deepStrictEqual(world.host!.taken(), [])
    world.assertSums()
  })

  it("a known station gets its frames alone, and one that moves is followed", () => {
    const world = bridge()
    world.send(world.guests[1]!, frame(255, 1))
    world.everyone()
    world.send(world.guests[0]!, frame(1, 0, 5))
    assert.deepStrictEqual(world.everyone(), [[], [5], [], []])
    world.send(world.guests[2]!, frame(255, 1))
    world.everyone()
    world.send(world.guests[0]!, frame(1, 0, 6))
    assert.deepStrictEqual(world.everyone(), [[], [], [6], []])
  })

  it("a frame for the station behind its own port goes nowhere: HAIRPIN", () => {
    const world = bridge()
    world.send(world.guests[0]!, frame(255, 1))
    world.everyone()
    world.send(world.guests[0]!, frame(1, 2, 5))
    assert.deepStrictEqual(world.everyone(), [[], [], [], []])
    assert.strictEqual(denied(world, 1, Reason.HAIRPIN), 1)
  })

  it("the tap's own MAC leads to the tap alone, is never learned, and cannot be taken", () => {
    const world = bridge()
    const toHost = frame(0, 0, 9)
    toHost.set(Mac.toOctets(world.tapMac!))
    world.send(world.guests[0]!, toHost)
    assert.deepStrictEqual(world.host!.taken().map(markOf), [9])
    const posing = frame(255, 0)
    posing.set(Mac.toOctets(world.tapMac!), 6)
    world.send(world.guests[1]!, posing)
    assert.strictEqual(denied(world, 2, Reason.SRC_MAC_TAP), 1)
    world.host!.inject(posing)
    world.settle()
    world.everyone()
    world.send(world.guests[2]!, toHost)
    assert.deepStrictEqual(world.everyone(), [[], [], [], []])
    assert.strictEqual(world.forwarder.memory.stations.count, 1)
  })

  it("a guest that leaves is forgotten at once, and what it sent last still arrives", () => {
    const world = bridge()
    world.send(world.guests[1]!, frame(255, 1))
    world.everyone()
    world.guests[1]!.send(frame(255, 1, 3))
    world.guests[1]!.close()
    world.settle()
    assert.deepStrictEqual([0, 2, 3].map((i) => world.guests[i]!.received().map(markOf)), [[3], [3], [3]])
    assert.strictEqual(world.forwarder.memory.stations.count, 0)
    world.send(world.guests[0]!, frame(1, 0, 4))
    assert.deepStrictEqual([2, 3].map((i) => world.guests[i]!.received().map(markOf)), [[4], [4]])
    world.assertSums()
  })

  it("a station is remembered for its age and then flooded to", () => {
    const world = bridge()
    world.send(world.guests[1]!, frame(255, 1))
    world.everyone()
    world.kernel.advance(Bounds.stationAgeSeconds * 1000)
    world.send(world.guests[0]!, frame(1, 0, 1))
    assert.deepStrictEqual(world.everyone(), [[], [1], [], []])
    world.kernel.advance(1000)
    world.send(world.guests[0]!, frame(1, 0, 2))
    assert.deepStrictEqual(world.everyone(), [[], [2], [2], [2]])
  })

  it("empty, short, long and cut frames are dropped under their reasons and end nothing", () => {
    const world = bridge()
    const g = world.guests[0]!
    for (const size of [0, 1, 13]) world.send(g, new Uint8Array(size))
    assert.strictEqual(denied(world, 1, Reason.RUNT), 3)
    world.send(g, frame(255, 0, 1, 1519))
    world.send(g, frame(255, 0, 2, 8000))
    assert.strictEqual(denied(world, 1, Reason.OVERSIZE), 2)
    world.send(g, frame(255, 0, 3, 1518))
    world.send(g, frame(255, 0, 4, 16))
    assert.deepStrictEqual(world.everyone(), [[], [3, 4], [3, 4], [3, 4]])
    world.assertSums()
  })

  it("refuses connections over the bounds and counts why", () => {
    const world = make({ guestPorts: 3, guestPortsPerUid: 2 })
    const connect = (uid: number) => {
      const guest = world.kernel.guest({ path: "/var/run/vknet", uid, gid: 85, pid: 1 })
      world.settle()
      return guest
    }
    connect(1)
    const second = connect(1)
    assert.isTrue(connect(1).gone)
    assert.isFalse(connect(2).gone)
    assert.isTrue(connect(3).gone)
    second.close()
    world.settle()
    assert.isFalse(connect(3).gone)
    assert.deepStrictEqual(Array.from(world.forwarder.counters.refused), [1, 1, 0, 0])
  })
})

/** One thing that happens to a bridge of four guests. Marks say what was sent, in order. */
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      guest: fc.nat({ max: GUESTS - 1 }),
      from: fc.nat({ max: 5 }),
      to: fc.constantFrom(0, 1, 2, 3, 4, 5, 255),
      size: fc.constantFrom(16, 60, 1514)
    })
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), guest: fc.nat({ max: GUESTS - 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat({ max: 15 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "settle" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("reconnect" as const), guest: fc.nat({ max: GUESTS - 1 }) })
  }
)

describe("forwarding, whatever happens", () => {
  it.prop(
    "received is forwarded and denied, offered is sent, dropped and kept; nothing returns to its ingress",
    [fc.array(step, { maxLength: 150 }), fc.nat({ max: 3 }), fc.boolean(), fc.integer()],
    ([steps, faults, secure, seed]) => {
      const world = bridge({ seed, secure })
      if (faults & 1) world.kernel.faults.rate("socket-send", "EAGAIN", 0.2)
      if (faults & 2) world.kernel.faults.rate("tap-write", "EIO", 0.3)
      let mark = 0
      const sentBy = new Map<number, SimGuest>()
      const read = (guest: SimGuest) => {
        for (const octets of guest.received()) assert.notStrictEqual(sentBy.get(markOf(octets)), guest)
      }
      for (const s of steps) {
        if (s.kind === "send") {
          const guest = world.guests[s.guest]!
          mark = (mark + 1) & 0xffff
          sentBy.set(mark, guest)
          guest.send(frame(s.to, s.from, mark, s.size))
        } else if (s.kind === "read") read(world.guests[s.guest]!)
        else if (s.kind === "pass") world.pass(s.ms)
        else if (s.kind === "settle") world.settle()
        else {
          world.guests[s.guest]!.close()
          world.guests[s.guest] = world.guest()
        }
      }
      world.pass(Bounds.stallMs + 2)
      world.guests.forEach(read)
      world.pass(1)
      world.assertSums()
    },
    { fastCheck: { numRuns: 200 } }
  )

  it.prop(
    "frames of one pair of stations keep their order, through stalls and partial batches",
    [fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), fc.integer()],
    ([bursts, seed]) => {
      const world = bridge({ seed })
      world.send(world.guests[1]!, frame(255, 1))
      world.everyone()
      world.kernel.faults.rate("socket-send", "EAGAIN", 0.3)
      let mark = 0
      const arrived: Array<number> = []
      for (const burst of bursts) {
        for (let i = 0; i < burst; i++) world.guests[0]!.send(frame(1, 0, ++mark))
        world.pass(1)
        arrived.push(...world.guests[1]!.received().map(markOf))
      }
      world.kernel.faults.clear()
      world.pass(20)
      arrived.push(...world.guests[1]!.received().map(markOf))
      assert.deepStrictEqual(arrived, [...arrived].sort((a, b) => a - b))
      assert.isAbove(arrived.length, 0)
      world.assertSums()
    }
  )

  it("one full port neither delays nor drops another's frames", () => {
    const world = bridge()
    const [flooder, stuck, a, b] = world.guests as [SimGuest, SimGuest, SimGuest, SimGuest]
    for (const [guest, station] of [[stuck, 1], [a, 2], [b, 3]] as const) world.send(guest, frame(255, station))
    world.everyone()
    let lost = 0
    for (let round = 0; round < 3000; round++) {
      for (let i = 0; i < 8; i++) flooder.send(frame(255, 0, i, 1514))
      a.send(frame(3, 2, round & 0xfff))
      world.settle()
      if (!b.received().some((octets) => octets[11] === 2)) lost++
      a.received()
    }
    assert.strictEqual(lost, 0)
    assert.isAbove(dropped(world, 2, Reason.EGRESS_FULL), 1000)
    assert.strictEqual(dropped(world, 3, Reason.EGRESS_FULL) + dropped(world, 4, Reason.EGRESS_FULL), 0)
    world.assertSums()
  })

  it("who sends to a full port waits for it once, while it is stalled at most", () => {
    const world = bridge()
    const [sender, stuck] = world.guests as [SimGuest, SimGuest, SimGuest, SimGuest]
    world.send(stuck, frame(255, 1))
    world.everyone()
    while (dropped(world, 2, Reason.EGRESS_FULL) === 0 && world.forwarder.backlog.waitsFor[1]! < 0) {
      world.send(sender, frame(1, 0, 0, 1514))
    }
    assert.strictEqual(world.forwarder.backlog.waitsFor[1], 2)
    sender.send(frame(255, 0, 77))
    world.pass(Bounds.stallMs - 1)
    assert.strictEqual(world.forwarder.backlog.waitsFor[1], 2)
    world.pass(2)
    assert.strictEqual(world.forwarder.backlog.waitsFor[1], -1)
    assert.include(world.guests[2]!.received().map(markOf), 77)
    // From now on it does not wait, however much it sends there.
    for (let i = 0; i < 100; i++) {
      world.send(sender, frame(1, 0, i, 1514))
      assert.strictEqual(world.forwarder.backlog.waitsFor[1], -1)
    }
    world.assertSums()
  })

  it("a guest without a processor for 50 ms under a flood still gets every frame meant for it", () => {
    const world = bridge()
    const [flooder, starved, sender] = world.guests as [SimGuest, SimGuest, SimGuest, SimGuest]
    world.send(starved, frame(255, 1))
    world.everyone()
    const flood = () => {
      for (let i = 0; i < 100; i++) flooder.send(frame(255, 0, 0, 1514))
      world.settle()
      world.guests[3]!.received()
      sender.received()
    }
    for (let i = 0; i < 20; i++) flood()
    assert.isAbove(dropped(world, 2, Reason.EGRESS_FULL), 100)
    for (let mark = 1; mark <= 25; mark++) {
      sender.send(frame(1, 2, mark))
      flood()
      world.pass(2)
    }
    const arrived: Array<number> = []
    for (let i = 0; i < 10; i++) {
      arrived.push(...starved.received().filter((octets) => octets[11] === 2).map(markOf))
      flood()
      world.pass(1)
    }
    assert.deepStrictEqual(arrived, Array.from({ length: 25 }, (_, i) => i + 1))
    world.assertSums()
  })

  it("a stalled port that drains in time loses nothing", () => {
    const world = bridge()
    const [sender, slow] = world.guests as [SimGuest, SimGuest, SimGuest, SimGuest]
    world.send(slow, frame(255, 1))
    world.everyone()
    let sent = 0
    const arrived: Array<number> = []
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 20; i++) {
        if (sender.send(frame(1, 0, sent + 1, 1514)) === "sent") sent++
      }
      world.settle()
      if (round % 50 === 49) {
        arrived.push(...slow.received().map(markOf))
        world.settle()
      }
    }
    for (let i = 0; i < 20; i++) {
      world.pass(1)
      arrived.push(...slow.received().map(markOf))
    }
    assert.strictEqual(arrived.length, sent)
    assert.deepStrictEqual(arrived, Array.from({ length: sent }, (_, i) => i + 1))
    assert.strictEqual(dropped(world, 2, Reason.EGRESS_FULL), 0)
  })

  it("a guest that invents 100,000 sources sees nothing of others' traffic", () => {
    const world = bridge()
    const [rogue, , a, b] = world.guests as [SimGuest, SimGuest, SimGuest, SimGuest]
    world.send(a, frame(255, 2))
    world.send(b, frame(255, 3))
    world.everyone()
    let seen = 0
    for (let i = 0; i < 100_000; i += 50) {
      for (let k = i; k < i + 50; k++) {
        const invented = frame(4, 0)
        invented.set([0x06, k >>> 16, (k >>> 8) & 255, k & 255, 1, 1], 6)
        rogue.send(invented)
      }
      a.send(frame(3, 2, 1))
      b.send(frame(2, 3, 1))
      world.settle()
      seen += rogue.received().length
      world.guests[1]!.received()
      a.received()
      b.received()
    }
    assert.strictEqual(seen, 0)
    world.assertSums()
  })

  it("one seed twice gives one history", () => {
    const history = (seed: number) => {
      const world = bridge({ seed })
      world.kernel.faults.rate("socket-send", "EAGAIN", 0.1)
      for (let i = 0; i < 500; i++) {
        world.guests[world.kernel.random.below(GUESTS)]!.send(
          frame(world.kernel.random.below(6), world.kernel.random.below(6), i)
        )
        if (world.kernel.random.chance(0.3)) world.pass(1)
      }
      return world.kernel.history.lines()
    }
    assert.deepStrictEqual(history(42), history(42))
    assert.notDeepEqual(history(42), history(43))
  })
})
