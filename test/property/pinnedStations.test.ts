import { assert, describe, it } from "@effect/vitest"
import * as AdmissionSnapshots from "../../src/domain/AdmissionSnapshot.ts"
import * as State from "../../src/domain/AdmissionState.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import { Reason } from "../../src/domain/Reason.ts"
import * as Stations from "../../src/domain/Stations.ts"
import { macOf, makeFast, PORTS, request, settingsWith } from "./admissionWorld.ts"

const T0 = 1_000_000

/** A plain bridge of three guests; a station is a number. */
const bridge = (stationsPerGuest: number) => {
  const open = { uid: new Uint32Array(PORTS), trunk: new Uint8Array(PORTS) }
  const settings = { ...settingsWith({ stationsPerGuest }), secure: false, trunkPorts: 0 }
  const state = State.make(settings, open)
  const learn = (station: number, port: number) => Stations.learn(state, 0x5254, station, port)
  const fill = (port: number, from: number, count: number) => {
    for (let n = 0; n < count; n++) assert.strictEqual(learn(from + n, port), Reason.PASS)
  }
  const portOf = (station: number) => Stations.lookup(state, 0x5254, station)
  return { state, learn, fill, portOf }
}

describe("a full table of stations", () => {
  const most = Bounds.stationsPerGuestMax

  it("forgets one of the port that has most of those that are not pinned", () => {
    const { fill, learn, portOf, state } = bridge(most)
    const ofFirst = state.stations.capacity - 1000
    fill(1, 0, ofFirst)
    Stations.pinPort(state, 1, true)
    fill(2, 10_000, 1000)
    assert.strictEqual(state.stations.count, state.stations.capacity)
    assert.strictEqual(learn(20_000, 3), Reason.PASS)
    assert.strictEqual(portOf(10_000), -1)
    assert.strictEqual(state.stations.portCount[1], ofFirst)
  })

  it("learns no more when all of them are pinned, and goes on with what it knows", () => {
    const { fill, learn, portOf, state } = bridge(most)
    fill(1, 0, state.stations.capacity - 1000)
    fill(2, 10_000, 1000)
    for (const port of [1, 2]) Stations.pinPort(state, port, true)
    assert.strictEqual(learn(20_000, 3), Reason.MAC_LIMIT)
    assert.strictEqual(portOf(20_000), -1)
    assert.strictEqual(learn(0, 3), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(learn(0, 1), Reason.PASS)
    Stations.forget(state, 2)
    assert.strictEqual(learn(20_000, 3), Reason.PASS)
  })
})

describe("stations that were pinned", () => {
  it("are forgotten again by the length of their silence, among those that came later", () => {
    const { fill, learn, portOf, state } = bridge(4)
    fill(1, 0, 2)
    Stations.pinPort(state, 1, true)
    state.nowSeconds++
    fill(1, 2, 2)
    state.nowSeconds++
    learn(0, 1)
    Stations.pinPort(state, 1, false)
    for (const gone of [1, 2, 3]) {
      state.nowSeconds++
      learn(10 + gone, 1)
      assert.strictEqual(portOf(gone), -1)
    }
    assert.strictEqual(portOf(0), 1)
  })

  it("stay so in the process that goes on", () => {
    const one = bridge(2)
    one.fill(1, 0, 1)
    Stations.pinPort(one.state, 1, true)
    one.fill(1, 1, 1)
    const two = bridge(2)
    AdmissionSnapshots.restore(two.state, structuredClone(AdmissionSnapshots.snapshot(one.state, Uint16Array.of(1))))
    two.fill(1, 2, 3)
    assert.strictEqual(two.portOf(0), 1)
    assert.strictEqual(two.learn(0, 2), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(two.learn(4, 2), Reason.PASS)
  })

  it("do not keep a port in secure mode from giving up one that is silent", () => {
    const { receive, state } = makeFast({ stationsPerGuest: 2 })
    const use = (n: number, nowMs: number) => receive(request(macOf(n), "0.0.0.0"), 1, nowMs)
    assert.strictEqual(use(1, T0), Reason.PASS)
    Stations.pinPort(state, 1, true)
    assert.strictEqual(use(2, T0), Reason.PASS)
    assert.strictEqual(use(3, T0 + 300_000), Reason.MAC_LIMIT)
    assert.strictEqual(use(3, T0 + 301_000), Reason.PASS)
    assert.strictEqual(use(1, T0 + 301_000), Reason.PASS)
    assert.strictEqual(use(2, T0 + 301_000), Reason.MAC_LIMIT)
  })
})
