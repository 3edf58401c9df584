import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import { DescriptorTable } from "../../src/adapters/sim/DescriptorTable.ts"
import { errno } from "../../src/adapters/sim/Errno.ts"
import { Faults } from "../../src/adapters/sim/Faults.ts"
import { History } from "../../src/adapters/sim/History.ts"
import * as Random from "../../src/adapters/sim/SeededRandom.ts"
import * as Group from "../../src/adapters/sim/SimGroupDatabase.ts"
import { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { SimKernel } from "../../src/adapters/sim/SimKernel.ts"
import * as LockFile from "../../src/adapters/sim/SimLockFile.ts"
import * as Pid from "../../src/adapters/sim/SimPidFile.ts"
import * as Listener from "../../src/adapters/sim/SimSeqpacketListener.ts"
import * as SocketFile from "../../src/adapters/sim/SimSocketFile.ts"
import { SimWorld } from "../../src/adapters/sim/SimWorld.ts"
import { filesContract } from "../integration/files.contract.ts"

const PATH = "/var/run/vknet"

filesContract("files of the simulated kernel", () => {
  const kernel = new SimKernel({ pid: 77 })
  const { files } = kernel
  return {
    directory: "/tmp",
    pid: kernel.pid,
    layer: Layer.mergeAll(Listener.layer, Pid.layer, Group.layer).pipe(Layer.provide(Layer.succeed(SimWorld, kernel))),
    write: (path, text) => {
      files.writeFile(path, text, kernel.credentials)
    },
    read: (path) => {
      const found = files.get(path)
      return found?.kind === "file" ? found.text : found?.kind
    },
    remove: (path) => files.remove(path),
    leaveStale: (path) => {
      files.makeSocket(path, undefined, { uid: 0, gid: 0, mode: 0o600 })
    },
    connects: (path) => kernel.connect({ path, uid: 0, gid: 0, pid: 1 }) instanceof SimGuest,
    close: () => {}
  }
})

const listen = (kernel: SimKernel, request: Partial<Parameters<typeof SocketFile.listen>[1]> = {}): number => {
  const opened = SocketFile.listen(kernel, { path: PATH, gid: 85, mode: 0o660, backlog: 4, ...request })
  return typeof opened === "number" ? opened : opened.fd
}

const knock = (kernel: SimKernel, who: { uid: number; gid: number; groups?: ReadonlyArray<number> }, path = PATH) => {
  const result = kernel.connect({ path, pid: 9, ...who })
  return typeof result === "string" ? result : "connected"
}

describe("connecting in the simulated kernel", () => {
  it.prop("is for root, the owner and the group, by the bits that are for them", [
    fc.nat(0o777),
    fc.constantFrom(0, 500, 1000),
    fc.constantFrom(85, 100),
    fc.subarray([85, 100])
  ], ([mode, uid, gid, groups]) => {
    const kernel = new SimKernel({ credentials: { uid: 500, gid: 85, groups: [] } })
    kernel.files.makeDirectory("/home/switch", { uid: 500 })
    const path = "/home/switch/s"
    assert.isAtLeast(listen(kernel, { path, mode }), 0)
    const bit = uid === 500 ? 0o200 : gid === 85 || groups.includes(85) ? 0o020 : 0o002
    const allowed = uid === 0 || (mode & bit) !== 0
    assert.strictEqual(knock(kernel, { uid, gid, groups }, path), allowed ? "connected" : "EACCES")
  })

  it("fails as connect(2) does where nobody listens, nothing is, or the way is barred", () => {
    const kernel = new SimKernel()
    kernel.files.makeSocket("/tmp/stale", undefined, { uid: 0, gid: 0, mode: 0o777 })
    kernel.files.writeFile("/tmp/file", "", kernel.credentials, 0o777)
    kernel.files.makeDirectory("/tmp/private", { mode: 0o700 })
    listen(kernel, { path: "/tmp/private/s", mode: 0o666 })
    const guest = { uid: 1000, gid: 1000 }
    const outcomes = ["/tmp/stale", "/tmp/file", "/tmp/none", "/tmp/none/s", "/tmp/file/s", "/tmp/private/s"]
      .map((path) => knock(kernel, guest, path))
    assert.deepStrictEqual(outcomes, ["ECONNREFUSED", "ECONNREFUSED", "ENOENT", "ENOENT", "ENOTDIR", "EACCES"])
  })

  it("is told EAGAIN when more wait than the backlog says, until one is accepted", () => {
    const kernel = new SimKernel()
    const fd = listen(kernel)
    const root = { uid: 0, gid: 0 }
    const outcomes = Array.from({ length: 6 }, () => knock(kernel, root))
    assert.deepStrictEqual(outcomes, [...Array<string>(5).fill("connected"), "EAGAIN"])
    const file = kernel.descriptors.get(fd)
    assert.isTrue(file?.kind === "listener" && typeof kernel.accept(file.listener, 4096) !== "number")
    assert.strictEqual(knock(kernel, root), "connected")
  })

  it("and not being accepted before the switch is killed, a guest is reset; the socket's file is stale", () => {
    const kernel = new SimKernel()
    listen(kernel)
    LockFile.hold(kernel, "/var/run/vknetd.pid")
    const guest = kernel.guest({ path: PATH, uid: 0, gid: 0, pid: 1 })
    assert.strictEqual(guest.send(new Uint8Array(60)), "sent")
    kernel.crash()
    assert.deepStrictEqual([guest.gone, guest.send(new Uint8Array(60)), kernel.descriptors.count], [true, "gone", 0])
    assert.strictEqual(knock(kernel, { uid: 0, gid: 0 }), "ECONNREFUSED")
    // What it left is no obstacle to the next.
    assert.isNotArray(LockFile.hold(kernel, "/var/run/vknetd.pid"))
    assert.isAtLeast(listen(kernel), 0)
    assert.strictEqual(knock(kernel, { uid: 0, gid: 0 }), "connected")
  })

  it("listening fails where a directory is not ours to change, and for a group we are not in", () => {
    const kernel = new SimKernel({ credentials: { uid: 1000, gid: 100, groups: [85] } })
    kernel.files.makeDirectory("/mnt", { mode: 0o777, readOnly: true })
    assert.strictEqual(listen(kernel), -errno.EACCES)
    assert.strictEqual(listen(kernel, { path: "/mnt/s" }), -errno.EROFS)
    assert.strictEqual(listen(kernel, { path: "/tmp/s", gid: 4 }), -errno.EPERM)
    assert.isAtLeast(listen(kernel, { path: "/tmp/s" }), 0)
  })
})

describe("a guest of the simulated kernel", () => {
  it("fills up when it does not read, and knows when the switch has gone", () => {
    const kernel = new SimKernel()
    const listener = kernel.descriptors.get(listen(kernel))
    const guest = kernel.guest({ path: PATH, uid: 0, gid: 0, pid: 1 })
    assert.isTrue(listener?.kind === "listener")
    const accepted = listener?.kind === "listener" ? kernel.accept(listener.listener, 4096) : 0
    if (typeof accepted === "number") throw new Error(`accept: ${accepted}`)
    assert.strictEqual(guest.send(new Uint8Array(300_000)), "too long")
    assert.strictEqual(kernel.sendPacket(accepted.socket, Uint8Array.of(1)), 0)
    assert.strictEqual(kernel.sendPacket(accepted.socket, Uint8Array.of(2)), 0)
    guest.askSendBuffer(1000)
    assert.deepStrictEqual([1, 2, 3, 4].map(() => guest.send(new Uint8Array(60))), ["sent", "sent", "sent", "full"])
    assert.deepStrictEqual(guest.receive(), Uint8Array.of(1))
    kernel.close(accepted.fd)
    // The switch left frames unread: a reset, which hides nothing that it had sent.
    assert.deepStrictEqual([guest.received(), guest.receive()], [[Uint8Array.of(2)], undefined])
    assert.deepStrictEqual([guest.gone, guest.send(new Uint8Array(1))], [true, "gone"])
  })
})

describe("chance and faults", () => {
  it.prop("one seed gives one sequence, within its bounds", [fc.integer(), fc.nat(1000)], ([seed, n]) => {
    const [one, two] = [Random.make(seed), Random.make(seed)]
    for (let i = 0; i < 20; i++) {
      const drawn = one.below(n)
      assert.strictEqual(two.below(n), drawn)
      assert.isTrue(Number.isInteger(drawn) && drawn >= 0 && drawn < Math.max(n, 1))
    }
    assert.deepStrictEqual([one.chance(0), one.chance(1)], [false, true])
  })

  it("seeds that differ give other sequences, and all values come about equally often", () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => Random.make(seed).next())
    assert.isAtLeast(new Set(firsts).size, 999)
    const counts = new Array<number>(10).fill(0)
    const random = Random.make(42)
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]! += 1
    for (const count of counts) assert.approximately(count, 10_000, 500)
  })

  it("scripted faults are served in turn, after as many operations as they let through", () => {
    const faults = new Faults(Random.make(1))
    faults.failNext("tap-write", "EIO", { after: 1, times: 2 })
    faults.failNext("tap-write", "ENOBUFS")
    const seen = Array.from({ length: 5 }, () => faults.consult("tap-write"))
    assert.deepStrictEqual(seen, [undefined, "EIO", "EIO", "ENOBUFS", undefined])
    assert.isUndefined(faults.consult("tap-read"))
  })

  it("a rate fails about that share, and nothing once it is taken back", () => {
    const faults = new Faults(Random.make(1))
    faults.rate("socket-send", "EAGAIN", 0.25)
    const draw = () => Array.from({ length: 10_000 }, () => faults.consult("socket-send")).filter(Boolean).length
    assert.approximately(draw(), 2500, 200)
    faults.rate("socket-send", "EAGAIN", 0)
    assert.strictEqual(draw(), 0)
    faults.rate("socket-send", "ENOBUFS", 1)
    faults.clear()
    assert.strictEqual(draw(), 0)
  })
})

