import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { readCapture } from "../../src/domain/capture/CaptureReader.ts"
import * as Writer from "../../src/domain/capture/CaptureWriter.ts"
import { concat } from "./frames.ts"

const captured = fc.record({
  interfaceIndex: fc.nat({ max: 2 }),
  // Quarters of a millisecond are exact in every form.
  timeMs: fc.integer({ min: 0, max: 4_000_000_000_000 }).map((quarters) => quarters / 4),
  octets: fc.uint8Array({ maxLength: 100 }),
  comment: fc.string({ maxLength: 20 })
})

/** A classic file, in either byte order and resolution. */
const classic = (
  frames: ReadonlyArray<{ timeMs: number; octets: Uint8Array }>,
  little: boolean,
  nano: boolean
): Uint8Array => {
  const head = new DataView(new ArrayBuffer(24))
  head.setUint32(0, nano ? 0xa1b23c4d : 0xa1b2c3d4, little)
  head.setUint16(4, 2, little)
  head.setUint16(6, 4, little)
  head.setUint32(16, 65_535, little)
  head.setUint32(20, 1, little)
  const records = frames.flatMap(({ octets, timeMs }) => {
    const record = new DataView(new ArrayBuffer(16))
    record.setUint32(0, Math.floor(timeMs / 1000), little)
    record.setUint32(4, (timeMs % 1000) * (nano ? 1e6 : 1e3), little)
    record.setUint32(8, octets.length, little)
    record.setUint32(12, octets.length, little)
    return [new Uint8Array(record.buffer), octets]
  })
  return concat(new Uint8Array(head.buffer), ...records)
}

describe("capture files", () => {
  it.prop("of pcapng are read as they were written", [fc.array(captured)], ([frames]) => {
    const file = concat(
      Writer.sectionHeader("vknetd"),
      ...["one", "two", "three"].map(Writer.interfaceDescription),
      ...frames.map((frame) => Writer.frame({ ...frame, direction: Writer.Direction.In }))
    )
    const capture = readCapture(file)
    if (typeof capture === "string") throw new Error(capture)
    assert.strictEqual(capture.interfaceCount, 3)
    assert.deepStrictEqual(
      capture.frames.map(({ interfaceIndex, octets, timeMs }) => ({ interfaceIndex, timeMs, octets: [...octets] })),
      frames.map(({ interfaceIndex, octets, timeMs }) => ({ interfaceIndex, timeMs, octets: [...octets] }))
    )
  })

  it.prop(
    "of the classic kind are read in either order and resolution, up to where they were cut",
    [fc.array(captured, { maxLength: 8 }), fc.boolean(), fc.boolean(), fc.nat({ max: 200 })],
    ([frames, little, nano, cut]) => {
      const within = frames.map((frame) => ({ ...frame, timeMs: frame.timeMs % 4_000_000_000 }))
      const file = classic(within, little, nano)
      const capture = readCapture(file.subarray(0, Math.max(24, file.length - cut)))
      if (typeof capture === "string") throw new Error(capture)
      const read = capture.frames.map(({ octets, timeMs }) => ({ timeMs, octets: [...octets] }))
      const written = within.map(({ octets, timeMs }) => ({ timeMs, octets: [...octets] }))
      assert.deepStrictEqual(read, written.slice(0, read.length))
      if (cut === 0) assert.strictEqual(read.length, written.length)
    }
  )

  it.prop(
    "that are none, or broken, are told in words, whatever is in them",
    [fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 3 })],
    ([octets, kind]) => {
      const heads = [[], [0xd4, 0xc3, 0xb2, 0xa1],
        [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a], [0xa1]]
      const capture = readCapture(concat(Uint8Array.from(heads[kind]!), octets))
      assert.isTrue(typeof capture === "string" || Array.isArray(capture.frames))
    },
    { fastCheck: { numRuns: 5000 } }
  )
})
