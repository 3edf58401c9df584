import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Admission from "../../src/domain/Admission.ts"
import * as Snapshots from "../../src/domain/AdmissionSnapshot.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { addressOf, dhcpFrame, dump, macOf, makeFast, PORTS, request, tapMac } from "./admissionWorld.ts"

const T0 = 1_000_000
const DISCOVER = 1
const DECLINE = 4
const RELEASE = 7
const AGE = 300

const guests = (policy: Parameters<typeof makeFast>[0] = {}) => {
  const fast = makeFast(policy)
  fast.uid.set([0, 1001, 1002, 1003])
  const say = (port: number, name: string, nowMs = T0, hardware = macOf(port)) =>
    fast.receive(dhcpFrame({ from: hardware, hardware, xid: port, kind: DISCOVER, name }), port, nowMs)
  const giveBack = (port: number, kind: typeof DECLINE | typeof RELEASE, given: string, name?: string) => {
    const message = dhcpFrame({ from: macOf(port), hardware: macOf(port), xid: port, kind, requested: given, name })
    // A RELEASE says which address in the header, here from nobody's: as whoever hides its own sends it.
    if (kind === RELEASE) message.set(given.split(".").map(Number), 14 + 20 + 8 + 12)
    return fast.receive(message, port, T0)
  }
  const lease = (port: number, n: number, name?: string) => {
    const hardware = macOf(port)
    assert.strictEqual(
      fast.receive(dhcpFrame({ from: hardware, hardware, xid: port, kind: 3, name }), port, T0),
      Reason.PASS
    )
    fast.receive(dhcpFrame({ from: tapMac, hardware, xid: port, kind: 5, yours: addressOf(n), seconds: 600 }), 0, T0)
  }
  return { ...fast, say, giveBack, lease }
}

