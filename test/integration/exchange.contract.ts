import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Plan from "../../src/domain/SendPlan.ts"
import { Entrance, EventKind } from "../../src/services/FrameExchange.ts"
import {
  errno,
  ExchangeUnderTest,
  type MakeWorld,
  numbered,
  numberOf,
  range,
  received,
  told,
  type WorldOptions
} from "./ExchangeUnderTest.ts"
import { links } from "./tapLink.contract.ts"

/*
 * What every exchange promises, simulated or real: one text for both, so that the double cannot drift from what it
 * doubles.
 */

/** Runs a test in a world of its own. */
export type Within = (test: (contract: ExchangeUnderTest) => void, options?: Partial<WorldOptions>) => void

/** States the promises of `FrameExchange` about what `make` makes. @param hasTaps whether its worlds can have some. */
export const exchangeContract = (name: string, make: MakeWorld, hasTaps = true): void => {
  const within: Within = (test, options = {}) => {
    const world = make({ portCount: 8, frameBytesMax: 1518, ...options })
    try {
      test(new ExchangeUnderTest(world))
    } finally {
      world.close()
    }
  }
  describe(`${name}: connections`, () => connections(within))
  describe(`${name}: receiving`, () => receiving(within))
  describe(`${name}: sending`, () => sending(within))
  describe(`${name}: the end of a connection`, () => endings(within))
  describe.runIf(hasTaps)(`${name}: what a tap is known by`, () => links(within))
}

const connections = (within: Within): void => {
  it("a connection that is refused is closed", () =>
    within((contract) => {
      const { handle, peer } = contract.knock()
      contract.exchange.refuse(handle)
      assert.strictEqual(peer.send(numbered(1)), "gone")
      assert.deepStrictEqual(contract.drain(), { frames: [], events: [] })
    }))

  it("a connection for a port that is taken, or is none of a guest's, is closed and the errno told", () =>
    within((contract) => {
      contract.join(1)
      for (const [port, expected] of [[1, errno.EBUSY], [0, errno.EINVAL], [8, errno.EINVAL]] as const) {
        const { handle, peer } = contract.knock()
        assert.strictEqual(contract.exchange.admit(handle, port), expected)
        assert.strictEqual(peer.send(numbered(1)), "gone")
      }
      assert.deepStrictEqual(contract.drain(), { frames: [], events: [] })
    }))

  it("what a guest sends before it is admitted is not lost", () =>
    within((contract) => {
      const { handle, peer } = contract.knock()
      range(5).forEach((i) => assert.strictEqual(peer.send(numbered(i)), "sent"))
      assert.deepStrictEqual(contract.drain().frames, [])
      assert.strictEqual(contract.exchange.admit(handle, 3), 0)
      const { frames } = contract.drain()
      assert.deepStrictEqual(frames.map(({ octets, port }) => [port, numberOf(octets)]), range(5).map((i) => [3, i]))
    }))

  it("while listeners rest nobody is told of, and nobody is turned away; told once more they rest from then on", () =>
    within((contract) => {
      contract.exchange.restListeners()
      assert.deepStrictEqual(contract.knockMany([Entrance.Guests, Entrance.Trunks, Entrance.Guests]), [])
      range(4).forEach(() => {
        contract.rest(60)
        contract.exchange.restListeners()
        assert.deepStrictEqual(contract.knockMany([]), [])
      })
      contract.rest(200)
      assert.sameMembers([...contract.knockMany([])], [Entrance.Guests, Entrance.Trunks, Entrance.Guests])
    }))

  it("closing a port closes its connection; the number can be given again; closing twice does no harm", () =>
    within((contract) => {
      const first = contract.join(1)
      contract.exchange.close(1)
      contract.exchange.close(1)
      assert.strictEqual(first.send(numbered(1)), "gone")
      const second = contract.join(1)
      second.send(numbered(2))
      assert.deepStrictEqual(contract.drain().frames.map(({ octets }) => numberOf(octets)), [2])
    }))

  it("tells on which of two sockets a connection waits; each is a port like any other", () =>
    within((contract) => {
      const trunk = contract.knock(Entrance.Trunks)
      const guest = contract.knock(Entrance.Guests)
      assert.strictEqual(contract.exchange.admit(trunk.handle, 1), 0)
      assert.strictEqual(contract.exchange.admit(guest.handle, 2), 0)
      trunk.peer.send(numbered(1))
      guest.peer.send(numbered(2))
      const { frames } = contract.drain()
      assert.sameDeepMembers(frames.map(({ octets, port }) => [port, numberOf(octets)]), [[1, 1], [2, 2]])
    }))

  it("connections to both sockets at once are all told, each as what it is", () =>
    within((contract) => {
      const told = contract.knockMany([Entrance.Guests, Entrance.Trunks, Entrance.Guests, Entrance.Trunks])
      assert.deepStrictEqual([...told].sort(), [0, 0, 1, 1])
    }))

  it("shutdown closes ports and connections that were not answered", () =>
    within((contract) => {
      const port = contract.join(1)
      const { peer } = contract.knock()
      contract.exchange.shutdown()
      assert.deepStrictEqual([port.send(numbered(1)), peer.send(numbered(1))], ["gone", "gone"])
    }))
}

