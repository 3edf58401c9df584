import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { Bounds } from "../../src/domain/Bounds.ts"
import { EventKind } from "../../src/services/FrameExchange.ts"
import { binding, descriptorCount, within } from "./native/SocketWorld.ts"
import { errno, numbered, numberOf } from "./native/TestExchange.ts"
import * as Exchange from "./native/TestExchange.ts"

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const kinds = (events: ReadonlyArray<Exchange.Event>) => events.map(({ kind, port }) => [kind, port])
const addonPath = fileURLToPath(new URL("../../build/Release/vknetd.node", import.meta.url))

/** Sends packets with descriptors beside them, on the socket that is its standard input; prints how that went. */
const sender = `
import os, socket
end = socket.socket(fileno=0)
for _ in range(3):
    try:
        socket.send_fds(end, [b"x" * 60], [os.open("/dev/null", os.O_RDONLY)] * 4)
        print("sent")
    except PermissionError:
        print("refused")
`

const sendDescriptors = (fd: number): string =>
  spawnSync("python3", ["-c", sender], { stdio: [fd, "pipe", "inherit"], encoding: "utf8" }).stdout

describe("the addon's exchange: connections", () => {
  it("tells who connects, and a refused connection is closed", () => {
    within({}, ({ hub, keep, path }) => {
      const fd = keep(binding.connect(path))
      const [told] = hub.step(1000).events
      assert.deepInclude(told, {
        kind: EventKind.Connect,
        uid: process.getuid!(),
        gid: process.getgid!(),
        pid: process.pid
      })
      hub.native.refuse(told!.value)
      assert.strictEqual(binding.sendPacket(fd, numbered(1)), -errno.EPIPE)
    })
  })

  it("a port is attached once, and what cannot be admitted is closed", () => {
    within({ portCount: 3 }, ({ guest, hub, keep, path }) => {
      guest(1)
      for (const port of [1, 0, 3]) {
        const fd = keep(binding.connect(path))
        const handle = hub.step(1000).events[0]!.value
        assert.strictEqual(hub.native.admit(handle, port), port === 1 ? errno.EBUSY : errno.EINVAL)
        assert.strictEqual(binding.sendPacket(fd, numbered(1)), -errno.EPIPE)
      }
    })
  })

  it("frames sent just before the close arrive, then the hang-up, once", () => {
    within({}, ({ close, guest, hub }) => {
      const fd = guest(1)
      range(150).forEach((i) => binding.sendPacket(fd, numbered(i)))
      close(fd)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), range(150))
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
      const idle = hub.step(40)
      assert.deepStrictEqual([idle.events, idle.frames], [[], []])
      assert.isAtLeast(idle.elapsedMs, 35)
      hub.native.close(1)
      hub.native.close(1)
    })
  })

  it("frames behind packets of no octets arrive also when the sender has closed", () => {
    within({}, ({ close, guest, hub }) => {
      const fd = guest(1)
      range(Bounds.batchFrames * 2).forEach(() => binding.sendPacket(fd, new Uint8Array(0)))
      binding.sendPacket(fd, numbered(77))
      binding.sendPacket(fd, new Uint8Array(0))
      close(fd)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.filter(({ size }) => size > 0).map(numberOf), [77])
      assert.isTrue(frames.slice(0, Bounds.batchFrames * 2).every(({ size }) => size === 0))
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
    })
  })

  it("a peer that closes with unread frames is heard to the end, and what is for it fails with EPIPE", () => {
    within({}, ({ close, guest, hub }) => {
      const fd = guest(1)
      const other = guest(2)
      hub.put(0, numbered(1))
      assert.deepStrictEqual(hub.send([[0, 1]]), [0])
      range(3).forEach((i) => binding.sendPacket(fd, numbered(i)))
      close(fd)
      assert.deepStrictEqual(hub.send([[0, 1], [0, 2], [0, 1]]), [errno.EPIPE, 0, errno.EPIPE])
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), [0, 1, 2])
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
      hub.put(0, numbered(1))
      assert.deepStrictEqual(hub.send([[0, 1], [0, 2]]), [errno.EPIPE, 0])
      close(other)
    })
  })

  it("ECONNRESET on receive alone is not the end", () => {
    within({}, ({ close, guest, hub }) => {
      const fd = guest(1)
      hub.put(0, numbered(1))
      hub.send([[0, 1]])
      range(70).forEach((i) => binding.sendPacket(fd, numbered(i)))
      close(fd)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), range(70))
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
    })
  })

  it("a refusing port whose peer goes is told writable, then its hang-up, and does not spin", () => {
    within({ sendBufferBytes: 4096 }, ({ close, guest, hub }) => {
      const fd = guest(1)
      range(Bounds.batchFrames).forEach((i) => hub.put(i, numbered(i, 1514)))
      hub.native.pause(1)
      assert.include(hub.send(range(Bounds.batchFrames).map((i) => [i, 1] as const)), errno.EAGAIN)
      close(fd)
      assert.deepStrictEqual(kinds(hub.drain().events), [[EventKind.Writable, 1]])
      assert.isAtLeast(hub.step(40).elapsedMs, 35)
      hub.native.resume(1)
      assert.deepStrictEqual(kinds(hub.drain().events), [[EventKind.Hangup, 1]])
    })
  })

  it("a guest that only stops sending has gone, and is sent nothing more", () => {
    within({}, ({ guest, hub }) => {
      const fd = guest(1)
      binding.sendPacket(fd, numbered(1))
      spawnSync("python3", ["-c", "import socket; socket.socket(fileno=0).shutdown(socket.SHUT_WR)"], { stdio: [fd] })
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), [1])
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
      hub.put(0, numbered(2))
      assert.deepStrictEqual(hub.send([[0, 1]]), [errno.EPIPE])
    })
  })

  it("a paused port is not read, does not spin when its peer goes, and is heard when resumed", () => {
    within({}, ({ close, guest, hub }) => {
      const fd = guest(1)
      binding.sendPacket(fd, numbered(4))
      hub.native.pause(1)
      close(fd)
      for (const outcome of [hub.step(50), hub.step(50)]) {
        assert.isAtLeast(outcome.elapsedMs, 45)
        assert.deepStrictEqual([outcome.frames, outcome.events], [[], []])
      }
      hub.native.resume(1)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), [4])
      assert.deepStrictEqual(kinds(events), [[EventKind.Hangup, 1]])
    })
  })

  it("300 connections made and closed leave no descriptor, also those never answered", () => {
    within({ portCount: 4 }, ({ close, guest, hub, keep, path }) => {
      const before = descriptorCount()
      range(300).forEach((i) => {
        const port = 1 + (i % 3)
        const fd = guest(port)
        binding.sendPacket(fd, numbered(i))
        if (i % 2 === 0) close(fd)
        assert.strictEqual(hub.drain().frames.length, 1)
        hub.native.close(port)
        if (i % 2 === 1) close(fd)
      })
      assert.strictEqual(descriptorCount(), before)
      const fds = range(3).map(() => keep(binding.connect(path)))
      assert.strictEqual(hub.step(1000).events.length, 3)
      fds.forEach(close)
      hub.native.shutdown()
      // Its poller and its spare have gone as well.
      assert.strictEqual(descriptorCount(), before - 2)
      assert.deepStrictEqual(hub.step(1000).frames, [])
    })
  })

  it("descriptors sent along are closed and told of", () => {
    within({}, ({ hub, keep }) => {
      const pair = binding.socketPair(65_536)
      assert.isArray(pair)
      const [ours, theirs] = pair as readonly [number, number]
      keep(theirs)
      assert.strictEqual(hub.native.admit(ours, 1), 0)
      const before = descriptorCount()
      assert.strictEqual(sendDescriptors(theirs), "sent\n".repeat(3))
      const { events, frames } = hub.step(1000)
      assert.deepStrictEqual(frames.map(({ size }) => size), [60, 60, 60])
      assert.deepStrictEqual(kinds(events), [[EventKind.Ancillary, 1]])
      assert.isAtLeast(events[0]!.value, 3)
      assert.strictEqual(descriptorCount(), before)
    })
  })

  it("so they are where each of many ports is read for one frame", () => {
    within({ portCount: Bounds.batchFrames + 1 }, ({ hub, keep }) => {
      const far = Array.from({ length: Bounds.batchFrames }, (_, i) => {
        const [ours, theirs] = binding.socketPair(65_536) as readonly [number, number]
        keep(theirs)
        assert.strictEqual(hub.native.admit(ours, i + 1), 0)
        return theirs
      })
      far.slice(1).forEach((fd) => assert.strictEqual(binding.sendPacket(fd, new Uint8Array(60)), 60))
      const before = descriptorCount()
      assert.strictEqual(sendDescriptors(far[0]!), "sent\n".repeat(3))
      const { events, frames } = hub.step(1000)
      assert.strictEqual(frames.length, Bounds.batchFrames)
      assert.deepStrictEqual(kinds(events), [[EventKind.Ancillary, 1]])
      hub.step(1000)
      assert.strictEqual(descriptorCount(), before)
    })
  })

  it("a guest that sends descriptors to the listener's socket leaves none here", () => {
    within({}, ({ guest, hub }) => {
      const fd = guest(1)
      const before = descriptorCount()
      const sent = sendDescriptors(fd)
      const { events, frames } = hub.step(0)
      // Kernels that can refuse them (SO_PASSRIGHTS) do so when they are sent.
      if (sent === "refused\n".repeat(3)) assert.deepStrictEqual([frames, events], [[], []])
      else assert.deepStrictEqual(kinds(events), [[EventKind.Ancillary, 1]])
      assert.strictEqual(descriptorCount(), before)
    })
  })
})

