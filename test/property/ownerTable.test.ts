import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Owners from "../../src/domain/OwnerTable.ts"
import { Field } from "../../src/domain/OwnerTable.ts"

const PORTS = 4
const ADDRESSES = 12

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("use" as const),
      address: fc.nat({ max: ADDRESSES - 1 }),
      port: fc.nat({ max: PORTS - 1 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("remove" as const), address: fc.nat({ max: ADDRESSES - 1 }) })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pin" as const), address: fc.nat({ max: ADDRESSES - 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unpin" as const), port: fc.nat({ max: PORTS - 1 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "tick" as const }) }
)

const seed = fc.tuple(fc.integer(), fc.integer())

/** Four words that differ in all places, or only in the first two as a MAC's do. */
const words = (address: number): [number, number, number, number] =>
  address % 3 === 0
    ? [Math.imul(address + 1, 0x01020408), address * 257, 0, 0]
    : [0, address % 2, 0xffff, Math.imul(address, 0x10001)]

/** A slow, obvious table: facts in the order in which their ports last used them, or in which they were pinned. */
interface Fact {
  readonly address: number
  readonly port: number
  readonly seen: number
  readonly pinned: boolean
}

const listOf = (model: ReadonlyArray<Fact>, port: number) => {
  const own = model.filter((fact) => fact.port === port)
  return [...own.filter((fact) => !fact.pinned), ...own.filter((fact) => fact.pinned)]
}

const wordOf = (fact: Fact | undefined) => fact === undefined ? undefined : words(fact.address)[3] | 0

describe("the table of owners", () => {
  it.prop(
    "agrees with a plain list, step by step",
    [fc.array(step, { maxLength: 120 }), seed],
    ([steps, seed]) => {
      const table = Owners.make({ capacity: 8, ports: PORTS, seed })
      let model: Array<Fact> = []
      let now = 1000
      for (const s of steps) {
        if (s.kind === "tick") now++
        else if (s.kind === "unpin") {
          Owners.unpinAll(table, s.port)
          const own = listOf(model, s.port).map((fact) => ({ ...fact, pinned: false }))
          model = [...model.filter(({ port }) => port !== s.port), ...own.sort((a, b) => a.seen - b.seen)]
        } else {
          const [a, b, c, d] = words(s.address)
          const fact = Owners.find(table, a, b, c, d)
          const known = model.find(({ address }) => address === s.address)
          assert.strictEqual(fact >= 0, known !== undefined)
          if (s.kind === "remove") {
            if (fact >= 0) Owners.remove(table, fact)
            model = model.filter(({ address }) => address !== s.address)
          } else if (s.kind === "pin") {
            if (fact >= 0) Owners.pin(table, fact)
            if (known !== undefined) model = [...model.filter((other) => other !== known), { ...known, pinned: true }]
          } else if (known !== undefined || model.length < 8) {
            if (fact >= 0) Owners.touch(table, fact, s.port, now)
            else Owners.add(table, a, b, c, d, s.port, now)
            // Within a second the order is that of arrival.
            if (known?.port === s.port && known.pinned) {
              model = model.map((other) => other === known ? { ...known, seen: now } : other)
            } else if (known?.port !== s.port || known.seen !== now) {
              model = model.filter(({ address }) => address !== s.address)
              model.push({ address: s.address, port: s.port, seen: now, pinned: false })
            }
          }
        }
        assert.strictEqual(table.count, model.length)
        assert.strictEqual(Owners.hasRoom(table), model.length < 8)
        for (let port = 0; port < PORTS; port++) {
          const order: Array<[number, number]> = []
          for (let fact = table.oldest[port]!; fact >= 0; fact = Owners.next(table, fact)) {
            order.push([Owners.get(table, fact, 3), Owners.get(table, fact, Field.seen)])
          }
          const expected = listOf(model, port)
          const loose = expected.filter((fact) => !fact.pinned)
          const given = Owners.dispensable(table, port)
          assert.strictEqual(given < 0 ? undefined : Owners.get(table, given, 3), wordOf(loose[0]))
          assert.strictEqual(table.pinnedCount[port], expected.length - loose.length)
          assert.deepStrictEqual(order, expected.map((fact) => [wordOf(fact), fact.seen]))
          assert.strictEqual(table.portCount[port], expected.length)
        }
      }
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it("addresses chosen for one chain under one seed are spread under another", () => {
    const longest = (seed: readonly [number, number], addresses: ReadonlyArray<number>) => {
      const table = Owners.make({ capacity: 1024, ports: 2, seed })
      for (const address of addresses) Owners.add(table, address, 0, 0, 0, 1, 1)
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
    const probe = Owners.make({ capacity: 1024, ports: 2, seed: known })
    const chosen: Array<number> = []
    for (let address = 0; chosen.length < 512; address++) {
      if ((Owners.hashOf(probe, address, 0, 0, 0) & (probe.slots.length - 1)) < 256) chosen.push(address)
    }
    assert.isAbove(longest(known, chosen), 200)
    assert.isBelow(longest([0x5eed, 0xf00d], chosen), 40)
  })

  it("names the fullest port, of equals the preferred one", () => {
    const table = Owners.make({ capacity: 8, ports: 3, seed: [1, 1] })
    Owners.add(table, 1, 0, 0, 0, 1, 1)
    Owners.add(table, 2, 0, 0, 0, 2, 1)
    assert.strictEqual(Owners.fullestPort(table, 2), 2)
    Owners.add(table, 3, 0, 0, 0, 1, 1)
    assert.strictEqual(Owners.fullestPort(table, 2), 1)
    Owners.pin(table, Owners.find(table, 3, 0, 0, 0))
    assert.strictEqual(Owners.fullestPort(table, 2), 2)
  })
})
