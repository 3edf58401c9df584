import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { SimExchange } from "../../src/adapters/sim/SimExchange.ts"
import * as Admission from "../../src/domain/Admission.ts"
import * as State from "../../src/domain/AdmissionState.ts"
import * as AdmissionSnapshots from "../../src/domain/AdmissionSnapshot.ts"
import { TAP_PORT } from "../../src/domain/Bounds.ts"
import * as CounterSnapshots from "../../src/domain/CounterSnapshot.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Owners from "../../src/domain/OwnerTable.ts"
import * as Stations from "../../src/domain/Stations.ts"
import { rest } from "../../src/adapters/sim/SimDriver.ts"
import * as Forwarder from "../../src/services/Forwarder.ts"
import * as PlaneState from "../../src/services/PlaneState.ts"
import {
  addressOf, datagram, dhcpFrame, dump, HOST, macOf, makeFast, PORTS, request, tapMac
} from "./admissionWorld.ts"
import { frame as numbered, make, markOf } from "./switchWorld.ts"

const T0 = 1_000_000

const frame = fc.oneof(
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([m, a]) => datagram(m, addressOf(a))),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([m, a]) => request(macOf(m), addressOf(a))),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 })).map(([m, xid]) =>
    dhcpFrame({ from: macOf(m), hardware: macOf(m), xid, kind: 1 })
  ),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 }), fc.nat({ max: 5 })).map(([m, xid, a]) =>
    dhcpFrame({ from: tapMac, hardware: macOf(m), xid, kind: 5, yours: addressOf(a), seconds: 60 })
  ),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([m, a]) => request(macOf(m), "0.0.0.0", addressOf(a))),
  fc.constantFrom(datagram(1, HOST), request(macOf(1), HOST), request(tapMac, addressOf(1)))
)
const pause = fc.oneof(fc.nat({ max: 50 }), fc.constantFrom(999, 1000, 8000, 10_000, 60_000, 300_000, 301_000))
const closes = fc.nat({ max: 14 }).map((n) => n === 0)
const step = fc.record({ frame, port: fc.nat({ max: PORTS - 1 }), pause, closes })
const traffic = fc.array(step, { maxLength: 30 })

type Step = { readonly frame: Uint8Array; readonly port: number; readonly pause: number; readonly closes: boolean }

/** What a guest, or whoever asks, can tell of a step. */
const take = (fast: ReturnType<typeof makeFast>, { closes, frame, port }: Step, nowMs: number) => {
  if (closes && port !== TAP_PORT) Admission.forget(fast.state, port, nowMs)
  const reason = fast.receive(frame, port, nowMs)
  return { reason, destination: reason === 0 ? fast.destination[0] : undefined, ...dump(fast.state) }
}

const policies = fc.constantFrom({}, { stationsPerGuest: 2, addressesPerGuest: 2 }, { holdSeconds: 0 }, { lock: true })

describe("what is remembered, taken down and gone on with", () => {
  it.prop(
    "judges whatever follows as if nothing had been",
    [traffic, traffic, policies],
    ([before, after, policy]) => {
      const one = makeFast(policy)
      one.uid.set([0, 1001, 1002, 1003])
      one.state.trunk[3] = 1
      let nowMs = T0
      for (const step of before) take(one, step, nowMs += step.pause)
      const two = makeFast(policy)
      two.uid.set(one.uid)
      two.state.trunk.set(one.state.trunk)
      const open = Uint16Array.from({ length: PORTS }, (_, port) => port)
      AdmissionSnapshots.restore(two.state, structuredClone(AdmissionSnapshots.snapshot(one.state, open)))
      for (const step of after) {
        nowMs += step.pause
        assert.deepStrictEqual(take(two, step, nowMs), take(one, step, nowMs))
      }
    },
    { fastCheck: { numRuns: 300 } }
  )

  it("keeps its latest facts where there is less room, and none of a port that there is not", () => {
    const one = makeFast({})
    for (let port = 1; port < PORTS; port++) one.receive(datagram(port, addressOf(port)), port, T0)
    const state = State.make({
      secure: true,
      prefix: undefined,
      tapMac: undefined,
      tapMtuBytes: 1500,
      frameBytesMax: 1518,
      guestPorts: PORTS - 2,
      guestPortsPerUid: PORTS,
      stationAgeSeconds: 300,
      hashSeed: [9, 9]
    }, { uid: new Uint32Array(PORTS), trunk: new Uint8Array(PORTS) })
    AdmissionSnapshots.restore(state, AdmissionSnapshots.snapshot(one.state, Uint16Array.of(0, 1, 2, 3)))
    assert.strictEqual(state.stations.count, PORTS - 2)
    assert.strictEqual(state.stations.portCount.length, PORTS - 1)
  })
})