describe("the addon's exchange: a tap", () => {
  it("a socket stands in for a tap; its end is the tap's loss, and the descriptor stays its opener's", () => {
    within({}, ({ close, guest, hub, keep }) => {
      const pair = binding.socketPair(65_536)
      assert.isArray(pair)
      const [near, far] = pair as readonly [number, number]
      ;[near, far].forEach(keep)
      guest(1)
      assert.strictEqual(hub.native.attachTap(near), 0)
      assert.strictEqual(hub.native.attachTap(near), errno.EBUSY)
      binding.sendPacket(far, numbered(3))
      assert.deepStrictEqual(hub.step(1000).frames.map(({ port, size }) => [port, size]), [[0, 60]])
      hub.native.close(0)
      hub.put(0, numbered(1))
      assert.deepStrictEqual(hub.send([[0, 0]]), [0])
      binding.sendPacket(far, numbered(4))
      close(far)
      const { events, frames } = hub.drain()
      assert.deepStrictEqual(frames.map(numberOf), [4])
      assert.strictEqual(events.length, 1)
      assert.deepInclude(events[0], { kind: EventKind.TapLost, port: 0, value: errno.EPIPE })
      hub.put(0, numbered(1))
      assert.deepStrictEqual(hub.send([[0, 0], [0, 1]]), [errno.EPIPE, 0])
      assert.isAtLeast(hub.step(40).elapsedMs, 35)
      hub.native.detachTap()
      assert.strictEqual(binding.sendPacket(near, numbered(1)), -errno.EPIPE)
    })
  })
})

