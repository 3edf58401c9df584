import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import { EventKind } from "../../src/services/FrameExchange.ts"
import * as Child from "./native/NativeChild.ts"
import { Flag, frameOf, pseudoSum, type TcpFrame } from "./native/TcpFrames.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"

/*
 * Joining and cutting against the running kernel, which does both itself. In a namespace, three taps are in a
 * bridge: what is sent to the first, which takes large segments, must come out of the second, which takes none and
 * for which the kernel cuts what was joined, and out of the third, which takes them and for which the addon cuts,
 * as it was sent: octet for octet.
 */

interface Lab {
  readonly hubs: ReadonlyArray<Child.ChildExchange>
  readonly fds: ReadonlyArray<number>
}

/** Taps of both kinds in a bridge, each in an exchange of its own; they stay in the child as `lab`. */
const build = ({ binding, exchange, run }: Child.Tools): ReadonlyArray<number> => {
  run("sh", "-c", "for what in all default; do echo 1 > /proc/sys/net/ipv6/conf/$what/disable_ipv6; done")
  // A filter of bridged packets would cut off what follows the end of an IP packet.
  run("sh", "-c", "for what in /proc/sys/net/bridge/bridge-nf-call-ip*; do [ ! -e $what ] || echo 0 > $what; done")
  binding.bridgeCreate("bridge0")
  run("ip", "link", "set", "bridge0", "type", "bridge", "mcast_snooping", "0")
  const fds = [true, false, true].map((offload, i) => {
    const tap = binding.openTap(`tap${i}`, offload)
    if (typeof tap === "number") throw new Error(binding.errnoName(-tap))
    binding.bridgeAdd("bridge0", `tap${i}`)
    binding.bringUp(`tap${i}`)
    return tap.fd
  })
  binding.bringUp("bridge0")
  const hubs = fds.map(() => exchange(-1))
  const attached = fds.map((fd, i) => hubs[i]!.native.attachTap(fd))
  Object.assign(globalThis, { lab: { hubs, fds } })
  return attached
}

/** Sends frames to the first tap in one plan; what came out of the others, and how many reached the bridge. */
const pass = ({ run }: Child.Tools, frames: ReadonlyArray<ReadonlyArray<number>>) => {
  const { hubs } = (globalThis as unknown as { lab: Lab }).lab
  const count = () => {
    const [link] = JSON.parse(run("ip", "-s", "-j", "link", "show", "tap0"))
    return link.stats64.rx.packets as number
  }
  const before = count()
  const outcomes = hubs[0]!.sendMany(frames, 0)
  const heard = hubs.slice(1).map((hub) => {
    const all: Array<ReadonlyArray<number>> = []
    for (let steps = 0; steps < 40 && (all.length < frames.length || steps === 0); steps++) {
      all.push(...hub.step(50).map(({ octets }) => octets))
    }
    return all
  })
  return { outcomes, heard, packets: count() - before }
}

const inLab = (test: (child: Child.NativeChild) => Promise<void>): Promise<void> =>
  Child.within(["unshare", "-n"], async (child) => {
    assert.deepStrictEqual(await child.evaluate(build), [0, 0, 0])
    await test(child)
  })

const payload = (size: number, from: number) => Uint8Array.from({ length: size }, (_, i) => (from + i * 7) >> 2)

/** Segments of one connection that follow each other. */
const follow = (
  of: Pick<TcpFrame, "version" | "connection" | "options">,
  sizes: ReadonlyArray<number>
): ReadonlyArray<TcpFrame> => {
  let sequence = 0xffff_f000
  return sizes.map((size, i) => {
    const frame = {
      ...of,
      id: (0xfff8 + i) & 0xffff,
      sequence,
      acknowledged: 7,
      flags: Flag.ack,
      payload: payload(size, sequence)
    }
    sequence = (sequence + size) >>> 0
    return frame
  })
}

const plain = { version: 4, connection: 1, options: [] } as const
const timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]

const faults = ["flags", "id", "sequence", "acknowledged", "option", "payload octet", "trailer", "tag"] as const

/** One thing that is not as in the segments before and after. */
type Fault = typeof faults[number]