const receiving = (within: Within): void => {
  it.prop(
    "whatever guests send arrives whole, once, and each one's frames in order",
    [fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 14, max: 1518 })), { maxLength: 200 })],
    ([sends]) =>
      within((contract) => {
        const peers = [1, 2, 3, 4].map((port) => contract.join(port))
        const expected = [1, 2, 3, 4].map((): Array<Uint8Array> => [])
        sends.forEach(([port, size], i) => {
          const octets = numbered(i, size)
          if (peers[port - 1]!.send(octets) === "sent") expected[port - 1]!.push(octets)
        })
        const { events, frames } = contract.drain()
        assert.deepStrictEqual(events, [])
        expected.forEach((octets, i) => {
          assert.deepStrictEqual(frames.filter(({ port }) => port === i + 1).map((frame) => frame.octets), octets)
        })
      }),
    { fastCheck: { numRuns: 20 } }
  )

  it("a step receives no more than a batch, and leaves the rest for the next", () =>
    within((contract) => {
      const peer = contract.join(1)
      range(Bounds.batchFrames + 10).forEach((i) => peer.send(numbered(i)))
      assert.strictEqual(contract.step().frames.length, Bounds.batchFrames)
      assert.deepStrictEqual(
        contract.drain().frames.map(({ octets }) => numberOf(octets)),
        range(10).map((i) => Bounds.batchFrames + i)
      )
    }))

  it("no port can keep another from being read", () =>
    within((contract) => {
      const flooder = contract.join(1)
      const quiet = contract.join(2)
      range(80).forEach((i) => flooder.send(numbered(i)))
      quiet.send(numbered(9))
      assert.deepStrictEqual(contract.step().frames.filter(({ port }) => port === 2).length, 1)
    }))

  it("with more ports than fit a batch, each has its turn", () => {
    const count = Bounds.batchFrames + 20
    within((contract) => {
      const peers = range(count).map((i) => contract.join(i + 1))
      peers.forEach((peer) => range(4).forEach((i) => peer.send(numbered(i))))
      const seen = new Set(range(2).flatMap(() => contract.step().frames.map(({ port }) => port)))
      assert.strictEqual(seen.size, count)
    }, { portCount: count + 1 })
  })

  it("with as many ports as fit a batch, a frame of each is what it is with one port", () => {
    const sizes = [60, 1518, 1600, 0]
    within((contract) => {
      const peers = range(Bounds.batchFrames).map((i) => contract.join(i + 1))
      peers.forEach((peer, i) => peer.send(numbered(i, Math.max(4, sizes[i % 4]!)).subarray(0, sizes[i % 4])))
      const { frames } = contract.step()
      const found = frames.map(({ octets, port, size }) => [port, size, size === 0 ? port - 1 : numberOf(octets)])
      const expected = range(Bounds.batchFrames).map((i) => [i + 1, Math.min(1519, sizes[i % 4]!), i])
      assert.deepStrictEqual(found.sort(([a], [b]) => a! - b!), expected)
      peers.forEach((peer) => peer.close())
      assert.deepStrictEqual(
        told(contract.drain().events).sort(([, a], [, b]) => a! - b!),
        peers.map((_, i) => [EventKind.Hangup, i + 1])
      )
    }, { portCount: Bounds.batchFrames + 1 })
  })

  it("the longest frame is whole; a longer one is known as cut", () =>
    within((contract) => {
      const peer = contract.join(1)
      for (const size of [1518, 1519, 5000]) peer.send(numbered(1, size))
      const { frames } = contract.drain()
      assert.deepStrictEqual(frames[0]!.octets, numbered(1, 1518))
      assert.isTrue(frames.slice(1).every(({ size }) => size > 1518))
      assert.strictEqual(frames.length, 3)
    }))

  it("a packet of no octets is a frame of size 0, and not an end", () =>
    within((contract) => {
      const peer = contract.join(1)
      for (const size of [0, 20, 0]) peer.send(new Uint8Array(size))
      const { events, frames } = contract.drain()
      assert.deepStrictEqual([events, frames.map(({ size }) => size)], [[], [0, 20, 0]])
      assert.strictEqual(peer.send(numbered(7)), "sent")
      assert.deepStrictEqual(contract.drain().frames.map(({ octets }) => numberOf(octets)), [7])
    }))

  it("a paused port is not read, others are, and nothing is lost by it", () =>
    within((contract) => {
      const paused = contract.join(1)
      const other = contract.join(2)
      contract.exchange.pause(1)
      paused.send(numbered(1))
      other.send(numbered(2))
      assert.deepStrictEqual(contract.drain().frames.map(({ port }) => port), [2])
      contract.exchange.resume(1)
      assert.deepStrictEqual(contract.drain().frames.map(({ octets }) => numberOf(octets)), [1])
    }))

  it("time does not go back", () =>
    within((contract) => {
      contract.step()
      const before = contract.exchange.nowMs
      contract.step()
      assert.isAtLeast(contract.exchange.nowMs, before)
    }))
}

