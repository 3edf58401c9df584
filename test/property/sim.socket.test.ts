import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { errno } from "../../src/adapters/sim/Errno.ts"
import { PacketQueue } from "../../src/adapters/sim/PacketQueue.ts"
import { packetCost, SEND_BUFFER_DEFAULT, sendBufferFor, SimSocket } from "../../src/adapters/sim/SimSocket.ts"

/** Sends packets of one size until one is refused; how many were taken. */
const fill = (socket: SimSocket, size: number): number => {
  const octets = new Uint8Array(size)
  for (let taken = 0; taken < 100_000; taken++) {
    const result = socket.send(octets)
    if (result !== 0) {
      assert.strictEqual(result, errno.EAGAIN)
      return taken
    }
  }
  throw new Error("never full")
}

/** Reads packets until poll(2) would call the sender writable; how many that took. */
const readUntilWritable = (sender: SimSocket, reader: SimSocket): number => {
  let read = 0
  while (!sender.writable) {
    if (typeof reader.receive() === "string") throw new Error("never writable")
    read++
  }
  return read
}

const paired = (sendBufferBytes = SEND_BUFFER_DEFAULT) => {
  const [sender, reader] = SimSocket.pair()
  sender.sendBufferBytes = sendBufferBytes
  return { sender, reader }
}

// Size of a packet, how many fit, and how many are to be read until there is room: Linux 6.18, November 2026.
const measured: ReadonlyArray<readonly [number, number, number]> = [
  [0, 278, 209],
  [60, 278, 209],
  [192, 278, 209],
  [193, 167, 126],
  [704, 167, 126],
  [705, 93, 70],
  [1514, 93, 70],
  [1728, 93, 70],
  [1729, 49, 37],
  [3776, 49, 37],
  [3777, 26, 20],
  [7872, 26, 20],
  [7873, 13, 10],
  [16_064, 13, 10],
  [16_065, 11, 9],
  [20_000, 11, 9],
  [40_000, 6, 5],
  [65_536, 4, 4],
  [212_960, 1, 1]
]

describe("a simulated socket's queue", () => {
  for (const [size, fit, read] of measured) {
    it(`takes ${fit} packets of ${size} octets, and is writable when ${read} are read, as Linux`, () => {
      const { reader, sender } = paired()
      assert.strictEqual(fill(sender, size), fit)
      assert.strictEqual(readUntilWritable(sender, reader), read)
    })
  }

  it("of an accepted connection takes as many as Linux with SO_SNDBUF of 1 MiB", () => {
    const { reader, sender } = paired(sendBufferFor(1_048_576))
    assert.strictEqual(fill(sender, 1514), 911)
    assert.strictEqual(readUntilWritable(sender, reader), 684)
  })

  it("never takes a packet larger than the send buffer less 32 octets, full or not", () => {
    const { sender } = paired()
    assert.strictEqual(sender.send(new Uint8Array(SEND_BUFFER_DEFAULT - 31)), errno.EMSGSIZE)
    assert.strictEqual(sender.send(new Uint8Array(SEND_BUFFER_DEFAULT - 32)), 0)
    assert.strictEqual(sender.send(new Uint8Array(1)), errno.EAGAIN)
    assert.strictEqual(sender.send(new Uint8Array(SEND_BUFFER_DEFAULT - 31)), errno.EMSGSIZE)
  })

  it.prop("agrees with a plain sum, step by step", [
    fc.array(fc.oneof(fc.nat(20_000), fc.constant("read" as const)), { maxLength: 150 }),
    fc.integer({ min: 4096, max: 60_000 })
  ], ([steps, sendBufferBytes]) => {
    const { reader, sender } = paired(sendBufferBytes)
    const queued: Array<number> = []
    const charged = () => queued.reduce((sum, size) => sum + packetCost(size), 0)
    for (const step of steps) {
      if (step === "read") {
        const received = reader.receive()
        const size = queued.shift()
        if (size === undefined) assert.strictEqual(received, "nothing")
        else assert.strictEqual(typeof received === "string" ? received : received.octets.length, size)
      } else {
        const legal = step <= sendBufferBytes - 32
        const expected = legal ? charged() < sendBufferBytes ? 0 : errno.EAGAIN : errno.EMSGSIZE
        assert.strictEqual(sender.send(new Uint8Array(step)), expected)
        if (expected === 0) queued.push(step)
      }
      assert.strictEqual(sender.writable, (charged() + 1) * 4 <= sendBufferBytes)
      assert.strictEqual(reader.waiting, queued.length)
    }
  })

  it("is charged to the sender: a full one leaves the other direction open", () => {
    const { reader, sender } = paired()
    fill(sender, 1514)
    assert.strictEqual(reader.send(new Uint8Array(1514)), 0)
  })

  it("keeps a packet as it was when it was sent", () => {
    const { reader, sender } = paired()
    const octets = Uint8Array.of(1, 2, 3)
    sender.send(octets)
    octets.fill(9)
    assert.deepStrictEqual(reader.receive(), { octets: Uint8Array.of(1, 2, 3), rights: 0 })
  })
})

