import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Stations from "../../src/domain/StationTable.ts"

/** A slow, obvious table: a list of facts in the order in which they were last confirmed. */
interface Fact {
  readonly address: number
  readonly port: number
  readonly seen: number
}

const AGE = 300
const PORTS = 4

/** What the table promises, written without any cleverness. */
class Model {
  facts: Array<Fact> = []
  readonly capacity: number
  readonly cap: number

  constructor(capacity: number, cap: number) {
    this.capacity = capacity
    this.cap = cap
  }

  behind(port: number): Array<Fact> {
    return this.facts.filter((fact) => fact.port === port)
  }

  learn(address: number, port: number, now: number): void {
    const known = this.facts.find((fact) => fact.address === address)
    if (known !== undefined && known.port === port && known.seen === now) return
    if (known?.port !== port && this.behind(port).length >= this.cap) this.forgetOldest(port)
    else if (known === undefined && this.facts.length >= this.capacity) this.forgetOldest(this.fullest(port))
    this.facts = this.facts.filter((fact) => fact.address !== address)
    this.facts.push({ address, port, seen: now })
  }

  /** The port with most stations; of equals the learning one, else the lowest. */
  fullest(learning: number): number {
    let fullest = learning
    for (let port = 0; port < PORTS; port++) {
      if (this.behind(port).length > this.behind(fullest).length) fullest = port
    }
    return fullest
  }

  forgetOldest(port: number): void {
    const oldest = this.behind(port)[0]
    this.facts = this.facts.filter((fact) => fact !== oldest)
  }