const spoil = (frame: TcpFrame, fault: Fault | undefined): Uint8Array => {
  const right = frameOf(frame)
  switch (fault) {
    case "flags":
      return frameOf({ ...frame, flags: Flag.ack | Flag.push })
    case "id":
      return frameOf({ ...frame, id: (frame.id + 5) & 0xffff })
    case "sequence":
      return frameOf({ ...frame, sequence: (frame.sequence + 1) >>> 0 })
    case "acknowledged":
      return frameOf({ ...frame, acknowledged: frame.acknowledged + 1 })
    case "option":
      return frameOf({ ...frame, options: frame.options.map((octet, i) => i === 7 ? octet + 1 : octet) })
    case "payload octet":
      right[right.length - 1]! ^= 1
      return right
    case "trailer":
      return Uint8Array.of(...right, 0)
    case "tag":
      return Uint8Array.of(...right.subarray(0, 12), 0x81, 0, 0, 5, ...right.subarray(12))
    case undefined:
      return right
  }
}

const run = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  connection: fc.integer({ min: 1, max: 2 }),
  options: fc.constantFrom<ReadonlyArray<number>>([], timestamps),
  part: fc.constantFrom(1400, 536, 100, 1),
  count: fc.integer({ min: 1, max: 40 }),
  last: fc.integer({ min: 1, max: 1400 }),
  faults: fc.array(fc.tuple(fc.nat(39), fc.constantFrom(...faults)), { maxLength: 3 })
}).map(({ count, faults, last, part, ...of }) =>
  follow(of, Array.from({ length: count }, (_, i) => i === count - 1 ? Math.min(last, part) : part)).map((frame, i) =>
    spoil(frame, faults.find(([at]) => at === i)?.[1])
  )
)

