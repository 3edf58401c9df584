import { assert, it } from "@effect/vitest"
import { TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { EventKind, type TapLink } from "../../src/services/FrameExchange.ts"
import type { Within } from "./exchange.contract.ts"
import { type ContractTap, numbered, numberOf, type Stepped } from "./ExchangeUnderTest.ts"

/** What an exchange promises of a tap's address and MTU, simulated or real. */
export const links = (within: Within): void => {
  const [one, other] = ["02:00:5e:00:53:01", "fe:dc:ba:98:76:54"].map((text) => Mac.toOctets(Mac.parse(text)!)) as [
    Uint8Array,
    Uint8Array
  ]
  const known = ({ mac, mtuBytes }: ContractTap): TapLink => ({ mac: Mac.fromOctets(mac), mtuBytes })
  const toldOf = ({ events }: Stepped) =>
    events.map(({ address, detail, kind, port }) => [kind, port, Mac.format(address), detail])
  const change = (mac: Uint8Array, mtuBytes: number) => [
    EventKind.TapChanged,
    TAP_PORT,
    Mac.format(Mac.fromOctets(mac)),
    mtuBytes
  ]

  it("another address, or another MTU, is told once, with both", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      assert.deepStrictEqual(toldOf(contract.drain()), [])
      tap.change({ mac: one })
      assert.deepStrictEqual(toldOf(contract.drain()), [change(one, tap.mtuBytes)])
      tap.change({ mtuBytes: 1000 })
      assert.deepStrictEqual(toldOf(contract.drain()), [change(one, 1000)])
      tap.change({ mac: other })
      tap.change({ mtuBytes: 9000 })
      assert.deepStrictEqual(toldOf(contract.drain()), [change(other, 9000)])
      assert.deepStrictEqual(toldOf(contract.drain()), [])
    }))

  it("what is as it was is not told, whatever happened meanwhile", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      for (let i = 0; i < 100; i++) tap.disturb()
      tap.change({ mac: one })
      tap.change({ mac: tap.mac })
      assert.deepStrictEqual(toldOf(contract.drain()), [])
    }))

  it("a tap that is known by something else is told as it is with the first step, one that is not known is not", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, { mac: Mac.fromOctets(one), mtuBytes: 1 }), 0)
      // However long it may wait.
      contract.exchange.step(-1)
      assert.deepStrictEqual(Array.from(contract.exchange.events.rows.subarray(0, 3)), [
        EventKind.TapChanged,
        TAP_PORT,
        tap.mtuBytes
      ])
      assert.deepStrictEqual(toldOf(contract.drain()), [])
      contract.exchange.detachTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle), 0)
      assert.deepStrictEqual(toldOf(contract.drain()), [])
    }))

  it("a change ends the wait, and comes with what is received after it", () =>
    within((contract) => {
      const guest = contract.join(1)
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      tap.change({ mac: other })
      guest.send(numbered(1))
      const stepped = contract.step()
      assert.deepStrictEqual(stepped.frames.map(({ octets }) => numberOf(octets)), [1])
      assert.deepStrictEqual(toldOf(stepped), [change(other, tap.mtuBytes)])
      tap.change({ mac: one })
      contract.exchange.step(-1)
      assert.strictEqual(contract.exchange.events.count, 1)
    }))

  const bridged = (mac: Uint8Array | undefined) => [
    EventKind.BridgeChanged,
    TAP_PORT,
    Mac.format(mac === undefined ? { hi: 0, lo: 0 } : Mac.fromOctets(mac)),
    0
  ]

  it("the address of the bridge that a tap is in is told when it comes to be, is another, and is no more", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      tap.bridge(one)
      assert.deepStrictEqual(toldOf(contract.drain()), [bridged(one)])
      tap.disturb()
      assert.deepStrictEqual(toldOf(contract.drain()), [])
      tap.bridge(other)
      // However long it may wait.
      contract.exchange.step(-1)
      assert.deepStrictEqual(Array.from(contract.exchange.events.rows.subarray(0, 2)), [EventKind.BridgeChanged, 0])
      tap.bridge(undefined)
      assert.deepStrictEqual(toldOf(contract.drain()), [bridged(undefined)])
    }))

  it("a bridge with the tap's own address is as none", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      tap.bridge(tap.mac)
      assert.deepStrictEqual(toldOf(contract.drain()), [])
      tap.bridge(one)
      tap.bridge(tap.mac)
      tap.bridge(other)
      assert.deepStrictEqual(toldOf(contract.drain()), [bridged(other)])
      tap.change({ mac: other })
      assert.deepStrictEqual(toldOf(contract.drain()), [change(other, tap.mtuBytes), bridged(undefined)])
    }))

  it("the bridge of a tap that is known is told with the first step, and again when it is attached anew", () =>
    within((contract) => {
      const tap = contract.openTap()
      tap.bridge(one)
      for (let i = 0; i < 2; i++) {
        assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
        contract.exchange.step(-1)
        assert.deepStrictEqual(Array.from(contract.exchange.events.rows.subarray(0, 2)), [EventKind.BridgeChanged, 0])
        assert.deepStrictEqual(toldOf(contract.drain()), [])
        contract.exchange.detachTap()
      }
      assert.strictEqual(contract.exchange.attachTap(tap.handle), 0)
      assert.deepStrictEqual(toldOf(contract.drain()), [])
    }))

  it("of a tap that is not attached nothing is told until it is again", () =>
    within((contract) => {
      const tap = contract.openTap()
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      tap.change({ mac: one })
      contract.exchange.detachTap()
      assert.deepStrictEqual(toldOf(contract.drain()), [])
      assert.strictEqual(contract.exchange.attachTap(tap.handle, known(tap)), 0)
      assert.deepStrictEqual(toldOf(contract.drain()), [change(one, tap.mtuBytes)])
    }))
}
