import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Facts from "../../src/domain/policy/DhcpFacts.ts"
import * as Snoop from "../../src/domain/policy/DhcpSnoop.ts"

const PORTS = 300
const MOST = Bounds.pendingDhcpPerGuest

interface Request {
  readonly name: string
  readonly port: number
  readonly untilSeconds: number
}

const factsOf = (xid: number, macLow: number): Facts.DhcpFacts => ({ ...Facts.make(), xid, macHigh: -1, macLow })
const nameOf = ({ macHigh, macLow, xid }: Facts.DhcpFacts): string => `${xid} ${macHigh} ${macLow}`

/** The same as a list in the order of asking, and one of ports in the order in which they came to have so many. */
class SlowSnoop {
  #pending: ReadonlyArray<Request> = []
  #ports: ReadonlyArray<number> = []

  ask(facts: Facts.DhcpFacts, port: number, nowSeconds: number): void {
    const name = nameOf(facts)
    this.#drop(this.#pending.find((request) => request.port === port && request.name === name))
    if (this.#of(port).length >= MOST) this.#drop(this.#of(port)[0])
    if (this.#pending.length >= Bounds.pendingDhcp) {
      const most = Math.max(...this.#ports.map((each) => this.#of(each).length))
      this.#drop(this.#of(this.#ports.find((each) => this.#of(each).length === most)!)[0])
    }
    this.#pending = [...this.#pending, { name, port, untilSeconds: nowSeconds + Bounds.pendingDhcpSeconds }]
    this.#recount(port)
  }

  settle(facts: Facts.DhcpFacts, nowSeconds: number): number {
    const found = this.#pending.find(({ name, untilSeconds }) => name === nameOf(facts) && nowSeconds < untilSeconds)
    this.#drop(found)
    return found?.port ?? -1
  }

  forget(port: number): void {
    for (const request of port === TAP_PORT ? this.#pending : this.#of(port)) this.#drop(request)
  }

  get size(): number {
    return this.#pending.length
  }

  #of(port: number): ReadonlyArray<Request> {
    return this.#pending.filter((request) => request.port === port)
  }

  #drop(dropped: Request | undefined): void {
    if (dropped === undefined) return
    this.#pending = this.#pending.filter((request) => request !== dropped)
    this.#recount(dropped.port)
  }

  #recount(port: number): void {
    this.#ports = [...this.#ports.filter((each) => each !== port), port]
  }
}

/** From its number 5 on, ports that fill the table. */
const CROWD_FROM = 5
const XIDS = 6
const xid = fc.nat({ max: XIDS - 1 })
const macLow = fc.nat({ max: 2 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("ask"), port: fc.integer({ min: 1, max: 4 }), xid, macLow }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ask"), port: fc.nat({ max: 290 }), xid, macLow }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("settle"), port: fc.constant(0), xid, macLow }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget"), port: fc.nat({ max: 4 }), xid, macLow }) }
)
const seconds = fc.constantFrom(0, 0, 0, 1, 59, 60)

describe("requests that wait for the host's answer", () => {
  it.prop(
    "are those of a plain list, step by step, also when there is no more room, and when another process goes on",
    [fc.boolean(), fc.array(fc.tuple(step, seconds), { maxLength: 60 }), fc.boolean()],
    ([isCrowded, steps, hasWrapped]) => {
      const slow = new SlowSnoop()
      const fast = Snoop.make(PORTS, [1, 2])
      if (hasWrapped) fast.asked = 0x7ffffff0
      let nowSeconds = 100
      const ask = (facts: Facts.DhcpFacts, port: number) => {
        Snoop.ask(fast, facts, port, MOST, nowSeconds)
        slow.ask(facts, port, nowSeconds)
      }
      const crowd = Bounds.pendingDhcp - 10
      for (let n = 0; isCrowded && n < crowd; n++) ask(factsOf(1000 + n, 9), CROWD_FROM + (n % 250))
      for (const [{ kind, macLow, port, xid }, later] of steps) {
        nowSeconds += later
        const facts = factsOf(xid, macLow)
        if (kind === "ask" && port !== TAP_PORT) ask(facts, port)
        else if (kind === "settle") {
          assert.strictEqual(Snoop.settle(fast, facts, nowSeconds), slow.settle(facts, nowSeconds))
        } else {
          Snoop.forget(fast, port)
          slow.forget(port)
        }
        assert.strictEqual(fast.pending.count, slow.size)
      }
      const heir = Snoop.make(PORTS, [3, 4])
      Snoop.enter(heir, Snoop.rowsOf(fast))
      const numbers = Array.from({ length: XIDS + 1 }, (_, n) => n)
      const crowded = Array.from({ length: isCrowded ? crowd : 0 }, (_, n) => factsOf(1000 + n, 9))
      for (const facts of [...numbers.flatMap((n) => numbers.map((m) => factsOf(n, m))), ...crowded]) {
        for (let time = 0; time < 2; time++) {
          assert.strictEqual(Snoop.settle(heir, facts, nowSeconds), slow.settle(facts, nowSeconds))
        }
      }
    },
    { fastCheck: { numRuns: 40 } }
  )
})