const sending = (within: Within): void => {
  it("a slot that many ports are to have reaches each of them once", () =>
    within((contract) => {
      const peers = [1, 2, 3].map((port) => contract.join(port))
      contract.put(0, numbered(5, 700))
      assert.deepStrictEqual(contract.send([[0, 1], [0, 2], [0, 3]]), [0, 0, 0])
      for (const peer of peers) assert.deepStrictEqual(received(peer), [numbered(5, 700)])
    }))

  it("entries of one egress keep their order", () =>
    within((contract) => {
      const peers = [1, 2].map((port) => contract.join(port))
      range(40).forEach((i) => contract.put(i, numbered(i)))
      const entries = range(120).map((i) => [(i * 7) % 40, 1 + (i % 3 === 0 ? 1 : 0)] as const)
      assert.isTrue(contract.send(entries).every((outcome) => outcome === 0))
      peers.forEach((peer, i) => {
        const expected = entries.filter(([, egress]) => egress === i + 1).map(([slot]) => slot)
        assert.deepStrictEqual(received(peer).map(numberOf), expected)
      })
    }))

  it("a port that nobody reads refuses with EAGAIN, alone, and loses none of what it took", () =>
    within((contract) => {
      const full = contract.join(1)
      const other = contract.join(2)
      const taken = contract.fill(1)
      const outcomes = contract.send(range(10).flatMap((i) => [[i, 1], [i, 2]] as const))
      assert.deepStrictEqual(outcomes, range(10).flatMap(() => [errno.EAGAIN, 0]))
      assert.strictEqual(received(other).length, 10)
      assert.deepStrictEqual(received(full).map(numberOf), range(taken).map((i) => i % Bounds.batchFrames))
    }))

  it("copies of a whole batch reach each port in order, and all of them fail for one that is full or gone", () =>
    within((contract) => {
      const [first, full, gone, last] = [1, 2, 3, 4].map((port) => contract.join(port))
      const taken = contract.fill(2)
      gone!.close()
      range(Bounds.batchFrames).forEach((i) => contract.put(i, numbered(i)))
      const entries = range(Bounds.batchFrames).flatMap((i) => [1, 2, 3, 4].map((port) => [i, port] as const))
      const outcomes = contract.send(entries)
      assert.deepStrictEqual(outcomes, entries.map(([, port]) => [0, 0, errno.EAGAIN, errno.EPIPE, 0][port]!))
      for (const peer of [first!, last!]) {
        assert.deepStrictEqual(received(peer).map(numberOf), range(Bounds.batchFrames))
      }
      assert.strictEqual(received(full!).length, taken)
    }))

  it("a port that refused is told writable once it takes frames again, once", () =>
    within((contract) => {
      const peer = contract.join(1)
      contract.fill(1)
      assert.deepStrictEqual(contract.drain().events, [])
      received(peer)
      assert.deepStrictEqual(told(contract.drain().events), [[EventKind.Writable, 1]])
      assert.deepStrictEqual(contract.drain().events, [])
      assert.deepStrictEqual(contract.send([[0, 1]]), [0])
      assert.deepStrictEqual(contract.drain().events, [])
    }))

  it("a step that could not send all receives nothing, and the slots keep what they had", () =>
    within((contract) => {
      const peer = contract.join(1)
      peer.send(numbered(5))
      contract.put(0, numbered(8))
      const { batch, plan } = contract.exchange
      batch.bytes.set(numbered(3))
      batch.size[0] = 60
      Plan.add(plan, 0, 7, 60)
      assert.deepStrictEqual(contract.send([[0, 1]]), [errno.EPIPE, 0])
      assert.strictEqual(batch.count, 0)
      assert.deepStrictEqual(batch.bytes.slice(0, 60), numbered(3))
      assert.deepStrictEqual(contract.drain().frames.map(({ octets }) => numberOf(octets)), [5])
    }))

  it("a frame refused for itself fails alone", () =>
    within((contract) => {
      const peer = contract.join(1)
      contract.put(0, numbered(1))
      contract.put(1, numbered(2, 1519))
      contract.put(2, new Uint8Array(0))
      assert.deepStrictEqual(
        contract.send([[0, 1], [1, 1], [0, 1], [2, 1], [0, 1]]),
        [0, errno.EMSGSIZE, 0, errno.EINVAL, 0]
      )
      assert.deepStrictEqual(received(peer).map(numberOf), [1, 1, 1])
    }))

  it("what is for a port that is not attached, the tap's included, fails with EPIPE", () =>
    within((contract) => {
      contract.join(1)
      contract.exchange.detachTap()
      contract.put(0, numbered(1))
      assert.deepStrictEqual(contract.send([[0, 2], [0, TAP_PORT], [0, 1]]), [errno.EPIPE, errno.EPIPE, 0])
    }))
}

