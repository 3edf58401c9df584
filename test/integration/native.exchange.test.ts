import { assert, describe, it } from "@effect/vitest"
import { Bounds } from "../../src/domain/Bounds.ts"
import { EventKind } from "../../src/services/FrameExchange.ts"
import { binding, within } from "./native/SocketWorld.ts"
import { errno, numbered, numberOf } from "./native/TestExchange.ts"

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("the addon's exchange: frames", () => {
  it("frames travel both ways, each whole and in order", () => {
    within({}, ({ hub, reader }) => {
      const guest = reader(1)
      range(120).forEach((i) => {
        guest.put(0, numbered(i, 14 + i * 7))
        assert.deepStrictEqual(guest.send([[0, 1]]), [0])
      })
      const { frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), range(120))
      assert.deepStrictEqual(frames.map(({ size }) => size), range(120).map((i) => 14 + i * 7))
      assert.isTrue(frames.every(({ port }) => port === 1))
      assert.deepStrictEqual(frames[100]!.octets, numbered(100, 14 + 100 * 7))

      range(Bounds.batchFrames).forEach((i) => hub.put(i, numbered(1000 + i)))
      const entries = range(Bounds.batchFrames).map((i) => [i, 1] as const)
      assert.deepStrictEqual(hub.send(entries), entries.map(() => 0))
      assert.deepStrictEqual(guest.drain().frames.map(numberOf), range(Bounds.batchFrames).map((i) => 1000 + i))
    })
  })

  it("a slot that many ports are to have reaches each of them once", () => {
    within({ portCount: 8 }, ({ hub, reader }) => {
      const guests = range(5).map((i) => reader(i + 1))
      hub.put(Bounds.batchFrames, numbered(7, 1518))
      assert.deepStrictEqual(hub.send(guests.map((_, i) => [Bounds.batchFrames, i + 1] as const)), [0, 0, 0, 0, 0])
      for (const guest of guests) {
        assert.deepStrictEqual(guest.drain().frames.map(({ octets }) => octets), [numbered(7, 1518)])
      }
    })
  })

  it("entries of one egress keep their order among those of others, also beyond one vector", () => {
    within({ portCount: 4 }, ({ hub, reader }) => {
      const guests = [reader(1), reader(2), reader(3)]
      range(Bounds.batchFrames).forEach((i) => hub.put(i, numbered(i)))
      const entries = range(180).map((i) =>
        [(i * 7) % Bounds.batchFrames, (i * 5) % 3 === 0 ? 1 : 2 + (i & 1)] as const)
      assert.isTrue(hub.send(entries).every((outcome) => outcome === 0))
      guests.forEach((guest, i) => {
        const expected = entries.filter(([, egress]) => egress === i + 1).map(([slot]) => slot)
        assert.deepStrictEqual(guest.drain().frames.map(numberOf), expected)
      })
    })
  })

  it("a frame of frameBytesMax is whole; a longer one is cut and known as cut", () => {
    within({ frameBytesMax: 1518 }, ({ guest, hub }) => {
      const fd = guest(1)
      for (const size of [1517, 1518, 1519, 9000]) binding.sendPacket(fd, numbered(size, size))
      const { frames } = hub.drain()
      assert.deepStrictEqual(frames.map(({ size }) => size), [1517, 1518, 1519, 1519])
      assert.deepStrictEqual(frames[1]!.octets, numbered(1518, 1518))
      // Whoever would send it on all the same does not.
      hub.put(0, new Uint8Array(1519))
      assert.deepStrictEqual(hub.send([[0, 1]]), [errno.EMSGSIZE])
    })
  })

  it("a packet of no octets is a frame of size 0 and not an end", () => {
    within({}, ({ guest, hub }) => {
      const fd = guest(1)
      for (const size of [0, 20, 0, 0]) assert.strictEqual(binding.sendPacket(fd, new Uint8Array(size)), size)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(({ size }) => size), [0, 20, 0, 0])
      assert.deepStrictEqual(events, [])
      assert.strictEqual(binding.sendPacket(fd, new Uint8Array(60)), 60)
      assert.deepStrictEqual(hub.step(1000).frames.map(({ size }) => size), [60])
    })
  })

  it("a whole batch of packets of no octets is a whole batch of frames", () => {
    within({}, ({ guest, hub }) => {
      const fd = guest(1)
      range(Bounds.batchFrames + 3).forEach(() => binding.sendPacket(fd, new Uint8Array(0)))
      assert.strictEqual(hub.step(0).frames.length, Bounds.batchFrames)
      const { events, frames } = hub.step(0)
      assert.strictEqual(frames.length, 3)
      assert.deepStrictEqual(events, [])
    })
  })

  it("every port that has frames has its turn, however many one of them has", () => {
    within({}, ({ guest, hub }) => {
      const flooder = guest(1)
      const quiet = [guest(2), guest(3)]
      range(200).forEach((i) => binding.sendPacket(flooder, numbered(i)))
      quiet.forEach((fd) => binding.sendPacket(fd, numbered(9)))
      const first = hub.step(0).frames
      assert.strictEqual(first.length, Bounds.batchFrames)
      assert.deepStrictEqual([2, 3].map((port) => first.filter((frame) => frame.port === port).length), [1, 1])
      const all = [...first, ...hub.drain().frames]
      assert.deepStrictEqual(all.filter(({ port }) => port === 1).map(numberOf), range(200))
    })
  })

  it("with more ready ports than a batch has slots, none is passed over", () => {
    const count = Bounds.batchFrames * 2 + 7
    within({ portCount: count + 1 }, ({ guest, hub }) => {
      const guests = range(count).map((i) => guest(i + 1))
      range(4).forEach((i) => guests.forEach((fd) => binding.sendPacket(fd, numbered(i))))
      const seen = new Set<number>()
      range(3).forEach(() => hub.step(0).frames.forEach(({ port }) => seen.add(port)))
      assert.strictEqual(seen.size, count)
      const left = hub.drain().frames
      assert.strictEqual(left.length, count * 4 - 3 * Bounds.batchFrames)
    })
  })

  it("of more ports than fit a batch, those that have many frames bring several at once, others one", () => {
    const count = Bounds.batchFrames * 2
    within({ portCount: count + 1 }, ({ guest, hub }) => {
      const guests = range(count).map((i) => guest(i + 1))
      const sent = guests.map(() => 0)
      const received = guests.map((): Array<number> => [])
      /** How many ports each of so many steps reads, while every guest has so many frames waiting. */
      const portsRead = (steps: number, waiting: number) =>
        range(steps).map(() => {
          guests.forEach((fd, i) => {
            while (sent[i]! - received[i]!.length < waiting) binding.sendPacket(fd, numbered(sent[i]!++))
          })
          const { frames } = hub.step(0)
          frames.forEach((frame) => received[frame.port - 1]!.push(numberOf(frame)))
          return new Set(frames.map(({ port }) => port)).size
        })
      const most = (some: ReadonlyArray<number>) => Math.max(...some)
      assert.isAtMost(most(portsRead(200, 8).slice(100)), Bounds.batchFrames / 8)
      // Each has had its turn as often as any other.
      const turns = received.map(({ length }) => length)
      assert.isAtMost(most(turns) - Math.min(...turns), 8)
      hub.drain().frames.forEach((frame) => received[frame.port - 1]!.push(numberOf(frame)))
      const single = portsRead(200, 1).slice(100)
      assert.isAtLeast(single.filter((ports) => ports === Bounds.batchFrames).length, 90)
      hub.drain().frames.forEach((frame) => received[frame.port - 1]!.push(numberOf(frame)))
      received.forEach((numbers, i) => assert.deepStrictEqual(numbers, range(sent[i]!)))
    })
  })

  it("an event array of few rows is never overrun, and what it had no room for comes later", () => {
    within({ eventRows: 3, portCount: 16 }, ({ guest, hub, close }) => {
      const guests = range(12).map((i) => guest(i + 1))
      guests.forEach((fd) => binding.sendPacket(fd, numbered(1)))
      guests.forEach(close)
      const told = new Set<number>()
      let frames = 0
      for (let i = 0; i < 60 && told.size < 12; i++) {
        const outcome = hub.step(0)
        assert.isAtMost(outcome.events.length, 3)
        frames += outcome.frames.length
        outcome.events.filter(({ kind }) => kind === EventKind.Hangup).forEach(({ port }) => told.add(port))
      }
      assert.strictEqual(told.size, 12)
      assert.strictEqual(frames, 12)
    })
  })
})

