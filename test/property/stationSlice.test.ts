import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as State from "../../src/domain/AdmissionState.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Owners from "../../src/domain/OwnerTable.ts"
import * as Slices from "../../src/domain/StationSlice.ts"
import * as Stations from "../../src/domain/Stations.ts"
import { PORTS, settingsWith } from "./admissionWorld.ts"

const { STATION_FIELDS, StationField } = Slices

const T0 = 1_000_000

const makeBridge = () => {
  const open = { uid: new Uint32Array(PORTS), trunk: new Uint8Array(PORTS) }
  const settings = { ...settingsWith({ stationsPerGuest: Bounds.stationsPerGuestMax }), secure: false, trunkPorts: 0 }
  return State.make(settings, open)
}

/** What is told, slice by slice; `meanwhile` is done after each. */
const tell = (state: State.AdmissionState, nowSeconds: number, meanwhile: () => void = () => {}) => {
  const slices: Array<Int32Array> = []
  for (let from = 0; from >= 0;) {
    const { next, rows } = Slices.take(state, from, nowSeconds)
    assert.isAtMost(rows.length, Bounds.stationsPerSlice * STATION_FIELDS)
    assert.isTrue(next === -1 || next === from + Bounds.stationsPerSlice)
    slices.push(rows)
    from = next
    meanwhile()
  }
  return slices
}

/** [address, port, seconds, pinned] of each. */
const rowsOf = (pieces: ReadonlyArray<Int32Array>) =>
  pieces.flatMap((rows) =>
    Array.from({ length: rows.length / STATION_FIELDS }, (_, i) => {
      const [, lo, port, ageSeconds, pinned] = rows.subarray(i * STATION_FIELDS, (i + 1) * STATION_FIELDS)
      return [lo!, port!, ageSeconds!, pinned!] as const
    })
  )

const step = fc.oneof(
  fc.record({ kind: fc.constant("learn" as const), station: fc.nat({ max: 4000 }), port: fc.nat({ max: PORTS - 1 }) }),
  fc.record({ kind: fc.constant("many" as const), from: fc.nat({ max: 2000 }), port: fc.nat({ max: PORTS - 1 }) }),
  fc.record({ kind: fc.constant("release" as const), port: fc.nat({ max: PORTS - 1 }) }),
  fc.record({ kind: fc.constant("pin" as const), port: fc.nat({ max: PORTS - 1 }) }),
  fc.record({ kind: fc.constant("pass" as const), seconds: fc.nat({ max: 400 }) })
)

describe("the stations in slices", () => {
  it.prop("are all that may be reached, each once, and by port in pieces of whole ports", [
    fc.array(step, { maxLength: 12 })
  ], ([steps]) => {
    const state = makeBridge()
    state.nowSeconds = T0
    for (const step of steps) {
      if (step.kind === "learn") Stations.learn(state, 0x5254, step.station, step.port)
      else if (step.kind === "release") Stations.forget(state, step.port)
      else if (step.kind === "pin") Stations.pinPort(state, step.port, true)
      else if (step.kind === "pass") state.nowSeconds += step.seconds
      else for (let n = 0; n < 1500; n++) Stations.learn(state, 0x5254, step.from + n, step.port)
    }
    const expected: Array<string> = []
    Owners.forEach(state.stations, (station) => {
      const at = (field: number) => Owners.get(state.stations, station, field)
      const ageSeconds = state.nowSeconds - at(Owners.Field.seen)
      const pinned = at(Owners.Field.pinned)
      if (ageSeconds > state.ageSeconds && pinned === 0) return
      expected.push(String([at(1), at(Owners.Field.port), ageSeconds, pinned]))
    })
    const slices = tell(state, state.nowSeconds)
    assert.deepStrictEqual(rowsOf(slices).map(String).sort(), expected.sort())

    const pieces = Slices.byPort(slices)
    assert.deepStrictEqual(rowsOf(pieces).map(String).sort(), expected)
    const ports = pieces.map((rows) => rowsOf([rows]).map(([, port]) => port))
    assert.deepStrictEqual(ports.flat(), ports.flat().sort((a, b) => a - b))
    for (const [i, piece] of ports.entries()) {
      if (i > 0) assert.isBelow(ports[i - 1]!.at(-1)!, piece[0]!)
      if (i < ports.length - 1) assert.isAtLeast(piece.length, Bounds.stationsPerSlice)
      // Without its last port it would not have been enough.
      assert.isBelow(piece.indexOf(piece.at(-1)!), Bounds.stationsPerSlice)
    }
  }, { fastCheck: { numRuns: 50 } })

  it("tell a station that moves meanwhile once", () => {
    const state = makeBridge()
    state.nowSeconds = T0
    for (let n = 0; n < 4000; n++) Stations.learn(state, 0x5254, n, 1)
    let port = 1
    const told = rowsOf(tell(state, T0, () => {
      port = 3 - port
      for (let n = 0; n < 4000; n++) Stations.learn(state, 0x5254, n, port)
    }))
    assert.strictEqual(told.length, 4000)
    assert.strictEqual(new Set(told.map(([lo]) => lo)).size, 4000)
    assert.strictEqual(new Set(told.map(([, port]) => port)).size, 2)
  })

  it("are an empty one where there are none", () => {
    const state = makeBridge()
    assert.deepStrictEqual(Slices.take(state, 0, T0), { rows: new Int32Array(), next: -1 })
    assert.deepStrictEqual(Slices.byPort([new Int32Array()]), [])
    assert.strictEqual(StationField.pinned, STATION_FIELDS - 1)
  })
})