const endings = (within: Within): void => {
  it("a guest that leaves is heard to the end; then its hang-up is told, once", () =>
    within((contract) => {
      const peer = contract.join(1)
      const other = contract.join(2)
      range(100).forEach((i) => peer.send(numbered(i)))
      peer.close()
      const { events, frames } = contract.drain()
      assert.deepStrictEqual(frames.map(({ octets }) => numberOf(octets)), range(100))
      assert.deepStrictEqual(told(events), [[EventKind.Hangup, 1]])
      other.send(numbered(1))
      assert.deepStrictEqual(contract.drain().events, [])
    }))

  it("so is one that leaves frames unread", () =>
    within((contract) => {
      const peer = contract.join(1)
      contract.put(0, numbered(1))
      contract.send([[0, 1]])
      range(100).forEach((i) => peer.send(numbered(i)))
      peer.close()
      const { events, frames } = contract.drain()
      assert.deepStrictEqual(frames.map(({ octets }) => numberOf(octets)), range(100))
      assert.deepStrictEqual(told(events), [[EventKind.Hangup, 1]])
    }))

  it("one that leaves before it is admitted is heard and then hangs up", () =>
    within((contract) => {
      const { handle, peer } = contract.knock()
      peer.send(numbered(6))
      peer.close()
      assert.strictEqual(contract.exchange.admit(handle, 1), 0)
      const { events, frames } = contract.drain()
      assert.deepStrictEqual([frames.length, told(events)], [1, [[EventKind.Hangup, 1]]])
    }))

  it("what is for a guest that has gone fails with EPIPE, before and after that is told, and nobody else's does", () =>
    within((contract) => {
      const peer = contract.join(1)
      contract.join(2)
      contract.put(0, numbered(1))
      assert.deepStrictEqual(contract.send([[0, 1]]), [0])
      peer.close()
      const expected = [errno.EPIPE, 0, errno.EPIPE]
      assert.deepStrictEqual(contract.send([[0, 1], [0, 2], [0, 1]]), expected)
      assert.deepStrictEqual(told(contract.drain().events), [[EventKind.Hangup, 1]])
      assert.deepStrictEqual(contract.send([[0, 1], [0, 2], [0, 1]]), expected)
    }))

  it("a full guest that leaves is told writable and gone, in whatever order", () =>
    within((contract) => {
      const peer = contract.join(1)
      contract.fill(1)
      peer.close()
      const kinds = told(contract.drain().events)
      assert.sameDeepMembers(kinds, [[EventKind.Writable, 1], [EventKind.Hangup, 1]])
    }))

  it("a paused port says nothing of its guest's leaving until it is resumed", () =>
    within((contract) => {
      const peer = contract.join(1)
      peer.send(numbered(4))
      contract.exchange.pause(1)
      peer.close()
      assert.deepStrictEqual(contract.drain(), { frames: [], events: [] })
      contract.exchange.resume(1)
      const { events, frames } = contract.drain()
      assert.deepStrictEqual([frames.length, told(events)], [1, [[EventKind.Hangup, 1]]])
    }))
}