describe("the addon's exchange: frames that are not taken", () => {
  it("a full port refuses the rest of its own entries and nobody else's, and is told writable once", () => {
    within({ sendBufferBytes: 200_000 }, ({ hub, reader }) => {
      const full = reader(1)
      const other = reader(2)
      range(Bounds.batchFrames).forEach((i) => hub.put(i, numbered(i, 1514)))
      const entries = range(Bounds.batchFrames).flatMap((i) => [[i, 1], [i, 2]] as const)
      let outcomes: Array<number> = []
      let taken = 0
      for (let i = 0; i < 100; i++) {
        outcomes = hub.send(entries)
        taken += outcomes.filter((outcome, k) => k % 2 === 0 && outcome === 0).length
        assert.isTrue(outcomes.every((outcome, k) => k % 2 === 0 || outcome === 0), "the other port takes all")
        assert.strictEqual(other.drain().frames.length, Bounds.batchFrames)
        if (outcomes.some((outcome) => outcome !== 0)) break
      }
      const refused = outcomes.filter((_, k) => k % 2 === 0)
      const first = refused.indexOf(errno.EAGAIN)
      assert.isAtLeast(first, 0)
      assert.isTrue(refused.slice(first).every((outcome) => outcome === errno.EAGAIN))
      assert.isTrue(refused.slice(0, first).every((outcome) => outcome === 0))

      const waited = hub.step(50)
      assert.deepStrictEqual(waited.events, [])
      assert.isAtLeast(waited.elapsedMs, 45)

      assert.strictEqual(full.drain().frames.length, taken)
      assert.deepStrictEqual(hub.step(1000).events.map(({ kind, port }) => [kind, port]), [[EventKind.Writable, 1]])
      assert.deepStrictEqual(hub.step(30).events, [])
      assert.deepStrictEqual(hub.send([[0, 1]]), [0])
    })
  })

  it("after a refusal a step receives nothing, so that the slots keep what was not sent", () => {
    within({}, ({ guest, hub }) => {
      const fd = guest(1)
      binding.sendPacket(fd, numbered(5))
      hub.put(0, numbered(8))
      assert.deepStrictEqual(hub.send([[0, 3], [0, 1]]), [errno.EPIPE, 0])
      assert.strictEqual(hub.batch.count, 0)
      assert.deepStrictEqual(hub.batch.bytes.slice(0, 60), numbered(8))
      assert.deepStrictEqual(hub.step(0).frames.map(numberOf), [5])
    })
  })

  it("a frame refused for itself fails alone", () => {
    within({ frameBytesMax: 16_384, sendBufferBytes: 4096 }, ({ hub, reader }) => {
      const guest = reader(1)
      hub.put(0, numbered(1))
      hub.put(1, numbered(2, 16_000))
      hub.put(2, numbered(3))
      hub.put(3, new Uint8Array(0))
      const outcomes = hub.send([[0, 1], [1, 1], [2, 1], [3, 1], [2, 99], [2, 1]])
      assert.deepStrictEqual(outcomes, [0, errno.EMSGSIZE, 0, errno.EINVAL, errno.EINVAL, 0])
      assert.deepStrictEqual(guest.drain().frames.map(numberOf), [1, 3, 3])
    })
  })
})