describe("a simulated socket's end", () => {
  it("comes after what was sent; sending to who has closed is EPIPE", () => {
    const { reader, sender } = paired()
    sender.send(Uint8Array.of(1))
    sender.close()
    assert.isTrue(reader.readable)
    assert.deepStrictEqual(reader.receive(), { octets: Uint8Array.of(1), rights: 0 })
    assert.isTrue(reader.readable)
    assert.deepStrictEqual([reader.receive(), reader.receive()], ["end", "end"])
    assert.strictEqual(reader.send(Uint8Array.of(1)), errno.EPIPE)
  })

  it("with packets unread is told as a reset, once, to a read or to a send; then what was sent follows", () => {
    for (const first of ["receive", "send"] as const) {
      const { reader, sender } = paired()
      sender.send(Uint8Array.of(1))
      reader.send(Uint8Array.of(2))
      assert.strictEqual(sender.close(), 1)
      if (first === "receive") assert.strictEqual(reader.receive(), "reset")
      else assert.strictEqual(reader.send(Uint8Array.of(3)), errno.ECONNRESET)
      assert.strictEqual(reader.send(Uint8Array.of(3)), errno.EPIPE)
      assert.deepStrictEqual(reader.receive(), { octets: Uint8Array.of(1), rights: 0 })
      assert.strictEqual(reader.receive(), "end")
    }
  })

  it("takes what lay unread off the sender's charge", () => {
    const { reader, sender } = paired()
    fill(sender, 1514)
    assert.isFalse(sender.writable)
    reader.close()
    assert.isTrue(sender.writable)
  })

  it("of sending alone leaves the other direction open", () => {
    const { reader, sender } = paired()
    sender.send(Uint8Array.of(1))
    sender.finish()
    assert.strictEqual(sender.send(Uint8Array.of(2)), errno.EPIPE)
    assert.notStrictEqual(reader.receive(), "end")
    assert.strictEqual(reader.receive(), "end")
    assert.strictEqual(reader.send(Uint8Array.of(3)), 0)
    assert.deepStrictEqual(sender.receive(), { octets: Uint8Array.of(3), rights: 0 })
  })
})

describe("a queue of packets", () => {
  it.prop("agrees with an array, step by step", [fc.array(fc.option(fc.nat()), { maxLength: 300 })], ([steps]) => {
    const queue = new PacketQueue<number>()
    const model: Array<number> = []
    for (const step of steps) {
      if (step === null) assert.strictEqual(queue.shift(), model.shift())
      else {
        queue.push(step)
        model.push(step)
      }
      assert.strictEqual(queue.length, model.length)
    }
    assert.deepStrictEqual(queue.drain(), model)
    assert.strictEqual(queue.length, 0)
  })
})