describe("counters, taken down and gone on with", () => {
  it.prop(
    "are the same, and mean the same where columns lie elsewhere",
    [fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: Counters.ROW - 1 }), fc.nat()), { maxLength: 40 }), fc.nat()],
    ([counts, refused]) => {
      const one = Counters.make(4)
      const named = new Set(CounterSnapshots.places)
      for (const [row, column, count] of counts) {
        if (named.has(column)) one.values[(row === 3 ? one.rows - 1 : row) * Counters.ROW + column]! += count
      }
      one.refused[1] = refused
      const taken = structuredClone(CounterSnapshots.snapshot(one, Uint16Array.of(0, 1, 2)))
      const two = Counters.make(4)
      CounterSnapshots.restore(two, taken)
      assert.deepStrictEqual(two, one)

      // As another version writes them: backwards, and with one that is not known here.
      const width = taken.columns.length
      const columns = ["denied UNHEARD_OF", ...[...taken.columns].reverse()]
      const values = Float64Array.from({ length: taken.ports.length * columns.length }, (_, i) => {
        const k = i % columns.length
        return k === 0 ? 5 : taken.values[Math.floor(i / columns.length) * width + width - k]!
      })
      const three = Counters.make(4)
      CounterSnapshots.restore(three, { ...taken, columns, values })
      assert.deepStrictEqual(three, one)
    }
  )
})

/** Another loop on the same kernel goes on with the connections. */
const succeed = (world: ReturnType<typeof make>): Forwarder.Forwarder => {
  const { settings } = world.forwarder
  const { handles, state } = structuredClone(PlaneState.leave(world.forwarder, world.exchange))
  const exchange = new SimExchange(world.kernel, {
    portCount: settings.guestPorts + 1,
    frameBytesMax: settings.frameBytesMax,
    listener: -1
  })
  const heir = Forwarder.make({
    exchange,
    settings: { ...settings, hashSeed: [7, 8] },
    counters: Counters.make(settings.guestPorts + 1),
    notify: () => {}
  })
  assert.strictEqual(PlaneState.give(heir, state, handles), 0)
  const loop = { exchange, forwarder: heir }
  rest(loop)
  return heir
}

describe("a loop that goes on for another", () => {
  const sends = fc.array(
    fc.record({ from: fc.nat({ max: 2 }), to: fc.constantFrom(0, 1, 2, 255), reads: fc.boolean() }),
    { maxLength: 60 }
  )

  it.prop(
    "delivers what was received, kept or still waits: once, in order, or counted as dropped",
    [sends, fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 400, max: 1200 }))],
    ([steps, burst]) => {
      const world = make({ tap: false })
      const guests = [world.guest(1), world.guest(2), world.guest(3)]
      guests.forEach((guest, i) => world.send(guest, numbered(255, i)))
      for (const guest of guests) guest.received()
      // Marks by receiver and sender: only frames of one sender have an order.
      const got = new Map<string, Array<number>>()
      const read = (i: number) => {
        for (const octets of guests[i]!.received()) {
          const flow = `${i} from ${octets[11]!}`
          got.set(flow, [...got.get(flow) ?? [], markOf(octets)])
        }
      }
      let mark = 0
      const sent: Array<number> = []
      const send = (from: number, to: number) => {
        if (guests[from]!.send(numbered(to, from, ++mark, 1400)) !== "sent" || to === 255 || to === from) return
        sent.push(mark)
      }
      // One that does not read fills up: frames are held for it when the loop is succeeded.
      for (let i = 0; i < burst; i++) {
        send(0, 1)
        if (i % 8 === 7) world.settle()
      }
      for (const { from, reads, to } of steps) {
        send(from, to)
        world.settle()
        if (reads) read(from)
      }
      const dropsOf = ({ counters }: Forwarder.Forwarder) => {
        let sum = 0
        for (let row = 0; row < counters.rows; row++) {
          for (let k = Counters.Column.dropped; k < Counters.ROW; k++) sum += counters.values[row * Counters.ROW + k]!
        }
        return sum
      }
      const heir = succeed(world)
      for (let round = 0; round < 60; round++) {
        guests.forEach((_, i) => read(i))
        world.kernel.advance(1)
        rest({ exchange: heir.exchange as SimExchange, forwarder: heir })
      }
      guests.forEach((_, i) => read(i))
      const unicast = [...got.values()].flat().filter((mark) => sent.includes(mark))
      assert.strictEqual(new Set(unicast).size, unicast.length)
      for (const marks of got.values()) {
        const own = marks.filter((mark) => sent.includes(mark))
        assert.deepStrictEqual(own, [...own].sort((a, b) => a - b))
      }
      assert.isAtLeast(unicast.length + dropsOf(heir), sent.length)
    },
    { fastCheck: { numRuns: 60 } }
  )

  it("knows stations, users and marks, and asks no port to learn them again", () => {
    const world = make({ tap: false })
    const guests = [world.guest(1), world.guest(2), world.guest(3)]
    guests.forEach((guest, i) => world.send(guest, numbered(255, i)))
    for (const guest of guests) guest.received()
    Stations.pinPort(world.forwarder.memory, 2, true)
    const heir = succeed(world)
    guests[0]!.send(numbered(1, 0, 9))
    rest({ exchange: heir.exchange as SimExchange, forwarder: heir })
    assert.deepStrictEqual(guests.map((guest) => guest.received().length), [0, 1, 0])
    assert.deepStrictEqual(Array.from(heir.ports.uid.subarray(1, 4)), [1, 2, 3])
    assert.strictEqual(Owners.get(heir.memory.stations, heir.memory.stations.oldest[2]!, Owners.Field.pinned), 1)
    assert.strictEqual(heir.ports.perUid.get(2), 1)
  })
})