describe("the addon's exchange: waiting", () => {
  it("waits as long as it is told and no longer", () => {
    within({}, ({ hub }) => {
      assert.isBelow(hub.step(0).elapsedMs, 20)
      const { elapsedMs } = hub.step(60)
      assert.isAtLeast(elapsedMs, 55)
      assert.isBelow(elapsedMs, 1000)
      const before = hub.nowMs()
      hub.step(60)
      assert.isAtLeast(hub.nowMs() - before, 50)
    })
  })

  it("a wake from another thread ends a step that waits for ever; wakes before it count once", async () => {
    const wake = binding.openWake()
    assert.isArray(wake)
    const [polled, written] = wake as readonly [number, number]
    const exchange = Exchange.open(binding, { wake: polled })
    binding.signalWake(written)
    binding.signalWake(written)
    assert.deepStrictEqual(kinds(exchange.step(1000).events), [[EventKind.Wake, 0]])
    assert.deepStrictEqual(exchange.step(0).events, [])
    // Once more every 100 ms, so that a lost wake fails this test and does not hang it.
    const worker = new Worker(
      `const { workerData } = require("node:worker_threads")
       const binding = require(workerData.addonPath)
       setInterval(() => binding.signalWake(workerData.written), 100)`,
      { eval: true, workerData: { addonPath, written } }
    )
    await new Promise((resolve) => worker.once("online", resolve))
    const { elapsedMs, events } = exchange.step(-1)
    assert.deepStrictEqual(kinds(events), [[EventKind.Wake, 0]])
    assert.isBelow(elapsedMs, 5000)
    await worker.terminate()
    exchange.native.shutdown()
    new Set([polled, written]).forEach((fd) => binding.closeFd(fd))
  })

  it("an exchange that its thread forgot goes with the thread", async () => {
    const before = descriptorCount()
    await Promise.all(range(4).map(() => {
      const worker = new Worker(
        `const { workerData } = require("node:worker_threads")
         const binding = require(workerData)
         const u16 = () => new Uint16Array(8)
         const [end] = binding.socketPair(65536)
         const exchange = binding.openExchange(
           { bytes: new Uint8Array(512), size: u16(), port: u16(), planSlot: u16(), planEgress: u16(),
             planOutcome: new Uint8Array(8), events: new Int32Array(60), state: new Int32Array(2),
             clock: new Float64Array(1) },
           { slotBytes: 64, frameBytesMax: 60, batchFrames: 4, portCount: 4,
             listener: -1, trunkListener: -1, wake: -1, sendBufferBytes: 0 })
         exchange.admit(end, 1)
         exchange.step(0, 0)
         process.exitCode = 0`,
        { eval: true, workerData: addonPath }
      )
      return new Promise((resolve, reject) => {
        worker.once("error", reject)
        worker.once("exit", resolve)
      })
    }))
    // One end of each pair was nobody's.
    assert.strictEqual(descriptorCount(), before + 4)
  })
})