describe("what the simulated kernel keeps", () => {
  it.prop("a history keeps the newest lines, and its digest covers all of them", [
    fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 20 })
  ], ([events, linesMax]) => {
    const [short, long] = [new History(linesMax), new History(1000)]
    events.forEach((event, i) => [short, long].forEach((history) => history.note(i, event)))
    assert.deepStrictEqual(short.lines(), events.map((event, i) => `${i} ${event}`).slice(-linesMax))
    assert.strictEqual(short.digest, long.digest)
    const other = new History(linesMax)
    events.forEach((event, i) => other.note(i, i === 0 ? `${event}!` : event))
    assert.notStrictEqual(other.digest, short.digest)
  })

  it.prop("the lowest free number is the next descriptor", [fc.array(fc.option(fc.nat(20)), { maxLength: 60 })], ([
    steps
  ]) => {
    const table = new DescriptorTable<number>(12)
    const open = new Set<number>()
    for (const step of steps) {
      if (step !== null) {
        assert.strictEqual(table.remove(step) !== undefined, open.delete(step))
        continue
      }
      const free = Array.from({ length: 9 }, (_, i) => i + 3).find((fd) => !open.has(fd))
      assert.strictEqual(table.add(0), free ?? -errno.EMFILE)
      if (free !== undefined) open.add(free)
    }
    assert.deepStrictEqual(table.numbers(), [...open].sort((a, b) => a - b))
  })

  it("writes no history unless asked", () => {
    const kernel = new SimKernel()
    kernel.note(() => assert.fail("nobody keeps it"))
    assert.deepStrictEqual(kernel.history.lines(), [])
  })
})
