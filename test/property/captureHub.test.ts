import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { setImmediate } from "node:timers/promises"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import { parseFilter } from "../../src/domain/capture/Filter.ts"
import { PcapngTally } from "../../src/domain/capture/PcapngTally.ts"
import { CaptureHub } from "../../src/services/CaptureHub.ts"
import type { CaptureSubscriber, CaptureRequest } from "../../src/services/CaptureSubscriber.ts"
import * as Directory from "../../src/services/PortDirectory.ts"
import * as Labels from "../../src/services/PortLabels.ts"
import { readAll } from "./captureFiles.ts"
import { concat } from "./frames.ts"
import * as policy from "./policyWorld.ts"
import * as world from "./switchWorld.ts"

const whole: CaptureRequest = {
  port: undefined,
  denied: false,
  filter: undefined,
  framesMax: Number.POSITIVE_INFINITY,
  snapBytes: 262_144,
  uid: undefined
}

const dateMs = () => 1_700_000_000_000

/** A switch on the simulated kernel with captures of it. */
const open = (options: world.WorldOptions = {}) => {
  const target = world.make(options)
  const directory = Directory.make()
  if (options.tap !== false) Directory.noteTap(directory, "tap0", 0)
  const labels = Labels.make(directory, { find: () => undefined, command: () => undefined, userName: () => undefined })
  const hub = new CaptureHub({ ring: target.captured, labels, application: "vknetd test", dateMs })
  const heard = () => {
    for (const notice of target.notices.splice(0)) Directory.note(directory, notice, 0, () => undefined)
  }
  const guest = (uid?: number) => {
    const made = target.guest(uid)
    heard()
    return made
  }
  return { ...target, guest, heard, hub }
}

const begin = (hub: CaptureHub, request: Partial<CaptureRequest> = {}): CaptureSubscriber => {
  const subscriber = hub.open({ ...whole, ...request })
  if (subscriber === undefined) throw new Error("refused")
  return subscriber
}

/** Reads a capture until it ends. */
const read = (hub: CaptureHub, subscriber: CaptureSubscriber) =>
  Effect.runPromise(Stream.runCollect(hub.stream(subscriber)))

/** Ends a capture and gives all of it. @param reading if it was read all the time. */
const taken = async (hub: CaptureHub, subscriber: CaptureSubscriber, reading?: ReturnType<typeof read>) => {
  if (!subscriber.isEnded) assert.isTrue(hub.end(subscriber.id, undefined))
  const pieces = await (reading ?? read(hub, subscriber))
  hub.close(subscriber)
  const octets = concat(...pieces)
  const { fault, frames, names } = readAll(octets)
  assert.isUndefined(fault)
  const tally = new PcapngTally()
  assert.deepStrictEqual(tally.take(octets), octets)
  return { frames, names, missed: tally.missed }
}

const verdicts = ({ frames, names }: Awaited<ReturnType<typeof taken>>) =>
  frames.map(({ comment, direction, interfaceIndex, octets }) =>
    `${names[interfaceIndex]} ${direction} ${world.markOf(octets)} ${comment}`)

