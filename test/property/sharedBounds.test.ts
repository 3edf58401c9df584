import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Facts from "../../src/domain/policy/DhcpFacts.ts"
import * as Snoop from "../../src/domain/policy/DhcpSnoop.ts"
import * as Held from "../../src/domain/policy/HeldIdentities.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { addressOf, macOf, makeFast, request } from "./admissionWorld.ts"
import { address, arp, BROADCAST, ethernet } from "./frames.ts"

const T0 = 1_000_000

describe("a bound that all share is the loss of who fills it", () => {
  /** Addresses of one kind, and of which none is of another kind. */
  const [VICTIM, HOSTILE, ONE, TWO, MOVED] = [1, 2, 3, 4, 5]
  const heldOf = () => {
    const held = Held.make([1, 2])
    return {
      hold: (kind: number, n: number, uid: number) => Held.hold(held, kind, n, 0, 0, { uid, untilSeconds: 10 }),
      letGo: (kind: number, n: number) => Held.letGo(held, kind, n, 0, 0),
      isFrom: (kind: number, n: number, uid: number) => Held.isForAnother(held, kind, n, 0, 0, uid, 9),
      count: () => held.facts.count,
      table: held
    }
  }

  it("of what is kept for those that left: others' restarts stay safe", () => {
    const held = heldOf()
    held.hold(VICTIM, 0, 1001)
    for (let n = 0; n < 2 * Bounds.heldIdentities; n++) held.hold(HOSTILE, n, 1002)
    assert.isTrue(held.isFrom(VICTIM, 0, 1002))
    assert.isFalse(held.isFrom(HOSTILE, 0, 1001))
    assert.isTrue(held.isFrom(HOSTILE, 2 * Bounds.heldIdentities - 1, 1001))
    assert.strictEqual(held.count(), Bounds.heldIdentities)
  })

  it("of what is kept: what has an owner again, or changes its user, is counted for nobody else", () => {
    const held = heldOf()
    for (let n = 0; n < Bounds.heldIdentities; n++) held.hold(ONE, n, 1001)
    for (let n = 0; n < Bounds.heldIdentities - 1; n++) held.letGo(ONE, n)
    held.hold(MOVED, 0, 1001)
    held.hold(MOVED, 0, 1002)
    for (let n = 0; n < Bounds.heldIdentities; n++) held.hold(TWO, n, 1003)
    assert.isTrue(held.isFrom(ONE, Bounds.heldIdentities - 1, 1003))
    assert.isTrue(held.isFrom(MOVED, 0, 1003))
    assert.strictEqual(held.count(), Bounds.heldIdentities)
  })

  it("of what is kept: as many users as addresses find a place, and it is taken down and gone on with", () => {
    const held = heldOf()
    // The highest numbers that users can have.
    const uidOf = (n: number) => 0xffffffff - n
    for (let n = 0; n < Bounds.heldIdentities + 3; n++) held.hold(ONE, n, uidOf(n))
    const heir = Held.make([3, 4])
    Held.enter(heir, Held.rowsOf(held.table))
    assert.strictEqual(heir.facts.count, Bounds.heldIdentities)
    for (let n = 0; n < Bounds.heldIdentities + 3; n++) {
      const isKept = held.isFrom(ONE, n, 0)
      assert.isFalse(held.isFrom(ONE, n, uidOf(n)))
      assert.strictEqual(Held.isForAnother(heir, ONE, n, 0, 0, 0, 9), isKept)
      assert.isFalse(Held.isForAnother(heir, ONE, n, 0, 0, uidOf(n), 9))
      assert.isFalse(Held.isForAnother(heir, ONE, n, 0, 0, 0, 10))
    }
  })

  it("of requests that wait for the host: others get their leases", () => {
    const snoop = Snoop.make(1000, [1, 2])
    const facts = (xid: number, macLow: number): Facts.DhcpFacts => ({ ...Facts.make(), xid, macHigh: 1, macLow })
    const [victim, most] = [999, Bounds.pendingDhcpPerGuest]
    Snoop.ask(snoop, facts(7, victim), victim, most, 0)
    for (let n = 0; n < 4 * Bounds.pendingDhcp; n++) {
      const port = 1 + n % (Bounds.pendingDhcp / 4)
      Snoop.ask(snoop, facts(n, port), port, most, 0)
    }
    assert.strictEqual(snoop.pending.count, Bounds.pendingDhcp)
    assert.strictEqual(Snoop.settle(snoop, facts(7, victim), 1), victim)
  })
})

describe("a guest that comes again and again", () => {
  const USER = 1001

  /** Sends as many broadcasts as pass. */
  const storm = ({ receive }: ReturnType<typeof makeFast>, port: number): number => {
    let passed = 0
    while (receive(request(macOf(1), "0.0.0.0"), port, T0) === Reason.PASS) passed++
    return passed
  }

  it("gets no more of any rate by it", () => {
    const fast = makeFast({ arpPerSecond: 100_000 })
    fast.uid[1] = USER
    Admission.join(fast.state, 1, T0)
    assert.strictEqual(storm(fast, 1), 2 * Bounds.stormPerSecondSecure)
    Admission.forget(fast.state, 1, T0)
    Admission.join(fast.state, 1, T0)
    assert.strictEqual(storm(fast, 1), 0)
  })

  it("costs another user that gets its port nothing", () => {
    const fast = makeFast({ arpPerSecond: 100_000, holdSeconds: 0 })
    fast.uid[1] = USER
    Admission.join(fast.state, 1, T0)
    storm(fast, 1)
    Admission.forget(fast.state, 1, T0)
    fast.uid[1] = USER + 1
    Admission.join(fast.state, 1, T0)
    assert.strictEqual(storm(fast, 1), 2 * Bounds.stormPerSecondSecure)
  })
})

describe("a station that is announced by RARP, L10", () => {
  const announcement = (n: number): Uint8Array => {
    const source = Mac.toOctets(Mac.parse(`52:54:00:00:01:${n.toString(16).padStart(2, "0")}`)!)
    const none = address("0.0.0.0")
    const payload = arp({ op: 3, senderMac: source, sender: none, targetMac: source, target: none })
    return ethernet({ destination: BROADCAST, source, type: 0x8035, payload })
  }

  it("is new as any other: Q3 counts it", () => {
    const fast = makeFast({ stationsPerTrunk: 200 })
    fast.trunk[1] = 1
    for (let n = 0; n < 200; n++) {
      assert.strictEqual(fast.receive(announcement(n), 1, T0), Reason.ETHERTYPE_DENIED)
    }
    assert.strictEqual(fast.state.stations.count, 2 * Bounds.learnPerSecond)
    assert.strictEqual(fast.receive(request(macOf(1), addressOf(1)), 1, T0), Reason.LEARN_RATE)
  })
})