  lookup(address: number, now: number): number {
    const fact = this.facts.find((candidate) => candidate.address === address)
    return fact === undefined || now - fact.seen > AGE ? -1 : fact.port
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("learn" as const),
      address: fc.nat({ max: 11 }),
      port: fc.nat({ max: PORTS - 1 })
    })
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.nat({ max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), port: fc.nat({ max: PORTS - 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sweep" as const) }) }
)

const seed = fc.tuple(fc.integer(), fc.integer())

/** Two integers that differ in both halves, so that either half alone would be found out. */
const hi = (address: number) => Math.imul(address + 1, 0x01020408) | 0
const lo = (address: number) => (address * 257) & 0xffff

describe("the station table", () => {
  it.prop(
    "agrees with a plain list, step by step",
    [fc.array(step, { maxLength: 120 }), seed, fc.integer({ min: 2, max: 6 })],
    ([steps, seed, cap]) => {
      const table = Stations.make({ stations: 8, ports: PORTS, ageSeconds: AGE, seed })
      const model = new Model(8, cap)
      let now = 1000
      for (const s of steps) {
        if (s.kind === "wait") now += s.seconds
        else if (s.kind === "learn") {
          Stations.learn(table, hi(s.address), lo(s.address), s.port, now, cap)
          model.learn(s.address, s.port, now)
        } else if (s.kind === "close") {
          Stations.forgetPort(table, s.port)
          model.facts = model.facts.filter((fact) => fact.port !== s.port)
        } else {
          Stations.sweep(table, now, 8)
          model.facts = model.facts.filter((fact) => now - fact.seen <= AGE)
        }
        for (let address = 0; address < 12; address++) {
          assert.strictEqual(
            Stations.lookup(table, hi(address), lo(address), now),
            model.lookup(address, now),
            `station ${address} after ${JSON.stringify(s)}`
          )
        }
        assert.strictEqual(table.count, model.facts.length)
        for (let port = 0; port < PORTS; port++) {
          assert.strictEqual(table.portCount[port], model.behind(port).length)
        }
      }
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it("keeps a station for its age to the second, and no second longer", () => {
    const table = Stations.make({ stations: 4, ports: 2, ageSeconds: AGE, seed: [1, 2] })
    Stations.learn(table, 7, 7, 1, 100, 4)
    assert.strictEqual(Stations.lookup(table, 7, 7, 100 + AGE), 1)
    assert.strictEqual(Stations.lookup(table, 7, 7, 100 + AGE + 1), -1)
    Stations.sweep(table, 100 + AGE, 4)
    assert.strictEqual(table.count, 1)
    Stations.sweep(table, 100 + AGE + 1, 4)
    assert.strictEqual(table.count, 0)
  })

  it("holds its bound and not one more, whatever the number of ports", () => {
    const table = Stations.makeDefault(65, AGE, [3, 4])
    for (let address = 0; address < Bounds.stations; address++) {
      const learned = Stations.learn(table, address, 1, 1 + (address % 64), 5, Bounds.stations)
      assert.strictEqual(learned, Stations.Learned.Added)
    }
    assert.strictEqual(table.count, Bounds.stations)
    assert.strictEqual(Stations.learn(table, -1, 1, 1, 5, Bounds.stations), Stations.Learned.Evicted)
    assert.strictEqual(table.count, Bounds.stations)
  })

  it("a port at its cap loses its own longest silent station", () => {
    const table = Stations.make({ stations: 8, ports: 3, ageSeconds: AGE, seed: [5, 6] })
    Stations.learn(table, 100, 0, 2, 1, 3)
    for (let address = 0; address < 4; address++) Stations.learn(table, address, 0, 1, 1 + address, 3)
    assert.strictEqual(Stations.lookup(table, 0, 0, 5), -1)
    assert.deepStrictEqual([1, 2, 3].map((address) => Stations.lookup(table, address, 0, 5)), [1, 1, 1])
    assert.strictEqual(Stations.lookup(table, 100, 0, 5), 2)
  })

  it.prop(
    "a guest that invents addresses never pushes out those of a port that holds fewer",
    [fc.array(fc.tuple(fc.integer(), fc.nat({ max: 0xffff })), { minLength: 200, maxLength: 400 }), seed],
    ([invented, seed]) => {
      const table = Stations.make({ stations: 64, ports: 4, ageSeconds: AGE, seed })
      for (let address = 0; address < 8; address++) Stations.learn(table, address, 0xabcd, 2, 1, 64)
      for (const [hi, lo] of invented) {
        if (lo !== 0xabcd) Stations.learn(table, hi, lo, 3, 2, 64)
      }
      for (let address = 0; address < 8; address++) {
        assert.strictEqual(Stations.lookup(table, address, 0xabcd, 2), 2)
      }
    }
  )

  it("addresses chosen for one chain under one seed are spread under another", () => {
    const longest = (seed: readonly [number, number], addresses: ReadonlyArray<number>) => {
      const table = Stations.make({ stations: 1024, ports: 2, ageSeconds: AGE, seed })
      for (const address of addresses) Stations.learn(table, address, 0, 1, 1, 1024)
      let run = 0
      let best = 0
      for (const slot of table.slots) {
        run = slot < 0 ? 0 : run + 1
        best = Math.max(best, run)
      }
      return best
    }
    // An attacker who knew the seed would pick those that begin in the lowest sixteenth of the slots.
    const known: readonly [number, number] = [11, 12]
    const chosen: Array<number> = []
    for (let address = 0; chosen.length < 512; address++) {
      const probe = Stations.make({ stations: 1024, ports: 2, ageSeconds: AGE, seed: known })
      Stations.learn(probe, address, 0, 1, 1, 1024)
      if (probe.slots.findIndex((slot) => slot >= 0) < 256) chosen.push(address)
    }
    assert.isAbove(longest(known, chosen), 200)
    assert.isBelow(longest([0x5eed, 0xf00d], chosen), 40)
  })

  it("lists every station once, with its age", () => {
    const table = Stations.make({ stations: 8, ports: 3, ageSeconds: AGE, seed: [9, 9] })
    Stations.learn(table, 1, 1, 1, 10, 8)
    Stations.learn(table, 2, 2, 2, 12, 8)
    const listed: Array<unknown> = []
    Stations.forEach(table, 15, (station) => listed.push(station))
    assert.deepStrictEqual(listed, [
      { hi: 1, lo: 1, port: 1, ageSeconds: 5, static: false },
      { hi: 2, lo: 2, port: 2, ageSeconds: 3, static: false }
    ])
  })
})
