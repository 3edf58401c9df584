import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import * as Memory from "../../src/domain/AdmissionState.ts"
import { explain } from "../../src/domain/explanation/Explanation.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import { judge } from "../../src/domain/policy/Judge.ts"
import { rules, rulesWithMemory } from "../../src/domain/policy/Rules.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import type { Edge } from "./policyEdge.ts"
import { edges } from "./policyEdges.ts"
import { denyingRule, expected } from "./policyReference.ts"
import { take } from "./policySequence.ts"
import { sequences } from "./policySequences.ts"
import { askedSequences } from "./policySequencesAsked.ts"
import { egressSequences, worldOf } from "./policySequencesEgress.ts"
import * as world from "./policyWorld.ts"

/*
 * For each rule, what lies just inside passes and what lies just outside is denied, for its reason and no other: by the
 * passes, judge and admit, and by the slow tables that they are tested against. Printed in the end, rule by rule.
 */

/** What one rule has been tried on. */
interface Covered {
  readonly fields: Set<string>
  inside: number
  outside: number
}

const covered = new Map<string, Covered>()

/** With and without memory V9 has the same number and reason, and is two rules. */
const nameOf = (rule: string, reason: string, hasMemory: boolean): string =>
  `${rule.padEnd(4)} ${hasMemory ? "+" : " "} ${reason}`

const cover = (name: string, side: "inside" | "outside", cases: number, fields: ReadonlyArray<string>): void => {
  const row = covered.get(name) ?? { fields: new Set<string>(), inside: 0, outside: 0 }
  covered.set(name, row)
  row[side] += cases
  fields.forEach((field) => row.fields.add(field))
}

const demanded = [rules, rulesWithMemory].flatMap((some, i) =>
  some.map(({ id, reason }) => nameOf(id, reasonNames[reason]!, i === 1)))

/** Judged and admitted, as the first frame of a port. */
const admitted = (frame: Uint8Array, { allowances = {}, port = world.GUEST_PORT, settings = world.secure }: Edge) => {
  const batch = Batch.make(settings.frameBytesMax)
  Batch.append(batch, frame, port)
  const reason = new Uint8Array(1)
  const tapReason = new Uint8Array(1)
  const policy = world.policyOf(settings, allowances)
  judge(batch, policy, reason, tapReason)
  const uid = new Uint32Array(PORTS)
  const memory = Memory.make({ ...settings, guestPorts: PORTS - 1, policy: allowances }, { uid, trunk: policy.trunks })
  Admission.admit(memory, batch, reason, new Int32Array(1), 1000)
  return { reason: reasonNames[reason[0]!]!, tapReason: reasonNames[tapReason[0]!]! }
}

/** Enough for those that frames come from. */
const PORTS = 10

const explained = (frame: Uint8Array, { allowances = {}, port = world.GUEST_PORT, settings = world.secure }: Edge) =>
  explain(frame, {
    settings,
    allowances,
    fromTap: port === world.TAP_PORT,
    mayServe: allowances.dhcpServer === "any",
    isTrunk: port === world.TRUNK_PORT
  })

/** Judged where no octet behind the frame may be read; by the slow tables as well, and by which of their rules. */
const judged = (frame: Uint8Array, { allowances = {}, port = world.GUEST_PORT, settings = world.secure }: Edge) => {
  const fromTap = port === world.TAP_PORT
  const isTrunk = port === world.TRUNK_PORT
  const batch = world.guarded(world.placed(frame, port, settings.frameBytesMax, 0), frame.length)
  const { reason, tapReason } = world.judgePlaced(batch, world.policyOf(settings, allowances))
  return {
    byPasses: { reason: reasonNames[reason], tapReason: reasonNames[tapReason] },
    byTables: expected(frame, fromTap, settings, allowances, isTrunk),
    rule: denyingRule(frame, fromTap, settings, allowances, isTrunk)
  }
}

const place = ({ allowances, port, settings = world.secure }: Edge): string => {
  const who = port === world.TAP_PORT ? "the tap" : port === world.TRUNK_PORT ? "a trunk" : "a guest"
  const from = allowances === undefined ? who : `${who}, with ${Object.keys(allowances).join(" and ")}`
  if (!settings.secure) return `${from} with -U`
  if (settings.prefix === undefined) return `${from} without a prefix`
  return settings === world.secure ? from : `${from} with /${settings.prefix.bits}`
}

const reasonOf = ({ reason, rule }: Edge): string =>
  reason ?? reasonNames[rules.find(({ id }) => id === rule)!.reason]!