describe("a capture", () => {
  it("sees every frame of every port, once, with what became of it", async () => {
    const { guest, hub, send } = open()
    const [one, two] = [guest(), guest()]
    const subscriber = begin(hub)
    send(one, world.frame(255, 1, 1))
    send(two, world.frame(1, 2, 2))
    send(one, world.frame(2, 1, 3))
    const grouped = world.frame(2, 1, 4)
    grouped[6]! |= 1
    send(one, grouped)
    assert.deepStrictEqual(verdicts(await taken(hub, subscriber)), [
      "port1 inbound 1 flooded",
      "port2 inbound 2 forwarded to port1",
      "port1 inbound 3 forwarded to port2",
      "port1 inbound 4 denied: SRC_MAC_GROUP (taking what is sent to a group or to all, L1)"
    ])
  })

  it("names the ports that are open when it begins, and those that open later with their first frame", async () => {
    const { guest, hub, send } = open()
    guest()
    const subscriber = begin(hub)
    const late = guest()
    guest()
    send(late, world.frame(255, 2))
    const { names } = await taken(hub, subscriber)
    assert.deepStrictEqual(names, ["tap0", "port1", "port2"])
  })

  it("says so when a port has got another holder", async () => {
    const { guest, heard, hub, send, settle } = open()
    const first = guest(1000)
    const subscriber = begin(hub, { port: 1 })
    send(first, world.frame(255, 1, 1))
    hub.drain()
    first.close()
    settle()
    heard()
    send(guest(1001), world.frame(255, 1, 2))
    const { frames, names } = await taken(hub, subscriber)
    assert.deepStrictEqual(names, ["port1", "port1"])
    assert.deepStrictEqual(frames.map(({ interfaceIndex }) => interfaceIndex), [0, 1])
  })

  it("of one port shows what is sent to it, too; of others nothing", async () => {
    const { guest, hub, send } = open()
    const [one, two, three] = [guest(), guest(), guest()]
    const subscriber = begin(hub, { port: 2 })
    send(one, world.frame(255, 1, 1))
    send(two, world.frame(1, 2, 2))
    send(three, world.frame(1, 3, 3))
    send(one, world.frame(2, 1, 4))
    assert.deepStrictEqual(verdicts(await taken(hub, subscriber)), [
      "port2 outbound 1 from port1",
      "port2 inbound 2 forwarded to port1",
      "port2 outbound 4 from port1"
    ])
  })

  it("shows as sent to a port exactly what its guest gets, however slowly that reads", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(12)), { maxLength: 40 }), async (moves) => {
        // All that a port may hold comes at once when it drains.
        const { guest, hub, pass, send } = open({ tap: false, ringBytes: 1 << 22 })
        const guests = [guest(), guest(), guest()]
        const [one, two, three] = guests as [typeof guests[0], typeof guests[0], typeof guests[0]]
        guests.forEach((each, i) => send(each, world.frame(255, i + 1)))
        two.received()
        const subscriber = begin(hub, { port: 2 })
        const reading = read(hub, subscriber)
        const got: Array<number> = []
        let mark = 0
        const receive = () => void got.push(...two.received().map(world.markOf))
        for (const [isSending, much] of moves) {
          for (let i = 0; isSending && i < much * 100; i++) {
            const from = 1 + 2 * (mark & 1)
            send(from === 1 ? one : three, world.frame(2, from, ++mark, 1500))
            hub.drain()
          }
          if (!isSending) receive()
          pass(1 + much)
          hub.drain()
          await setImmediate()
        }
        for (let i = 0; i < 40; i++) {
          receive()
          pass(20)
          hub.drain()
          await setImmediate()
        }
        const { frames, missed } = await taken(hub, subscriber, reading)
        assert.deepStrictEqual(frames.map(({ octets }) => world.markOf(octets)), got)
        assert.strictEqual(missed, 0)
      }),
      { numRuns: 8 }
    ))

  it("of what is denied shows that, what is kept from the host, and the attack it is", async () => {
    const { guest, hub, send } = open({ secure: true })
    const attacker = guest()
    const subscriber = begin(hub, { denied: true })
    send(attacker, policy.arpFrame({ senderMac: policy.guestMac, sender: policy.host, op: 2 }))
    send(attacker, policy.arpFrame({}))
    send(attacker, policy.packet({ to: policy.otherMac, protocol: 47 }))
    const { frames } = await taken(hub, subscriber)
    assert.deepStrictEqual(frames.map(({ comment }) => comment), [
      "denied: ARP_SPA_HOST (posing as the gateway, A6)",
      "flooded, not to the host: IP4_PROTO_DENIED (parts of the host that nobody watches, E2)"
    ])
  })

  it("shows what its filter lets through, as much of it as was asked for, and ends when it has enough", async () => {
    const { guest, hub, send } = open({ tap: false })
    const [one, two] = [guest(), guest()]
    const filter = parseFilter("ether src 02:00:00:00:00:02", 1024)
    const subscriber = begin(hub, { filter, snapBytes: 20, framesMax: 3 })
    for (let i = 0; i < 5; i++) {
      send(one, world.frame(255, 1, i))
      send(two, world.frame(255, 2, i, 1000))
    }
    hub.drain()
    assert.isTrue(subscriber.isEnded)
    assert.strictEqual(Ring.mode(open().captured), Ring.Mode.OFF)
    const { frames } = await taken(hub, subscriber)
    assert.deepStrictEqual(frames.map(({ octets, originalBytes }) => [octets.length, originalBytes]), [
      [20, 1000], [20, 1000], [20, 1000]
    ])
  })

  it("of a member of the group shows nothing of another's, even when the port changes hands", async () => {
    const { guest, heard, hub, send, settle } = open({ tap: false })
    const mine = guest(1000)
    const subscriber = begin(hub, { port: 1, uid: 1000 })
    send(mine, world.frame(255, 1, 1))
    mine.close()
    settle()
    heard()
    send(guest(1001), world.frame(255, 1, 2))
    assert.deepStrictEqual(verdicts(await taken(hub, subscriber)), ["port1 inbound 1 flooded"])
  })
})

