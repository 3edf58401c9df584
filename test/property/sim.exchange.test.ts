import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { errno } from "../../src/adapters/sim/Errno.ts"
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { SimExchange } from "../../src/adapters/sim/SimExchange.ts"
import { SimKernel, type SimKernelOptions } from "../../src/adapters/sim/SimKernel.ts"
import * as SocketFile from "../../src/adapters/sim/SimSocketFile.ts"
import { TAP_QUEUE_FRAMES } from "../../src/adapters/sim/SimTap.ts"
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Plan from "../../src/domain/SendPlan.ts"
import { Entrance, EVENT_WIDTH, EventKind } from "../../src/services/FrameExchange.ts"
import { exchangeContract } from "../integration/exchange.contract.ts"
import type { ContractPeer } from "../integration/ExchangeUnderTest.ts"

const PATH = "/var/run/vknet"
const TRUNK_PATH = "/var/run/vknet.trunk"

const peerOf = (guest: SimGuest): ContractPeer => ({
  send: (frame) => {
    const sent = guest.send(frame)
    if (sent === "too long") throw new Error("no test sends so much")
    return sent
  },
  receive: () => guest.receive(),
  close: () => guest.close()
})

const listening = (kernel: SimKernel, path = PATH): number => {
  const opened = SocketFile.listen(kernel, { path, gid: 85, mode: 0o660, backlog: 1024 })
  if (typeof opened === "number") throw new Error(`listen: ${opened}`)
  return opened.fd
}

exchangeContract("the simulated exchange", ({ frameBytesMax, portCount }) => {
  const kernel = new SimKernel({ seed: 1 })
  const entrances = { listener: listening(kernel), trunkListener: listening(kernel, TRUNK_PATH) }
  const exchange = new SimExchange(kernel, { portCount, frameBytesMax, ...entrances })
  return {
    exchange,
    connect: (entrance) =>
      peerOf(kernel.guest({ path: entrance === Entrance.Trunks ? TRUNK_PATH : PATH, uid: 0, gid: 0, pid: 1 })),
    openTap: () => {
      const handle = kernel.openTap("tap0")
      const { mac, mtuBytes } = kernel.interfaces.tap("tap0")!
      const host = kernel.hostEnd("tap0")
      return {
        handle,
        mac,
        mtuBytes,
        change: (link) => host.change(link),
        bridge: (mac) => host.bridge(mac),
        disturb: () => host.up = false
      }
    },
    settle: () => kernel.advance(1),
    pass: (ms) => kernel.advance(ms),
    close: () => exchange.shutdown()
  }
})

/** An exchange with a tap that is up, and guests as ports from 1 up. */
const make = (guests: number, options: SimKernelOptions = {}) => {
  const kernel = new SimKernel({ seed: 7, historyLines: 10_000, ...options })
  const tapFd = kernel.openTap("tap0")
  const tap = kernel.interfaces.tap("tap0")!
  tap.up = true
  const exchange = new SimExchange(kernel, { portCount: 8, frameBytesMax: 1518, listener: listening(kernel) })
  assert.strictEqual(exchange.attachTap(tapFd), 0)
  const events = () =>
    Array.from({ length: exchange.events.count }, (_, row) =>
      Array.from(exchange.events.rows.subarray(row * EVENT_WIDTH, row * EVENT_WIDTH + 3)))
  const step = () => {
    exchange.step(-1)
    return {
      frames: Array.from({ length: exchange.batch.count }, (_, slot) => exchange.batch.port[slot]!),
      events: events()
    }
  }
  /** Sends one frame to each of the ports named, and returns the outcomes. */
  const send = (...egress: ReadonlyArray<number>) => {
    const slot = Bounds.batchFrames
    exchange.batch.size[slot] = 60
    egress.forEach((port) => Plan.add(exchange.plan, slot, port, 60))
    exchange.step(0)
    const outcomes = Array.from(exchange.plan.outcome.subarray(0, egress.length))
    exchange.plan.count = 0
    return outcomes
  }
  const connect = () => kernel.guest({ path: PATH, uid: 1000, gid: 85, pid: 42 })
  const joined = Array.from({ length: guests }, (_, i) => {
    const guest = connect()
    const handle = step().events[0]![2]!
    assert.strictEqual(exchange.admit(handle, i + 1), 0)
    return guest
  })
  return { kernel, exchange, tap, tapFd, host: kernel.hostEnd("tap0"), step, send, connect, guests: joined }
}

const frame = new Uint8Array(60)

