import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { formatFrame } from "../../src/cli/Dump.ts"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i & 255)

describe("the dump of -c", () => {
  it("prints an ARP request as it always has", () => {
    const frame = bytes(
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08, 0x06,
      0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56,
      0x0a, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x01, 0x00, 0x01
    )
    assert.strictEqual(
      formatFrame(frame),
      "ff:ff:ff:ff:ff:ff <- 52:54:00:12:34:56\n" +
        "\t 08 06 00 01 08 00 06 04 00 01 52 54 00 12 34 56\n" +
        "\t 0a 01 00 02 00 00 00 00 00 00 0a 01 00 01\n"
    )
  })

  it("prints the addresses alone when nothing follows", () => {
    assert.strictEqual(formatFrame(counting(12)), "00:01:02:03:04:05 <- 06:07:08:09:0a:0b\n")
  })

  it("begins a line with the first byte behind the addresses", () => {
    assert.strictEqual(formatFrame(counting(13)), "00:01:02:03:04:05 <- 06:07:08:09:0a:0b\n\t 0c\n")
  })

  it("ends with a full line, without an empty one behind it", () => {
    assert.strictEqual(
      formatFrame(counting(28)),
      "00:01:02:03:04:05 <- 06:07:08:09:0a:0b\n\t 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b\n"
    )
  })

  it("begins another line with the seventeenth byte", () => {
    assert.strictEqual(
      formatFrame(counting(29)),
      "00:01:02:03:04:05 <- 06:07:08:09:0a:0b\n\t 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b\n\t 1c\n"
    )
  })

  it.each([
    [0, "--:--:--:--:--:-- <- --:--:--:--:--:--\n"],
    [1, "00:--:--:--:--:-- <- --:--:--:--:--:--\n"],
    [6, "00:01:02:03:04:05 <- --:--:--:--:--:--\n"],
    [11, "00:01:02:03:04:05 <- 06:07:08:09:0a:--\n"]
  ])("shows what a frame of %i bytes lacks, and nothing of what lies behind it", (length, text) => {
    const memory = new Uint8Array(64).fill(0xee)
    memory.set(counting(length))
    assert.strictEqual(formatFrame(memory.subarray(0, length)), text)
  })

  const frames = fc.uint8Array({ minLength: 12, maxLength: 100 })

  it.prop("has every byte of the frame in it, in order", [frames], ([frame]) => {
    const shown = Array.from(formatFrame(frame).matchAll(/[0-9a-f]{2}/g), ([pair]) => Number.parseInt(pair, 16))
    assert.deepStrictEqual(shown, Array.from(frame))
  })
})