describe.runIf(privilegesMissing().length === 0)("large segments between a tap and its switch", () => {
  it("what is sent to a tap comes out of others as it was, whether the kernel cuts it or the addon", () =>
    inLab(async (child) => {
      await fc.assert(
        fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 3 }), async (runs) => {
          const frames = runs.flat().slice(0, 90).map((frame) => Array.from(frame))
          const { heard, outcomes } = await child.evaluate(pass, frames)
          assert.deepStrictEqual(outcomes, frames.map(() => 0))
          assert.deepStrictEqual(heard[0], frames)
          assert.deepStrictEqual(heard[1], frames)
        }),
        { numRuns: 25 }
      )
    }), 120_000)

  it("segments that follow each other go as few, up to 64 KiB each", () =>
    inLab(async (child) => {
      for (const version of [4, 6] as const) {
        const sizes = Array.from({ length: 90 }, () => 1400)
        const frames = follow({ version, connection: 1, options: timestamps }, sizes).map((frame) =>
          Array.from(frameOf(frame))
        )
        const { heard, packets } = await child.evaluate(pass, frames)
        assert.deepStrictEqual(heard, [frames, frames])
        // 64 frames a call: 46 of them, what is left of it, and what is left of all.
        assert.strictEqual(packets, 3)
      }
    }))

  for (const fault of faults) {
    it(`a segment with another ${fault} is not joined to those before`, () =>
      inLab(async (child) => {
        const sizes = Array.from({ length: 5 }, () => 1000)
        const frames = follow({ version: 4, connection: 1, options: timestamps }, sizes).map((frame, i) =>
          Array.from(spoil(frame, i === 2 ? fault : undefined))
        )
        const { heard, packets } = await child.evaluate(pass, frames)
        assert.deepStrictEqual(heard, [frames, frames])
        // PSH may be in the last of several; all else goes alone.
        assert.strictEqual(packets, fault === "flags" ? 2 : 3)
      }))
  }

  for (const version of [4, 6] as const) {
    it(`a large segment of IPv${version} with a tag is cut as the kernel cuts it`, () =>
      inLab(async (child) => {
        const whole = follow({ version, connection: 1, options: timestamps }, [1000, 1000, 1000, 500])
        const expected = whole.map((frame) => Array.from(spoil(frame, "tag")))
        const [l3, l4] = [18, version === 4 ? 38 : 58]
        const length = 32 + 3500
        const header = expected[0]!.slice(0, l4 + 32)
        const large = Uint8Array.of(...header, ...whole.flatMap(({ payload }) => Array.from(payload)))
        const view = new DataView(large.buffer)
        view.setUint16(l3 + (version === 4 ? 2 : 4), length + (version === 4 ? 20 : 0))
        view.setUint16(l4 + 16, pseudoSum(large.subarray(version === 4 ? 30 : 26, l4), length))
        const offload = new Uint8Array(10)
        offload.set([1, version === 4 ? 1 : 4])
        new Uint16Array(offload.buffer, 2).set([l4 + 32, 1000, l4, 16])
        const packet = Array.from(Uint8Array.of(...offload, ...large))
        const heard = await child.evaluate((_, packet) => {
          const { fds, hubs } = (globalThis as unknown as { lab: Lab }).lab
          process.getBuiltinModule("node:fs").writeSync(fds[0]!, Uint8Array.from(packet))
          return hubs.slice(1).map((hub) => [...hub.step(100), ...hub.step(20)].map(({ octets }) => octets))
        }, packet)
        assert.deepStrictEqual(heard, [expected, expected])
      }))
  }

  /** A segment of as many frames as a batch has slots, while a guest sends, too: one does not fit. */
  const whole = follow(plain, Array.from({ length: Bounds.batchFrames }, () => 1000)).map((frame) =>
    Array.from(frameOf(frame))
  )

  it("what does not fit a batch comes in the next, in order, and others have their turn", () =>
    inLab(async (child) => {
      const { counts, heard } = await child.evaluate(({ binding }, frames) => {
        const { hubs } = (globalThis as unknown as { lab: Lab }).lab
        const hub = hubs[2]!
        const pair = binding.socketPair(65_536)
        if (typeof pair === "number") throw new Error("no pair")
        hub.native.admit(pair[0], 1)
        hubs[0]!.sendMany(frames, 0)
        const heard: Array<Child.ChildFrame> = []
        const counts = [0, 1, 2].map(() => {
          binding.sendPacket(pair[1], Uint8Array.of(1, 2, 3))
          const step = hub.step(50)
          heard.push(...step)
          return [step.filter(({ port }) => port === 0).length, step.filter(({ port }) => port === 1).length]
        })
        return { heard: heard.filter(({ port }) => port === 0).map(({ octets }) => octets), counts }
      }, whole)
      assert.deepStrictEqual(counts, [[Bounds.batchFrames - 1, 1], [1, 1], [0, 1]])
      assert.deepStrictEqual(heard, whole)
    }))

  it("a tap that is paused keeps what was read and not yet told, and nobody waits for it", () =>
    inLab(async (child) => {
      const told = await child.evaluate(({ binding }, frames) => {
        const { hubs } = (globalThis as unknown as { lab: Lab }).lab
        const hub = hubs[2]!
        const pair = binding.socketPair(65_536)
        if (typeof pair === "number") throw new Error("no pair")
        hub.native.admit(pair[0], 1)
        hubs[0]!.sendMany(frames, 0)
        binding.sendPacket(pair[1], Uint8Array.of(1, 2, 3))
        const heard = hub.step(100)
        hub.native.pause(0)
        const began = performance.now()
        const paused = hub.step(30).length
        const waitedMs = performance.now() - began
        hub.native.resume(0)
        const resumed = hub.step(1000)
        const all = [...heard, ...resumed].filter(({ port }) => port === 0).map(({ octets }) => octets)
        return { all, paused, waitedMs, resumed: resumed.length }
      }, whole)
      assert.deepInclude(told, { paused: 0, resumed: 1 })
      assert.isAtLeast(told.waitedMs, 25)
      assert.deepStrictEqual(told.all, whole)
    }))

  it("a tap that is lost takes along what was read and not yet told", () =>
    inLab(async (child) => {
      const told = await child.evaluate(({ binding, run }, frames) => {
        const { hubs } = (globalThis as unknown as { lab: Lab }).lab
        const hub = hubs[2]!
        const pair = binding.socketPair(65_536)
        if (typeof pair === "number") throw new Error("no pair")
        hub.native.admit(pair[0], 1)
        hubs[0]!.sendMany(frames, 0)
        binding.sendPacket(pair[1], Uint8Array.of(1, 2, 3))
        const first = hub.step(100).length
        hub.native.detachTap()
        const rest = hub.step(30).length
        const attached = hub.native.attachTap((globalThis as unknown as { lab: Lab }).lab.fds[2]!)
        const again = hub.step(30).length
        run("ip", "link", "del", "tap2")
        hub.step(1000)
        return { first, rest, attached, again, kinds: hub.rows().map(([kind, port]) => [kind, port]) }
      }, whole)
      assert.deepStrictEqual(told, {
        first: Bounds.batchFrames,
        rest: 0,
        attached: 0,
        again: 0,
        kinds: [[EventKind.TapLost, 0]]
      })
    }))
})
