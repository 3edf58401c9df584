import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import * as Wall from "../../src/domain/capture/WallClock.ts"
import { filled } from "../../src/services/CaptureHub.ts"

const PORTS = 3
const RING_BYTES = 2048

/** One step of a history: a frame of so many octets of a port is written, all is shown, or all is read. */
type Step =
  | { readonly kind: "write"; readonly port: number; readonly bytes: number }
  | { readonly kind: "publish" | "drain" }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    kind: fc.constant("write" as const),
    port: fc.nat(PORTS - 1),
    bytes: fc.oneof(fc.nat(70), fc.nat(1900))
  }) },
  { weight: 2, arbitrary: fc.constant({ kind: "publish" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "drain" as const }) }
)

const make = (snapBytes = 65_536) => {
  const ring = Ring.make(PORTS, RING_BYTES)
  Ring.setMode(ring, Ring.Mode.COPY, snapBytes)
  const arena = new Uint8Array(4096)
  const words = new Uint32Array(arena.buffer)
  const write = (port: number, bytes: number, tag: number): boolean => {
    for (let i = 0; i < bytes; i++) arena[64 + i] = (tag * 31 + i) & 0xff
    Object.assign(ring.entry, { kind: Ring.RecordKind.INBOUND, port, other: -1, originalBytes: bytes, tag })
    const fits = Ring.write(ring, words, 16, bytes)
    if (!fits) Ring.miss(ring)
    return fits
  }
  return { ring, write }
}

describe("the ring of captured frames", () => {
  it.prop(
    "gives what was shown, whole and in order, and each frame tells exactly how many were missed before it",
    [fc.array(step, { maxLength: 200 }), fc.constantFrom(0, 5, 64, 65_536)],
    ([steps, snapBytes]) => {
      const { ring, write } = make(snapBytes)
      const written: Array<{ tag: number; missed: number; atPort: number; bytes: number; port: number }> = []
      let shown = 0
      let read = 0
      let missed = 0
      const missedAt = Array<number>(PORTS).fill(0)
      steps.forEach((step, tag) => {
        if (step.kind === "write") {
          const { bytes, port } = step
          if (write(port, bytes, tag)) written.push({ tag, missed, atPort: missedAt[port]!, bytes, port })
          else {
            missed++
            missedAt[port]!++
          }
        } else if (step.kind === "publish") {
          Ring.publish(ring)
          shown = written.length
        } else {
          Ring.drain(ring, ({ missed, missedAtPort, octets, originalBytes, port, tag }) => {
            const expected = written[read++]!
            const [[inAll], [atPort]] = [missed, missedAtPort]
            assert.deepStrictEqual({ tag, missed: inAll, atPort, bytes: originalBytes, port }, expected)
            const kept = Uint8Array.from({ length: Math.min(snapBytes, originalBytes) }, (_, i) => tag * 31 + i)
            assert.deepStrictEqual(octets.slice(), kept)
          })
          assert.strictEqual(read, shown)
        }
        assert.deepStrictEqual(Ring.missed(ring), [missed, 0, 0])
      })
    }
  )

  it("takes no frame that does not fit, and takes the next that does once it has been read", () => {
    const { ring, write } = make()
    let taken = 0
    while (write(1, 100, taken)) taken++
    assert.strictEqual(taken, Math.floor(RING_BYTES / (72 + 104)))
    assert.deepStrictEqual(Ring.missedAt(ring, 1), [1, 0, 0])
    Ring.publish(ring)
    Ring.drain(ring, () => {})
    assert.isTrue(write(1, 100, 0))
  })

  it("goes on for longer than its counts are wide", () => {
    const { ring, write } = make()
    // Just before they wrap: as if so much had gone through it.
    ring.head = 0x7fff_ff00 | 0
    ring.control.fill(ring.head, 0, 1)
    ring.control.fill(ring.head, 16, 17)
    let read = 0
    for (let tag = 0; tag < 500; tag++) {
      assert.isTrue(write(0, 40, tag))
      Ring.publish(ring)
      Ring.drain(ring, (record) => assert.strictEqual(record.tag, read++))
    }
    assert.strictEqual(read, 500)
    assert.isBelow(ring.head, 0)
  })

  it("does not show what is withdrawn before it is shown", () => {
    const { ring, write } = make()
    write(0, 60, 0)
    Ring.publish(ring)
    for (const tag of [1, 2, 3]) write(0, 60, tag)
    Ring.withdraw(ring, Uint8Array.of(9, 9, 0, 9))
    Ring.publish(ring)
    const tags: Array<number> = []
    Ring.drain(ring, ({ tag }) => tags.push(tag))
    assert.deepStrictEqual(tags, [0, 2])
  })

  it("wakes its reader when something is shown", async () => {
    const { ring, write } = make()
    const waiting = filled(ring, 10_000)
    write(0, 60, 0)
    Ring.publish(ring)
    await waiting
    let seen = 0
    Ring.drain(ring, () => seen++)
    assert.strictEqual(seen, 1)
  })
})

describe("the wall clock", () => {
  const MS = 1_700_000_000_000
  const timeOf = ({ nanoseconds, seconds }: Wall.WallClock): number => (seconds - MS / 1000) * 1e3 + nanoseconds / 1e6

  it.prop(
    "is never a millisecond off, never runs backwards, and tells nanoseconds below a second",
    [fc.double({ min: 0, max: 1e6, noNaN: true }), fc.array(fc.double({ min: 0, max: 50, noNaN: true }))],
    ([offsetMs, pauses]) => {
      const clock = Wall.make()
      let monotonicMs = 12_345.678
      let last = -Infinity
      for (const pause of pauses) {
        monotonicMs += pause
        const trueMs = monotonicMs + offsetMs
        Wall.read(clock, MS + Math.floor(trueMs), monotonicMs)
        const told = timeOf(clock)
        assert.isBelow(Math.abs(told - trueMs), 1.000_01)
        assert.isAtLeast(told, last - 1e-5)
        assert.isTrue(Number.isInteger(clock.nanoseconds) && clock.nanoseconds >= 0 && clock.nanoseconds < 1e9)
        last = told
      }
    }
  )

  it("is soon exact, and follows a time of day that is set", () => {
    const clock = Wall.make()
    for (const offsetMs of [0.7, -3_600_000.3, 5_000_000.25]) {
      for (let i = 0; i < 2000; i++) {
        const monotonicMs = 1e7 + i * 1.01
        Wall.read(clock, MS + Math.floor(monotonicMs + offsetMs), monotonicMs)
        if (i > 1000) assert.isBelow(Math.abs(timeOf(clock) - monotonicMs - offsetMs), 0.02)
      }
    }
  })
})
