import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import * as Policy from "../../src/domain/policy/Policy.ts"
import { rules } from "../../src/domain/policy/Rules.ts"
import type { Edge } from "./policyEdge.ts"
import { arpEdges } from "./policyEdgesArp.ts"
import { dhcpEdges } from "./policyEdgesDhcp.ts"
import { ipv4Edges } from "./policyEdgesIpv4.ts"
import { linkEdges } from "./policyEdgesLink.ts"
import { expected } from "./policyReference.ts"
import * as world from "./policyWorld.ts"

const edges: ReadonlyArray<Edge> = [...linkEdges, ...arpEdges, ...ipv4Edges, ...dhcpEdges]

const named = ({ reason, tapReason }: world.Judged) => ({
  reason: reasonNames[reason],
  tapReason: reasonNames[tapReason]
})

const verdicts = (edge: Edge, frame: Uint8Array) => {
  const port = edge.port ?? world.GUEST_PORT
  const settings = edge.settings ?? world.secure
  const verdict = named(world.judged(frame, port, settings))
  const inWords = expected(frame, port === world.TAP_PORT, settings)
  assert.deepStrictEqual(verdict, inWords, "the reference disagrees")
  const batch = world.placed(frame, port, settings.frameBytesMax, 0)
  world.judgePlaced(world.guarded(batch, frame.length), Policy.make(settings))
  return verdict
}

const place = ({ port, settings = world.secure }: Edge): string => {
  const from = port === world.TAP_PORT ? "the tap" : "a guest"
  if (!settings.secure) return `${from} with -U`
  if (settings.prefix === undefined) return `${from} without a prefix`
  return settings === world.secure ? from : `${from} with /${settings.prefix.bits}`
}

describe("each rule denies what is one field past its edge, and nothing before it", () => {
  for (const [index, edge] of edges.entries()) {
    const rule = rules.find(({ id }) => id === edge.rule)!
    const reason = reasonNames[rule.reason]!
    const forTapOnly = edge.rule.startsWith("E")

    it(`${edge.rule} ${reason}, from ${place(edge)} (${index})`, () => {
      for (const [name, frame] of Object.entries(edge.passes)) {
        const verdict = verdicts(edge, frame)
        assert.strictEqual(verdict.reason, "PASS", name)
        if (forTapOnly) assert.strictEqual(verdict.tapReason, "PASS", name)
      }
      for (const [name, frame] of Object.entries(edge.denies)) {
        const verdict = verdicts(edge, frame)
        assert.deepStrictEqual(
          verdict,
          forTapOnly ? { reason: "PASS", tapReason: reason } : { reason, tapReason: "PASS" },
          name
        )
      }
    })
  }
})

describe("the table of rules", () => {
  it("has an edge, with frames on both sides, for every rule, and no other", () => {
    const tested = new Set(
      edges.filter(({ denies, passes }) => Object.keys(denies).length > 0 && Object.keys(passes).length > 0)
        .map(({ rule }) => rule)
    )
    assert.deepStrictEqual([...tested].sort(), rules.map(({ id }) => id).sort())
  })

  it("names each rule and each reason once", () => {
    assert.strictEqual(new Set(rules.map(({ id }) => id)).size, rules.length)
    assert.strictEqual(new Set(rules.map(({ reason }) => reason)).size, rules.length)
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
    assert.deepStrictEqual([...given].sort(), [...listed].sort())
    for (const { id, reason } of rules) assert.include(passes, `${id} ${reasonNames[reason]}`)
  })
})

describe("an honest guest", () => {
  for (const [name, frame] of Object.entries(world.honest)) {
    it(`may send ${name}, padded or not`, () => {
      const verdict = world.judged(frame)
      assert.strictEqual(verdict.reason, Reason.PASS)
      const isIpv4 = frame[12] === 8 && frame[13] === 0
      const isForHost = !isIpv4 || [1, 6, 17].includes(frame[23]!)
      assert.strictEqual(verdict.tapReason, isForHost ? Reason.PASS : Reason.IP4_PROTO_DENIED)
      const longer = new Uint8Array(Math.min(frame.length + 300, 1514))
      longer.set(frame)
      assert.deepStrictEqual(world.judged(longer), verdict)
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

  it("may send with its own MAC in both modes", () => {
    const frame = world.packet({})
    frame.set(world.tapMac, 6)
    for (const settings of [world.secure, world.bridge]) {
      assert.strictEqual(world.judged(frame, world.TAP_PORT, settings).reason, Reason.PASS)
      assert.strictEqual(world.judged(frame, world.GUEST_PORT, settings).reason, Reason.SRC_MAC_TAP)
    }
  })
})
