import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { explain } from "../../src/domain/explanation/Explanation.ts"
import { judge } from "../../src/domain/policy/Judge.ts"
import { rules } from "../../src/domain/policy/Rules.ts"
import { reasonNames } from "../../src/domain/Reason.ts"
import { arrival, type Case } from "./policyArbitrary.ts"
import { honest6, ipv6On } from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const runs = (numRuns: number) => ({ fastCheck: { numRuns } })

const explained = ({ allowances, octets, port, settings }: Case) =>
  explain(octets, {
    settings,
    allowances,
    fromTap: port === world.TAP_PORT,
    mayServe: allowances.dhcpServer === "any" && port !== world.TAP_PORT,
    isTrunk: port === world.TRUNK_PORT
  })

/** The octets of a frame that the switch reads to judge it. */
const readBySwitch = ({ allowances, octets, port, settings }: Case): Set<number> => {
  const batch = world.placed(octets, port, settings.frameBytesMax, 0)
  const start = (batch.count - 1) * batch.slotBytes
  const read = new Set<number>()
  const watch = <A extends Uint8Array | Uint16Array>(array: A): A =>
    new Proxy(array, {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) {
          const from = Number(key) * array.BYTES_PER_ELEMENT - start
          for (let at = from; at >= 0 && at < from + array.BYTES_PER_ELEMENT; at++) read.add(at)
        }
        return Reflect.get(target, key)
      }
    })
  const watched = { ...batch, bytes: watch(batch.bytes), halves: watch(batch.halves) }
  judge(watched, world.policyOf(settings, allowances), new Uint8Array(batch.count), new Uint8Array(batch.count))
  return read
}

describe("an explanation", () => {
  it.prop("has the switch's own verdict, and the rule that gave it at its end", [arrival], ([arrived]) => {
    const { allowances, octets, port, settings } = arrived
    const { met, metForTap, reason, tapReason } = explained(arrived)
    const verdict = world.judged(octets, port, settings, 0, allowances)
    assert.deepStrictEqual([reason, tapReason], [reasonNames[verdict.reason], reasonNames[verdict.tapReason]])
    for (const [lines, why] of [[met, reason], [metForTap, tapReason]] as const) {
      assert.isTrue(lines.slice(0, -1).every(({ denies }) => denies === undefined))
      assert.strictEqual(lines.at(-1)?.denies ?? "PASS", why)
      const last = lines.at(-1)
      if (why === "PASS") continue
      assert.isTrue(rules.some(({ id, reason }) => id === last?.rule && reasonNames[reason] === why))
    }
  }, runs(10_000))

  it.prop("of a frame that passed shows every octet that was read; of any, none beyond it", [arrival], ([arrived]) => {
    const { octets } = arrived
    const { met, metForTap, reason } = explained(arrived)
    const shown = new Set<number>()
    for (const { at, bytes } of [...met, ...metForTap].flatMap(({ fields }) => fields)) {
      if (at === undefined) continue
      assert.isAtMost(at + bytes, octets.length)
      for (let octet = at; octet < at + bytes; octet++) shown.add(octet)
    }
    // Of one that is denied the switch may have read further, where that costs less than to look twice.
    if (reason !== "PASS") return
    const hidden = [...readBySwitch(arrived)].filter((at) => !shown.has(at))
    assert.deepStrictEqual(hidden, [], JSON.stringify(met))
  }, runs(5000))

  it.prop("is there for any octets", [fc.uint8Array({ maxLength: 120 }), fc.boolean()], ([octets, fromTap]) => {
    for (const settings of [world.secure, world.bridge, world.noPrefix]) {
      explain(octets, { settings, allowances: ipv6On, fromTap, mayServe: false })
    }
  }, runs(10_000))

  it("goes through the rules in the order in which they are looked at", () => {
    const lines = (octets: Uint8Array) =>
      explain(octets, { settings: world.secure, allowances: ipv6On, fromTap: false, mayServe: false })
    const link = ["R1", "R2", "L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9"]
    const order = (octets: Uint8Array) => lines(octets).met.map(({ rule }) => rule)
    assert.deepStrictEqual(order(world.arpFrame({})), [...link, "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8"])
    assert.deepStrictEqual(order(world.dhcpFrame({})), [
      ...link, "I1", "I2", "I3", "I1", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13",
      "D1", "D2", "D3", "D4", "D5", "D2"
    ])
    assert.deepStrictEqual(order(honest6["neighbour solicitation"]!), [
      ...link, "V1", "V2", "V3", "V1", "V3", "V4", "V5", "V7", "V8", "V6", "V9", "V10", "V11", "V12"
    ])
    assert.deepStrictEqual(lines(world.packet({})).metForTap.map(({ rule }) => rule), ["E2", "L9", "E4"])
  })

  it("tells names, places and values of fields", () => {
    const { met } = explain(world.arpFrame({ sender: world.host }), {
      settings: world.secure,
      allowances: {},
      fromTap: false,
      mayServe: false
    })
    assert.deepStrictEqual(met.at(-1), {
      rule: "A6",
      denies: "ARP_SPA_HOST",
      fields: [{ name: "sender address", at: 28, bytes: 4, value: "10.1.0.1" }]
    })
    assert.deepStrictEqual(
      met.find(({ rule }) => rule === "A4")?.fields.map(({ at, name, value }) => `${name}@${at} ${value}`),
      ["sender MAC@22 00:01:5e:10:a2:2c", "source@6 00:01:5e:10:a2:2c"]
    )
  })
})
