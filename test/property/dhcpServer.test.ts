import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { addressOf, datagram, dhcpFrame, dump, macOf, makeFast, tapMac } from "./admissionWorld.ts"
import { networkOf } from "./networkOf.ts"

const T0 = 1_000_000
const [VICTIM, SERVER, ASKER] = [1, 2, 3]
const SERVER_UID = 1002
const ACK = 5
const NAK = 6

/** Three guests of different users, of which one answers DHCP. Each has a station, and the address of its number. */
const guests = (policy: Parameters<typeof makeFast>[0]) => {
  const fast = makeFast({ bindings: [{ uid: SERVER_UID, ip: networkOf(addressOf(SERVER)) }], ...policy })
  fast.uid.set([0, 1001, SERVER_UID, 1003])
  if (policy.dhcpServer === SERVER_UID) fast.dhcpServers[SERVER] = 1
  const passes = (frame: Uint8Array, port: number) => assert.strictEqual(fast.receive(frame, port, T0), Reason.PASS)
  const ask = (port: number) => {
    const hardware = macOf(port)
    passes(dhcpFrame({ from: hardware, hardware, xid: port, kind: 3 }), port)
  }
  const answer = (from: number, to: number, n: number, kind: number) =>
    passes(
      dhcpFrame({
        from: from === 0 ? tapMac : macOf(from),
        hardware: macOf(to),
        xid: to,
        kind,
        yours: addressOf(n),
        seconds: 600,
        ...(from === 0 ? {} : { server: addressOf(from) })
      }),
      from
    )
  const use = (port: number, n: number) => fast.receive(datagram(port, addressOf(n)), port, T0)
  const kindOf = (n: number) =>
    dump(fast.state).claims.find((claim) => claim.startsWith(`${addressOf(n)} `))?.split(" ").slice(1, 3)
  return { ...fast, ask, answer, use, kindOf }
}

for (const dhcpServer of ["any" as const, SERVER_UID]) {
  describe(`a guest that is a DHCP server by ${dhcpServer}`, () => {
    it("gives nobody what the host has leased to another, nor what another uses", () => {
      const { answer, ask, kindOf, use } = guests({ dhcpServer })
      ask(VICTIM)
      answer(0, VICTIM, 5, ACK)
      assert.strictEqual(use(VICTIM, 6), Reason.PASS)
      for (const taken of [5, 6]) {
        ask(ASKER)
        answer(SERVER, ASKER, taken, ACK)
        assert.strictEqual(use(VICTIM, taken), Reason.PASS)
        assert.strictEqual(use(ASKER, taken), Reason.IP4_SRC_CONFLICT)
      }
      assert.deepStrictEqual(kindOf(5), [`${VICTIM}`, "lease"])
    })

    it("nor what is kept for a guest that has just gone", () => {
      const { answer, ask, kindOf, state, use } = guests({ dhcpServer })
      assert.strictEqual(use(VICTIM, 5), Reason.PASS)
      Admission.forget(state, VICTIM, T0)
      ask(ASKER)
      answer(SERVER, ASKER, 5, ACK)
      assert.strictEqual(use(ASKER, 5), Reason.IP4_SRC_CONFLICT)
      assert.isUndefined(kindOf(5))
    })
  })
}

describe("a lease of a guest that was named as DHCP server", () => {
  it("is one, of an address that nobody has", () => {
    const { answer, ask, kindOf, use } = guests({ dhcpServer: SERVER_UID, learn: "dhcp" })
    ask(ASKER)
    answer(SERVER, ASKER, 5, ACK)
    assert.deepStrictEqual(kindOf(5), [`${ASKER}`, "lease"])
    assert.strictEqual(use(ASKER, 5), Reason.PASS)
    assert.strictEqual(use(VICTIM, 5), Reason.IP4_SRC_CONFLICT)
  })

  it("makes what its guest uses already a lease, and changes the address of a locked one", () => {
    const { answer, ask, kindOf, use } = guests({ dhcpServer: SERVER_UID, lock: true })
    assert.strictEqual(use(ASKER, 5), Reason.PASS)
    for (const n of [5, 6]) {
      ask(ASKER)
      answer(SERVER, ASKER, n, ACK)
      assert.deepStrictEqual(kindOf(n), [`${ASKER}`, "lease"])
    }
    assert.strictEqual(use(ASKER, 6), Reason.PASS)
    assert.strictEqual(use(ASKER, 5), Reason.IP_LIMIT)
  })
})

describe("what any guest says as DHCP server", () => {
  it("is no lease: whoever uses the address first has it", () => {
    const { answer, ask, kindOf, use } = guests({ dhcpServer: "any" })
    ask(ASKER)
    answer(SERVER, ASKER, 5, ACK)
    assert.isUndefined(kindOf(5))
    assert.strictEqual(use(ASKER, 5), Reason.PASS)
    assert.deepStrictEqual(kindOf(5), [`${ASKER}`, "claim"])
  })

  it("gives no address where only leases do, and changes none of a locked guest", () => {
    const strict = guests({ dhcpServer: "any", learn: "dhcp" })
    strict.ask(ASKER)
    strict.answer(SERVER, ASKER, 5, ACK)
    assert.strictEqual(strict.use(ASKER, 5), Reason.IP_LIMIT)
    const locked = guests({ dhcpServer: "any", lock: true })
    assert.strictEqual(locked.use(ASKER, 5), Reason.PASS)
    locked.ask(ASKER)
    locked.answer(SERVER, ASKER, 6, ACK)
    assert.strictEqual(locked.use(ASKER, 6), Reason.IP_LIMIT)
    assert.strictEqual(locked.use(ASKER, 5), Reason.PASS)
  })

  it("does not keep the host's answer from being one", () => {
    for (const kind of [ACK, NAK]) {
      const { answer, ask, use } = guests({ dhcpServer: "any", learn: "dhcp" })
      ask(ASKER)
      answer(SERVER, ASKER, 6, kind)
      answer(0, ASKER, 5, ACK)
      assert.strictEqual(use(ASKER, 5), Reason.PASS)
    }
  })
})
