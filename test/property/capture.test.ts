import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Writer from "../../src/domain/capture/PcapngWriter.ts"
import { integers, pcap, pcapng, readAll, sourceOf } from "./captureFiles.ts"
import { concat } from "./frames.ts"
import * as world from "./policyWorld.ts"

const runs = (numRuns: number) => ({ fastCheck: { numRuns } })
const frames = [world.packet({}), world.arpFrame({}), Uint8Array.of(1, 2, 3), new Uint8Array(0)]
const SECOND = 1_000_000_000n

describe("a classic capture", () => {
  for (const little of [true, false]) {
    for (const nanoseconds of [true, false]) {
      it(`is read, ${little ? "least" : "highest"} octet first, with ${nanoseconds ? "nano" : "micro"}seconds`, () => {
        const written = frames.map((octets, i) => ({ octets, time: [1_700_000_000 + i, 123_456] as const }))
        const { fault, frames: read, names } = readAll(pcap(written, { little, nanoseconds }))
        assert.isUndefined(fault)
        assert.deepStrictEqual(names, [undefined])
        assert.deepStrictEqual(read.map(({ octets }) => octets.slice()), frames)
        const fraction = nanoseconds ? 123_456n : 123_456_000n
        assert.deepStrictEqual(
          read.map(({ timeNs }) => timeNs),
          frames.map((_, i) => (1_700_000_000n + BigInt(i)) * SECOND + fraction)
        )
      })
    }
  }

  it("knows a frame that was cut, and takes off the check sequence that it says it has", () => {
    const cut = readAll(pcap([{ time: [1, 0], octets: frames[0]!, originalBytes: 1500 }])).frames[0]!
    assert.strictEqual(cut.originalBytes, 1500)
    const checked = concat(frames[0]!, new Uint8Array(4))
    const file = pcap([{ time: [1, 0], octets: checked }], { link: 0x24000001 })
    const { octets, originalBytes } = readAll(file).frames[0]!
    assert.deepStrictEqual(octets.slice(), frames[0])
    assert.strictEqual(originalBytes, frames[0]!.length)
  })

  it("says in one line what is wrong with it", () => {
    const whole = pcap([{ time: [1, 0], octets: frames[0]! }])
    const tooLong = integers(true).u32(Bounds.captureSnapBytesMax + 1)
    const faults: ReadonlyArray<readonly [Uint8Array, RegExp]> = [
      [new Uint8Array(0), /too short/],
      [Uint8Array.of(1, 2, 3, 4), /no capture/],
      [whole.slice(0, 23), /header is cut/],
      [whole.slice(0, 30), /frame's header is cut, at octet 24/],
      [whole.slice(0, -1), /frame is cut, at octet 24/],
      [pcap([], { link: 113 }), /not Ethernet but of link type 113/],
      [concat(whole, new Uint8Array(8), tooLong, new Uint8Array(4)), /longer than any/]
    ]
    for (const [octets, expected] of faults) {
      const { fault } = readAll(octets)
      assert.match(fault?.fault ?? "", expected)
      assert.notInclude(fault!.fault, "\n")
    }
  })
})

describe("a capture in pcapng", () => {
  for (const little of [true, false]) {
    it(`is read, ${little ? "least" : "highest"} octet first, whatever other blocks are in it`, () => {
      const ng = pcapng(little)
      const { u32, u64 } = integers(little)
      const text = (value: string) => new TextEncoder().encode(value)
      const [a, b, c] = frames
      const file = concat(
        ng.section(),
        ng.block(0x0bad, new Uint8Array(200_000)),
        ng.interface(1, 0, ng.option(2, text("tap0")), ng.option(9, Uint8Array.of(9))),
        ng.interface(1, 40, ng.option(14, u64(100n)), ng.option(2, text("guest"))),
        ng.enhanced(0, 5n * SECOND + 7n, a!, ng.option(1, text("one")), ng.option(2, u32(1))),
        ng.enhanced(1, 5_000_000n, b!, ng.option(2, u32(2))),
        ng.block(5, new Uint8Array(20)),
        ng.old(1, 6_000_000n, c!),
        ng.interface(1, 0, ng.option(9, Uint8Array.of(0x80 | 10))),
        ng.enhanced(2, 1536n, a!),
        ng.simple(a!.length, a!)
      )
      const other = pcapng(!little)
      const more = concat(other.section(), other.interface(), other.enhanced(0, 1n, b!))
      const { fault, frames: read, names } = readAll(concat(file, more))
      assert.isUndefined(fault)
      assert.deepStrictEqual(names, ["tap0", "guest", undefined, undefined])
      assert.deepStrictEqual(
        read.map((frame) =>
          [frame.interfaceIndex, frame.timeNs, frame.octets.slice(), frame.direction, frame.comment]),
        [
          [0, 5n * SECOND + 7n, a!, "inbound", "one"],
          [1, 105n * SECOND, b!, "outbound", undefined],
          [1, 106n * SECOND, c!, undefined, undefined],
          [2, SECOND + SECOND / 2n, a!, undefined, undefined],
          [0, 0n, a!, undefined, undefined],
          [3, 1000n, b!, undefined, undefined]
        ]
      )
    })
  }

  it("says in one line what is wrong with it", () => {
    const ng = pcapng(true)
    const start = concat(ng.section(), ng.interface())
    const { u32 } = integers(true)
    const faults: ReadonlyArray<readonly [Uint8Array, RegExp]> = [
      [ng.section().slice(0, 10), /section's header is cut/],
      [ng.section().fill(0, 8, 12), /no order of octets/],
      [ng.section().fill(9, 12, 13), /version 9/],
      [concat(start, u32(6)), /block is cut/],
      [concat(start, u32(6), u32(13)), /block of 13 octets cannot be/],
      [concat(start, u32(6), u32(8)), /block of 8 octets cannot be/],
      [concat(start, u32(6), u32(0x1000000)), /longer than any/],
      [concat(start, u32(77), u32(0x1000000)), /block is cut/],
      [concat(start, ng.enhanced(0, 0n, frames[0]!).fill(0, -4)), /two lengths/],
      [concat(start, ng.enhanced(1, 0n, frames[0]!)), /interface 1, of which nothing/],
      [concat(start, ng.block(6, u32(0))), /too short/],
      [concat(start, ng.block(6, ...[u32(0), u32(0), u32(0), u32(99), u32(99)])), /longer than its block/],
      [concat(ng.section(), ng.interface(113), ng.enhanced(0, 0n, frames[0]!)), /link type 113/],
      [concat(ng.section(), ng.simple(4, new Uint8Array(4))), /interface 0, of which nothing/]
    ]
    for (const [octets, expected] of faults) assert.match(readAll(octets).fault?.fault ?? "none", expected)
  })
})

const written = fc.record({
  interfaceNumber: fc.nat(1),
  timeNs: fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
  octets: fc.uint8Array({ maxLength: 80 }),
  originalBytes: fc.constant(80),
  direction: fc.constantFrom("inbound" as const, "outbound" as const, undefined),
  comment: fc.option(fc.fullUnicodeString({ maxLength: 20 }), { nil: undefined })
})

const fileOf = (some: ReadonlyArray<Writer.WrittenFrame>): Uint8Array =>
  concat(
    Writer.sectionHeader(),
    Writer.interfaceBlock("tap"),
    Writer.interfaceBlock("guest1"),
    ...some.map(Writer.packetBlock)
  )

describe("a capture that is written", () => {
  it.prop("is read again as it was", [fc.array(written, { maxLength: 8 })], ([some]) => {
    const { fault, frames: read, names } = readAll(fileOf(some))
    assert.isUndefined(fault)
    assert.deepStrictEqual(names, ["tap", "guest1"])
    assert.deepStrictEqual(
      read.map(({ interfaceIndex, ...rest }) => ({ ...rest, interfaceNumber: interfaceIndex })),
      some.map((frame) => ({ ...frame }))
    )
  }, runs(1000))
})

describe("reading is total: any octets give frames and at most one fault, and are held in bounds", () => {
  const whole = concat(
    pcapng(true).section(),
    pcapng(true).interface(1, 0, pcapng(true).option(9, Uint8Array.of(9))),
    pcapng(true).enhanced(0, 77n, world.packet({}), pcapng(true).option(1, Uint8Array.of(65)))
  )
  const classic = pcap([{ time: [1, 2], octets: world.packet({}) }, { time: [1, 3], octets: world.arpFrame({}) }])
  const change = fc.tuple(fc.nat(300), fc.oneof(fc.nat(255), fc.constantFrom(0, 255, 127, 6)))
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.constantFrom(whole, classic), fc.array(change, { maxLength: 6 }), fc.nat(300))
      .map(([file, changes, cut]) => {
        const copy = file.slice(0, file.length - cut % file.length)
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value
        return copy
      }),
    fc.uint8Array({ maxLength: 100 }).map((rest) => concat(whole, rest)),
    fc.uint8Array({ maxLength: 100 }).map((rest) => concat(pcapng(false).section(), rest))
  )

  it.prop("of any kind", [octets], ([some]) => {
    const source = sourceOf(some)
    const { fault, frames: read } = readAll(some, source)
    assert.isAtMost(source.most(), Bounds.captureSnapBytesMax + 65_536)
    assert.isAtMost(read.reduce((sum, frame) => sum + frame.octets.length, 0), some.length)
    if (fault !== undefined) assert.match(fault.fault, /^[^\n]{1,120}$/)
  }, runs(10_000))

  it("cut at every octet", () => {
    for (const file of [whole, classic]) {
      for (let size = 0; size < file.length; size++) readAll(file.slice(0, size))
      assert.isUndefined(readAll(file).fault)
    }
  })
})