describe("captures", () => {
  it("that are not read cost no other anything, and are told exactly how much they missed", async () => {
    const { guest, hub, send, settle } = open({ tap: false })
    const [one] = [guest(), guest()]
    const slow = begin(hub)
    const quick = begin(hub)
    const seen: Array<Uint8Array> = []
    const frames = 4000
    const look = async () => {
      hub.drain()
      const piece = Effect.runPromise(Effect.option(quick.take))
      const next = await piece
      if (next._tag === "Some") seen.push(next.value)
    }
    for (let i = 0; i < frames; i++) {
      send(one, world.frame(255, 1, i, 1500))
      if (i % 20 === 19) await look()
    }
    settle()
    hub.drain()
    assert.isTrue(slow.isFull)
    assert.isFalse(quick.isFull)
    const late = await taken(hub, slow)
    assert.isAbove(late.missed, 0)
    assert.strictEqual(late.frames.length + late.missed, frames)
    assert.deepStrictEqual(
      late.frames.map(({ octets }) => world.markOf(octets)),
      late.frames.map((_, i) => i)
    )
    assert.strictEqual(hub.end(quick.id, undefined), true)
    seen.push(...await Effect.runPromise(Stream.runCollect(hub.stream(quick))))
    assert.strictEqual(readAll(concat(...seen)).frames.length, frames)
  })

  it("miss only what they want, whatever else does not fit the ring", async () => {
    const { guest, hub, send } = open({ secure: true, tap: false, ringBytes: 4096 })
    const [one] = [guest(), guest()]
    const wants = [{}, { denied: true }, { port: 1 }, { port: 2 }, { port: 2, denied: true }]
    const subscribers = wants.map((request) => begin(hub, request))
    const sent = (times: number) => {
      for (let i = 0; i < times; i++) {
        send(one, policy.arpFrame({}))
        if (i % 3 === 0) send(one, policy.arpFrame({ senderMac: policy.guestMac, sender: policy.host, op: 2 }))
      }
    }
    sent(60)
    hub.drain()
    sent(30)
    const all = await Promise.all(subscribers.map((subscriber) => taken(hub, subscriber)))
    assert.deepStrictEqual(all.map(({ frames, missed }) => frames.length + missed), [120, 30, 120, 90, 0])
    for (const { frames, missed } of all.slice(0, 4)) assert.isTrue(missed > 0 && frames.length > 0)
    // Both times the ring was full, so the gap is told of, and of what is wanted alone.
    const gaps = all.map(({ frames }) =>
      frames.map(({ comment }) => Number(/^(\d+) missed/.exec(comment ?? "")?.[1] ?? 0)).reduce((a, b) => a + b, 0))
    gaps.forEach((gap, i) => assert.isAtMost(gap, all[i]!.missed))
    assert.isAbove(gaps[0]!, gaps[1]!)
    assert.isAbove(gaps[1]!, 0)
  })

  it("miss only what they want while frames are but counted", async () => {
    const { captured, guest, hub, send } = open({ secure: true, tap: false })
    const [one] = [guest(), guest()]
    const subscribers = [{}, { denied: true }, { port: 1 }, { port: 2 }].map((request) => begin(hub, request))
    Ring.setMode(captured, Ring.Mode.COUNT | Ring.Mode.SENT, 0)
    send(one, policy.arpFrame({ senderMac: policy.guestMac, sender: policy.host, op: 2 }))
    for (let i = 0; i < 4; i++) send(one, policy.arpFrame({}))
    const all = await Promise.all(subscribers.map((subscriber) => taken(hub, subscriber)))
    assert.deepStrictEqual(all.map(({ frames, missed }) => [frames.length, missed]), [[0, 5], [0, 1], [0, 5], [0, 4]])
  })

  it("that are all full are not even copied for, and the next frame says how many were missed", async () => {
    const { captured, guest, hub, send } = open({ tap: false })
    const one = guest()
    const subscriber = begin(hub)
    let sent = 0
    const more = (count: number) => {
      for (let i = 0; i < count; i++) {
        send(one, world.frame(255, 1, sent++, 1500))
        if (i % 20 === 0) hub.drain()
      }
      hub.drain()
    }
    more(3000)
    assert.strictEqual(Ring.mode(captured), Ring.Mode.COUNT)
    const before = captured.head
    more(500)
    assert.strictEqual(captured.head, before)
    const pieces: Array<Uint8Array> = []
    // As `hub.stream` does: each piece that is taken may be the one that makes room.
    await Effect.runPromise(
      hub.stream(subscriber).pipe(
        Stream.takeUntil((piece) => {
          pieces.push(piece)
          return !subscriber.isFull
        }),
        Stream.runDrain
      )
    )
    assert.strictEqual(Ring.mode(captured), Ring.Mode.COPY)
    more(1)
    const { frames } = await (async () => {
      hub.end(subscriber.id, undefined)
      pieces.push(...await Effect.runPromise(Stream.runCollect(hub.stream(subscriber))))
      return readAll(concat(...pieces))
    })()
    const last = frames.at(-1)!
    assert.strictEqual(world.markOf(last.octets), sent - 1)
    assert.strictEqual(last.comment, `${sent - frames.length} missed before this one`)
  })

  it("are bounded in number, and members of the group leave room for the switch's own", () => {
    const { captured, hub } = open()
    const members: Array<CaptureSubscriber | undefined> = []
    for (let i = 0; i < Bounds.captures; i++) members.push(hub.open({ ...whole, port: 1, uid: 1000 + (i >> 2) }))
    const let1000 = members.slice(0, 4).filter((subscriber) => subscriber !== undefined).length
    assert.strictEqual(let1000, Bounds.capturesPerUid)
    for (let uid = 2000; uid < 2010; uid++) hub.open({ ...whole, port: 1, uid })
    const owners: Array<CaptureSubscriber> = []
    for (let next = hub.open(whole); next !== undefined; next = hub.open(whole)) owners.push(next)
    assert.strictEqual(owners.length, Bounds.capturesPerUid)
    hub.close(owners[0]!)
    assert.isDefined(hub.open(whole))
    assert.notStrictEqual(Ring.mode(captured), Ring.Mode.OFF)
  })

  it("of as many ports as a switch may have, each with another holder, can be read back", async () => {
    const open = Array.from({ length: Bounds.guestPortsMax + 1 }, (_, port) => port)
    const ring = Ring.make(open.length, 1 << 16)
    const labels = { open: () => open.slice(0, 5000), name: String, describe: () => undefined, holder: () => ({}) }
    const hub = new CaptureHub({ ring, labels, application: "vknetd test", dateMs })
    const subscriber = begin(hub)
    const reading = read(hub, subscriber)
    for (const [i, port] of [...open, ...open].entries()) {
      ring.entry.port = port
      assert.isTrue(Ring.write(ring, new Uint32Array(4), 0, 14))
      Ring.publish(ring)
      hub.drain()
      if (i % 256 === 0) await setImmediate()
    }
    const { frames, names } = await taken(hub, subscriber, reading)
    assert.deepStrictEqual(frames.map(({ interfaceIndex }) => names[interfaceIndex]), [...open, ...open].map(String))
    assert.isAbove(names.length, open.length)
  })

  it("end for the forwarding thread with the last of them", () => {
    const { captured, guest, hub, send } = open()
    const one = guest()
    const subscribers = [begin(hub), begin(hub, { port: 1 })]
    assert.strictEqual(Ring.mode(captured), Ring.Mode.COPY | Ring.Mode.SENT)
    for (const subscriber of subscribers) hub.close(subscriber)
    assert.strictEqual(Ring.mode(captured), Ring.Mode.OFF)
    send(one, world.frame(255, 1))
    assert.strictEqual(captured.head, 0)
  })
})
