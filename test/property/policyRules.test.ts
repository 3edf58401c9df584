import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { type Rule, rules, rulesWithMemory } from "../../src/domain/policy/Rules.ts"
import { arpEdges } from "./policyEdgesArp.ts"
import { dhcpEdges } from "./policyEdgesDhcp.ts"
import { ipv4Edges } from "./policyEdgesIpv4.ts"
import { ipv6Edges } from "./policyEdgesIpv6.ts"
import { honest6, ipv6On } from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const nameOf = ({ id, reason }: Rule) => `${id} ${reasonNames[reason]}`

describe("the table of rules", () => {
  it("names each rule with its reason once a table, and each reason of the closed list somewhere", () => {
    const all = [...rules, ...rulesWithMemory]
    for (const table of [rules, rulesWithMemory]) {
      assert.strictEqual(new Set(table.map(nameOf)).size, table.length)
    }
    // Of the host's addresses V9 needs to remember nothing.
    const both = rules.map(nameOf).filter((name) => rulesWithMemory.map(nameOf).includes(name))
    assert.deepStrictEqual(both, ["V9 ND_TARGET_CONFLICT"])
    const listed = new Set(all.map(({ reason }) => reason))
    assert.deepStrictEqual(Object.values(Reason).filter((reason) => reason !== Reason.PASS && !listed.has(reason)), [])
  })

  it("lists the reasons that the passes give, and each pass carries its rule's number", () => {
    const folder = new URL("../../src/domain/policy/", import.meta.url)
    const passes = fs.readdirSync(folder)
      .filter((name) => name !== "Rules.ts")
      .map((name) => fs.readFileSync(new URL(name, folder), "utf8"))
      .join("\n")
    const given = new Set([...passes.matchAll(/Reason\.([A-Z0-9_]+)/g)].map(([, name]) => name!))
    given.delete("PASS")
    const listed = new Set(rules.map(({ reason }) => reasonNames[reason]!))
    for (const reason of listed) assert.isTrue(given.has(reason), reason)
    for (const { id, reason } of rules) assert.include(passes, `${id} ${reasonNames[reason]}`)
  })
})

describe("an honest guest", () => {
  for (const [name, frame] of Object.entries(world.honest)) {
    it(`may send ${name}, padded or not`, () => {
      const verdict = world.judged(frame)
      assert.strictEqual(verdict.reason, Reason.PASS)
      const isIpv4 = frame[12] === 8 && frame[13] === 0
      const isForHost = !isIpv4 || [1, 2, 6, 17].includes(frame[23]!)
      assert.strictEqual(verdict.tapReason, isForHost ? Reason.PASS : Reason.IP4_PROTO_DENIED)
      const longer = new Uint8Array(Math.min(frame.length + 300, 1514))
      longer.set(frame)
      assert.deepStrictEqual(world.judged(longer), verdict)
    })
  }
})

describe("an honest guest with --ipv6", () => {
  for (const [name, frame] of Object.entries(honest6)) {
    it(`may send ${name}, padded or not`, () => {
      const verdict = world.judged(frame, world.GUEST_PORT, world.secure, 0, ipv6On)
      assert.strictEqual(verdict.reason, Reason.PASS)
      const isForHost = !/^(ESP|nothing behind|listener query)$/.test(name)
      assert.strictEqual(verdict.tapReason, isForHost ? Reason.PASS : Reason.IP6_PROTO_DENIED)
      const longer = new Uint8Array(Math.min(frame.length + 300, 1514))
      longer.set(frame)
      assert.deepStrictEqual(world.judged(longer, world.GUEST_PORT, world.secure, 0, ipv6On), verdict)
      assert.strictEqual(world.judged(frame).reason, Reason.IP6_DISABLED)
    })
  }
})

describe("the tap", () => {
  it("may send IPv4 and ARP of any kind in secure mode: the host is trusted", () => {
    const denied = [...arpEdges, ...ipv4Edges, ...dhcpEdges].flatMap(({ denies }) => Object.entries(denies))
    for (const [name, frame] of denied) {
      const verdict = world.judged(frame, world.TAP_PORT)
      assert.deepStrictEqual(verdict, { reason: Reason.PASS, tapReason: Reason.PASS }, name)
    }
  })

  it("may send IPv6 of any kind with --ipv6, and none without", () => {
    const denied = ipv6Edges.filter(({ rule }) => rule.startsWith("V")).flatMap(({ denies }) => Object.entries(denies))
    for (const [name, frame] of denied) {
      const verdict = world.judged(frame, world.TAP_PORT, world.secure, 0, ipv6On)
      assert.deepStrictEqual(verdict, { reason: Reason.PASS, tapReason: Reason.PASS }, name)
      assert.strictEqual(world.judged(frame, world.TAP_PORT).reason, Reason.IP6_DISABLED, name)
    }
  })

  it("may send with its own MAC in both modes", () => {
    const frame = world.packet({})
    frame.set(world.tapMac, 6)
    for (const settings of [world.secure, world.bridge]) {
      assert.strictEqual(world.judged(frame, world.TAP_PORT, settings).reason, Reason.PASS)
      assert.strictEqual(world.judged(frame, world.GUEST_PORT, settings).reason, Reason.SRC_MAC_TAP)
    }
  })
})