describe("a rule that needs no memory passes what is just inside and denies what is just outside", () => {
  for (const [index, edge] of edges.entries()) {
    const name = nameOf(edge.rule, reasonOf(edge), false)
    it(`${edge.rule} ${reasonOf(edge)}, from ${place(edge)} (${index})`, () => {
      const forTapOnly = edge.forTapOnly ?? edge.rule.startsWith("E")
      const verdicts = (frame: Uint8Array) => {
        const { met, metForTap, reason, tapReason } = explained(frame, edge)
        const { byPasses, byTables, rule } = judged(frame, edge)
        for (const verdict of [byPasses, byTables, admitted(frame, edge)]) {
          assert.deepStrictEqual(verdict, { reason, tapReason })
        }
        const lines = forTapOnly ? metForTap : met
        // What several rules look at is told with the first of them.
        const fields = lines.findLast(({ fields }) => fields.length > 0)?.fields.map(({ name }) => name) ?? []
        return { verdict: { reason, tapReason }, rules: [rule, lines.at(-1)?.rule], fields }
      }
      for (const [title, frame] of Object.entries(edge.passes)) {
        const { reason, tapReason } = verdicts(frame).verdict
        assert.strictEqual(reason, "PASS", title)
        if (forTapOnly) assert.strictEqual(tapReason, "PASS", title)
        cover(name, "inside", 1, [])
      }
      for (const [title, frame] of Object.entries(edge.denies)) {
        const { fields, rules, verdict } = verdicts(frame)
        const [reason, tapReason] = forTapOnly ? ["PASS", reasonOf(edge)] : [reasonOf(edge), "PASS"]
        assert.deepStrictEqual(verdict, { reason, tapReason }, title)
        assert.deepStrictEqual(rules, [edge.rule, edge.rule], title)
        cover(name, "outside", 1, fields)
      }
    })
  }
})

describe("a rule that remembers passes what is just inside and denies what is just outside", () => {
  for (const sequence of [...sequences, ...askedSequences]) {
    const { before = [], field, reason, rule } = sequence
    it(`${rule} ${reason}, by ${field}`, () => {
      for (const side of ["inside", "outside"] as const) {
        const verdicts = take(sequence, [...before, ...sequence[side]])
        const expected = verdicts.map((_, i) => side === "outside" && i === verdicts.length - 1 ? reason : "PASS")
        assert.deepStrictEqual(verdicts.map(({ fast }) => fast), expected, side)
        const slow = verdicts.flatMap(({ slow }) => slow === undefined ? [] : [slow])
        assert.deepStrictEqual(slow, expected.slice(0, slow.length), `${side}, by the slow reference`)
        cover(nameOf(rule, reason, true), side, 1, [field])
      }
    })
  }

  for (const sequence of egressSequences) {
    const { field, reason, rule } = sequence
    it(`${rule} ${reason}, by ${field}`, () => {
      assert.strictEqual(sequence.inside(worldOf(sequence)), "PASS")
      assert.strictEqual(sequence.outside(worldOf(sequence)), reason)
      for (const side of ["inside", "outside"] as const) cover(nameOf(rule, reason, true), side, 1, [field])
    })
  }
})

describe("the coverage of the rules", () => {
  it("has every rule that there is, with cases on both sides, and no other", () => {
    const both = [...covered].filter(([, { inside, outside }]) => inside > 0 && outside > 0).map(([name]) => name)
    assert.deepStrictEqual([...both].sort(), [...demanded].sort())
  })

  it("is of the whole closed list of reasons", () => {
    const named = new Set(demanded.map((name) => name.split(" ").at(-1)))
    const all = Object.keys(Reason).filter((name) => name !== "PASS")
    assert.deepStrictEqual(all.filter((name) => !named.has(name)), [])
  })
})

const COLUMNS = 70

/** Words in lines of so many columns; one at least. */
const wrapped = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines = [""]
  for (const word of words) {
    const line = lines.at(-1)!
    if (line === "") lines[lines.length - 1] = word
    else if (line.length + word.length + 2 <= COLUMNS) lines[lines.length - 1] = `${line}; ${word}`
    else lines.push(word)
  }
  return lines
}

afterAll(() => {
  const lines = demanded.flatMap((name) => {
    const { fields, inside, outside } = covered.get(name) ?? { fields: new Set<string>(), inside: 0, outside: 0 }
    const counts = `${String(inside).padStart(6)}  ${String(outside).padStart(7)}`
    const start = `${name.padEnd(28)} ${counts}`
    return wrapped([...fields]).map((text, i) => `${i === 0 ? start : " ".repeat(start.length)}  ${text}`)
  })
  const missing = demanded.filter((name) => !covered.has(name)).length
  const heading = `${"RULE".padEnd(4)} + ${"REASON".padEnd(21)} INSIDE  OUTSIDE  VARIED`
  process.stdout.write(`\n${heading}\n${lines.join("\n")}\n${demanded.length} rules, ${missing} missing\n`)
})