describe("the simulated tap under the exchange", () => {
  it("carries frames both ways", () => {
    const { exchange, host, send, step } = make(0)
    assert.strictEqual(host.inject(new Uint8Array(100).fill(3)), "sent")
    assert.deepStrictEqual(step().frames, [TAP_PORT])
    assert.deepStrictEqual(Batch.frame(exchange.batch, 0), new Uint8Array(100).fill(3))
    assert.deepStrictEqual(send(TAP_PORT), [0])
    assert.deepStrictEqual(host.taken().map(({ length }) => length), [60])
  })

  it("holds as many frames of the host as Linux does, and loses the rest there", () => {
    const { exchange, host, tap } = make(0)
    const results = Array.from({ length: TAP_QUEUE_FRAMES + 3 }, () => host.inject(frame))
    assert.deepStrictEqual(results.slice(TAP_QUEUE_FRAMES - 1), ["sent", "full", "full", "full"])
    assert.strictEqual(tap.lost, 3)
    let read = 0
    for (let i = 0; i < 20; i++) {
      exchange.step(0)
      read += exchange.batch.count
    }
    assert.strictEqual(read, TAP_QUEUE_FRAMES)
  })

  it("refuses each frame with EIO while the interface is down, and takes them again afterwards", () => {
    const { guests, host, send, step } = make(1)
    host.up = false
    assert.strictEqual(host.inject(frame), "down")
    assert.deepStrictEqual(send(TAP_PORT, 1, TAP_PORT), [errno.EIO, 0, errno.EIO])
    assert.strictEqual(guests[0]!.received().length, 1)
    assert.deepStrictEqual(step().events, [])
    host.up = true
    assert.deepStrictEqual(send(TAP_PORT), [0])
  })

  it("is told lost once when it vanishes, is then as if closed, and can be attached anew", () => {
    const { exchange, host, kernel, send, step, tapFd } = make(0)
    host.vanish()
    assert.strictEqual(host.inject(frame), "gone")
    assert.deepStrictEqual(send(TAP_PORT, TAP_PORT), [errno.EPIPE, errno.EPIPE])
    assert.deepStrictEqual(step().events, [[EventKind.TapLost, TAP_PORT, errno.EBADFD]])
    assert.deepStrictEqual(step().events, [])
    assert.deepStrictEqual(send(TAP_PORT), [errno.EPIPE])
    kernel.close(tapFd)
    const again = kernel.openTap("tap0")
    kernel.interfaces.tap("tap0")!.up = true
    assert.strictEqual(exchange.attachTap(again), 0)
    assert.deepStrictEqual(send(TAP_PORT), [0])
  })

  it("is not attached twice, and a descriptor of something else is none", () => {
    const { exchange, tapFd } = make(0)
    assert.strictEqual(exchange.attachTap(tapFd), errno.EBUSY)
    assert.strictEqual(exchange.attachTap(999), errno.EBADF)
  })
})

