import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { addressOf, dhcpFrame, dump, macOf, makeFast, request, tapMac } from "./admissionWorld.ts"

const T0 = 1_000_000

/** Three guests of different users. */
const guests = (policy: Parameters<typeof makeFast>[0]) => {
  const fast = makeFast(policy)
  fast.uid.set([0, 1001, 1002, 1003])
  const lease = (port: number, n: number, seconds: number) => {
    const hardware = macOf(port)
    const asks = dhcpFrame({ from: hardware, hardware, xid: n, kind: 3 })
    assert.strictEqual(fast.receive(asks, port, T0), Reason.PASS)
    const acks = dhcpFrame({ from: tapMac, hardware, xid: n, kind: 5, yours: addressOf(n), seconds })
    assert.strictEqual(fast.receive(acks, 0, T0), Reason.PASS)
  }
  const use = (port: number, n: number, nowMs: number) => fast.receive(request(macOf(port), addressOf(n)), port, nowMs)
  return { ...fast, lease, use }
}

describe("a guest that comes back, under --learn dhcp", () => {
  const later = (seconds: number) => T0 + seconds * 1000
  const renews = (fast: ReturnType<typeof guests>, port: number, n: number, nowMs: number) => {
    const hardware = macOf(port)
    return fast.receive(dhcpFrame({ from: hardware, hardware, xid: 7, kind: 3, client: addressOf(n) }), port, nowMs)
  }

  it("goes on with its lease while that is kept for its user, and no longer than it lasts", () => {
    const fast = guests({ learn: "dhcp" })
    fast.lease(1, 5, 60)
    Admission.forget(fast.state, 1, later(10))
    assert.strictEqual(fast.use(2, 5, later(11)), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(fast.use(1, 5, later(11)), Reason.PASS)
    assert.deepStrictEqual(dump(fast.state).claims, [`${addressOf(5)} 1 lease ${T0 / 1000 + 11} ${T0 / 1000 + 60} 0`])
    assert.strictEqual(fast.use(1, 5, later(60)), Reason.IP_LIMIT)
  })

  it("has no lease any more when it was away for longer; but may renew it", () => {
    const fast = guests({ learn: "dhcp" })
    fast.lease(1, 5, 600)
    Admission.forget(fast.state, 1, later(10))
    assert.strictEqual(fast.use(1, 5, later(21)), Reason.IP_LIMIT)
    assert.strictEqual(renews(fast, 1, 5, later(22)), Reason.PASS)
    assert.strictEqual(fast.use(1, 5, later(23)), Reason.IP_LIMIT)
    const acks = { from: tapMac, hardware: macOf(1), xid: 7, kind: 5, yours: addressOf(5), seconds: 600 }
    fast.receive(dhcpFrame(acks), 0, later(24))
    assert.strictEqual(fast.use(1, 5, later(25)), Reason.PASS)
  })

  it("renews nothing that is another's", () => {
    const fast = guests({ learn: "dhcp" })
    fast.lease(1, 5, 600)
    assert.strictEqual(renews(fast, 2, 5, later(1)), Reason.IP4_SRC_CONFLICT)
    Admission.forget(fast.state, 1, later(1))
    assert.strictEqual(renews(fast, 2, 5, later(2)), Reason.IP4_SRC_CONFLICT)
  })
})