describe("a DHCP client identifier", () => {
  it("is its first user's: no other port asks by it", () => {
    const { say } = guests()
    assert.strictEqual(say(1, "vm-1"), Reason.PASS)
    assert.strictEqual(say(2, "vm-1"), Reason.DHCP_CLIENT_CONFLICT)
    assert.strictEqual(say(2, "vm-2"), Reason.PASS)
    assert.strictEqual(say(1, "vm-1", T0 + 86_400_000), Reason.PASS)
    assert.strictEqual(say(2, "vm-1", T0 + 86_401_000), Reason.DHCP_CLIENT_CONFLICT)
  })

  it("does not move another's lease to whoever says it", () => {
    const { lease, receive, say } = guests()
    lease(1, 5, "vm-1")
    assert.strictEqual(say(2, "vm-1"), Reason.DHCP_CLIENT_CONFLICT)
    const acks = { from: tapMac, hardware: macOf(2), xid: 2, kind: 5, yours: addressOf(5), seconds: 600 }
    assert.strictEqual(receive(dhcpFrame(acks), 0, T0), Reason.PASS)
    assert.strictEqual(receive(request(macOf(2), addressOf(5)), 2, T0), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(receive(request(macOf(1), addressOf(5)), 1, T0), Reason.PASS)
  })

  it("is one of few of a port, as addresses are, and makes room once it has been silent", () => {
    const { say } = guests({ addressesPerGuest: 2 })
    assert.deepStrictEqual(["a", "b", "c"].map((name) => say(1, name)), [Reason.PASS, Reason.PASS, Reason.IP_LIMIT])
    assert.strictEqual(say(1, "b", T0 + 100_000), Reason.PASS)
    assert.strictEqual(say(1, "c", T0 + AGE * 1000), Reason.IP_LIMIT)
    assert.strictEqual(say(1, "c", T0 + (AGE + 1) * 1000), Reason.PASS)
    assert.strictEqual(say(1, "a", T0 + (AGE + 1) * 1000), Reason.IP_LIMIT)
    assert.strictEqual(say(2, "a", T0 + (AGE + 1) * 1000), Reason.PASS)
  })

  it("is kept for its user when its port has closed, and anybody's afterwards", () => {
    const { say, state } = guests({ holdSeconds: 10 })
    say(1, "vm-1")
    Admission.forget(state, 1, T0)
    assert.strictEqual(say(2, "vm-1", T0 + 9000), Reason.DHCP_CLIENT_CONFLICT)
    assert.strictEqual(say(2, "vm-1", T0 + 10_000), Reason.PASS)
  })

  it("is not remembered of a message that is denied for something else", () => {
    const { receive, say } = guests()
    receive(request(macOf(3), addressOf(3)), 3, T0)
    assert.strictEqual(say(2, "vm-1", T0, macOf(3)), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(say(1, "vm-1"), Reason.PASS)
  })

  it("has its owner after a takeover, too, whatever that process's seeds", () => {
    const one = guests()
    one.say(1, "vm-1")
    const two = guests()
    Snapshots.restore(two.state, Snapshots.snapshot(one.state, Uint16Array.of(0, 1, 2, 3)))
    assert.strictEqual(two.say(2, "vm-1"), Reason.DHCP_CLIENT_CONFLICT)
    assert.strictEqual(two.say(1, "vm-1"), Reason.PASS)
  })

  const step = fc.record({
    port: fc.integer({ min: 1, max: PORTS - 1 }),
    name: fc.constantFrom("a", "b", "c", "ab", "ba"),
    passSeconds: fc.constantFrom(0, 0, 0, 1, 9, 10, 299, 301),
    closes: fc.nat({ max: 9 }).map((n) => n === 0)
  })

  it.prop("agrees with a list that is looked through", [fc.array(step, { maxLength: 40 }), fc.nat({ max: 1 })], ([
    steps,
    sameUser
  ]) => {
    const fast = guests({ addressesPerGuest: 2 })
    if (sameUser === 1) fast.uid[2] = 1001
    let said: ReadonlyArray<{ name: string; port: number; second: number }> = []
    let held: ReadonlyArray<{ name: string; uid: number; until: number }> = []
    let now = T0 / 1000
    for (const { closes, name, passSeconds, port } of steps) {
      now += passSeconds
      const uid = fast.uid[port]!
      if (closes) {
        Admission.forget(fast.state, port, now * 1000)
        const gone = said.filter((one) => one.port === port).map((one) => ({ name: one.name, uid, until: now + 10 }))
        held = [...held.filter((one) => !gone.some(({ name }) => name === one.name)), ...gone]
        said = said.filter((one) => one.port !== port)
      }
      const own = said.filter((one) => one.port === port)
      const owner = said.find((one) => one.name === name)
      const isHeld = held.some((one) => one.name === name && one.uid !== uid && now < one.until)
      const isFull = own.length >= 2 && now - own[0]!.second <= AGE
      const expected = owner !== undefined
        ? (owner.port === port ? Reason.PASS : Reason.DHCP_CLIENT_CONFLICT)
        : isHeld ? Reason.DHCP_CLIENT_CONFLICT : isFull ? Reason.IP_LIMIT : Reason.PASS
      const got = fast.say(port, name, now * 1000)
      assert.strictEqual(reasonNames[got], reasonNames[expected])
      if (got !== Reason.PASS) continue
      const goes = owner === undefined && own.length >= 2 ? own[0] : undefined
      if (owner === undefined) held = held.filter((one) => one.name !== name)
      said = owner !== undefined && owner.second === now
        ? said
        : [...said.filter((one) => one !== goes && one !== owner), { name, port, second: now }]
    }
  }, { fastCheck: { numRuns: 2000 } })
})

describe("an address that is given back", () => {
  it("by whoever may not leaves nothing remembered", () => {
    const { giveBack, state } = guests()
    for (const kind of [RELEASE, DECLINE] as const) {
      assert.strictEqual(giveBack(2, kind, addressOf(5)), Reason.DHCP_CLIENT_CONFLICT)
      assert.deepStrictEqual(dump(state), { stations: [], claims: [] })
    }
  })

  it("is the giver's own: nobody ends another's lease, by its name or without one", () => {
    const { giveBack, lease, receive } = guests()
    lease(1, 5, "vm-1")
    for (const kind of [RELEASE, DECLINE] as const) {
      for (const name of ["vm-1", "vm-2", undefined]) {
        assert.strictEqual(giveBack(2, kind, addressOf(5), name), Reason.DHCP_CLIENT_CONFLICT)
      }
    }
    assert.strictEqual(receive(request(macOf(2), addressOf(5)), 2, T0), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(giveBack(1, DECLINE, addressOf(5), "vm-1"), Reason.PASS)
    assert.strictEqual(receive(request(macOf(2), addressOf(5)), 2, T0), Reason.PASS)
  })

  it("may be what the message comes from", () => {
    const { receive } = guests()
    const released = { from: macOf(1), hardware: macOf(1), xid: 1, kind: RELEASE, client: addressOf(5) }
    assert.strictEqual(receive(dhcpFrame(released), 1, T0), Reason.PASS)
  })
})