describe("faults that the exchange must take", () => {
  it("a batch taken in part: the rest is refused and, there being room, told writable at once", () => {
    const { guests, kernel, send, step } = make(2)
    kernel.faults.failNext("socket-send", "EAGAIN", { after: 2 })
    assert.deepStrictEqual(send(1, 1, 1, 2, 1), [0, 0, errno.EAGAIN, 0, errno.EAGAIN])
    assert.deepStrictEqual(step().events, [[EventKind.Writable, 1, 0]])
    assert.deepStrictEqual(guests.map((guest) => guest.received().length), [2, 1])
  })

  it("a frame refused for itself fails alone", () => {
    const { kernel, send } = make(1)
    kernel.faults.failNext("socket-send", "ENOBUFS", { after: 1 })
    kernel.faults.failNext("tap-write", "EIO")
    assert.deepStrictEqual(send(1, 1, 1, TAP_PORT, TAP_PORT), [0, errno.ENOBUFS, 0, errno.EIO, 0])
  })

  it("a guest that dies while it is read: what it sent arrives, then the hang-up", () => {
    const { guests, kernel, send, step } = make(1)
    send(1)
    guests[0]!.send(frame)
    guests[0]!.send(frame)
    kernel.faults.failNext("socket-receive", "RESET")
    const { events, frames } = step()
    assert.deepStrictEqual(frames, [1, 1])
    assert.deepStrictEqual(events, [[EventKind.Hangup, 1, 0]])
    assert.isTrue(guests[0]!.closed)
  })

  it("a frame that was cut is longer than any that is let through", () => {
    const { exchange, guests, host, kernel, step } = make(1)
    kernel.faults.failNext("socket-receive", "CUT")
    kernel.faults.failNext("tap-read", "CUT")
    guests[0]!.send(frame)
    host.inject(frame)
    step()
    assert.deepStrictEqual(Array.from(exchange.batch.size.subarray(0, 2)), [1519, 1519])
  })

  it("an interface deleted under a write, a read that fails for good", () => {
    const gone = make(0)
    gone.kernel.faults.failNext("tap-write", "GONE")
    assert.deepStrictEqual(gone.send(TAP_PORT), [errno.EPIPE])
    assert.deepStrictEqual(gone.step().events, [[EventKind.TapLost, TAP_PORT, errno.EBADFD]])
    const failed = make(0)
    failed.kernel.faults.failNext("tap-read", "EIO")
    failed.host.inject(frame)
    assert.deepStrictEqual(failed.step(), { frames: [], events: [[EventKind.TapLost, TAP_PORT, errno.EIO]] })
  })

  it("out of descriptors: the connection is closed and told, and later ones come in", () => {
    const { connect, kernel, step } = make(0)
    kernel.descriptors.limit = 3
    const unlucky = [connect(), connect()]
    assert.deepStrictEqual(step().events, unlucky.map(() => [EventKind.AcceptError, 0, errno.EMFILE]))
    assert.isTrue(unlucky.every((guest) => guest.gone))
    kernel.descriptors.limit = 100
    connect()
    assert.deepStrictEqual(step().events.map(([kind]) => kind), [EventKind.Connect])
    assert.deepStrictEqual(step().events, [])
  })

  it("a connection aborted while it waits is passed over without a word", () => {
    const { connect, kernel, step } = make(0)
    kernel.faults.failNext("accept", "ECONNABORTED")
    const [first, second] = [connect(), connect()]
    assert.strictEqual(step().events.length, 1)
    assert.deepStrictEqual([first.gone, second.gone], [true, false])
  })

  it("descriptors that come along are told, with how many", () => {
    const { guests, step } = make(1)
    guests[0]!.sendDescriptors(frame, 2)
    guests[0]!.sendDescriptors(frame, 1)
    assert.deepStrictEqual(step(), { frames: [1, 1], events: [[EventKind.Ancillary, 1, 3]] })
    assert.deepStrictEqual(step(), { frames: [], events: [] })
  })
})

describe("a step of the simulated exchange", () => {
  it("never waits, and says how often and how long it would have", () => {
    const { exchange, guests } = make(1)
    const before = exchange.waits
    exchange.step(25)
    assert.deepStrictEqual([exchange.waits, exchange.askedMs], [before + 1, 25])
    exchange.step(0)
    assert.strictEqual(exchange.waits, before + 1)
    guests[0]!.send(frame)
    exchange.step(-1)
    assert.strictEqual(exchange.waits, before + 1)
  })

  it("tells a wake once, however many there were", () => {
    const { exchange, step } = make(0)
    exchange.wake()
    exchange.wake()
    assert.deepStrictEqual(step().events, [[EventKind.Wake, 0, 0]])
    assert.deepStrictEqual(step().events, [])
  })

  it("holds back what has no room among the events and tells it later", () => {
    const { connect, exchange, step } = make(0)
    const count = Bounds.exchangeEvents + 20
    Array.from({ length: count }, connect)
    const told = [step().events.length, step().events.length, step().events.length]
    assert.deepStrictEqual(told, [Bounds.exchangeEvents, 20, 0])
    exchange.shutdown()
  })

  it("leaves no descriptor behind, whatever was connected, admitted or refused", () => {
    const { connect, exchange, kernel, step } = make(3)
    Array.from({ length: 4 }, connect)
    exchange.refuse(step().events[0]![2]!)
    exchange.shutdown()
    // The listener's and the tap's are not the exchange's.
    assert.strictEqual(kernel.descriptors.count, 2)
  })

  it.prop("is deterministic: one seed and the same calls give one history", [fc.integer(), fc.array(fc.nat(5), {
    minLength: 20,
    maxLength: 120
  })], ([seed, calls]) => {
    const run = () => {
      const { exchange, guests, host, kernel, send } = make(3, { seed })
      kernel.faults.rate("socket-send", "EAGAIN", 0.2)
      kernel.faults.rate("tap-write", "EIO", 0.2)
      kernel.faults.rate("socket-receive", "RESET", 0.05)
      for (const call of calls) {
        if (call === 0) host.inject(frame)
        else if (call < 4) guests[call - 1]!.send(frame)
        else if (call === 4) send(TAP_PORT, 1, 2, 3)
        else exchange.step(-1)
        kernel.advance(1)
      }
      return { digest: kernel.history.digest, lines: kernel.history.lines() }
    }
    const first = run()
    assert.deepStrictEqual(run(), first)
    assert.isAbove(first.lines.length, 20)
  })
})
