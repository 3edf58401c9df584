import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { rules, rulesWithMemory } from "../../src/domain/policy/Rules.ts"
import { reasonNames } from "../../src/domain/Reason.ts"

const manual = readFileSync(new URL("../../share/man/vknetd.8", import.meta.url), "utf8")
const section = manual.slice(manual.indexOf("\n.Sh RULES\n"), manual.indexOf("\n.Sh TRYING THE POLICY\n"))

describe("the manual's table of rules", () => {
  const told = [...section.matchAll(/^\.It (?:\\&)?([A-Z]\d+) Dv (\w+)\n(\+ )?(.+)$/gm)]
    .map(([, id, reason, plus, stops]) => `${id} ${reason} ${plus === undefined ? "alone" : "with memory"}: ${stops}`)

  it("names the rules that there are, with their reasons and what they stop, and no others", () => {
    const there = [rules, rulesWithMemory].flatMap((some, i) =>
      some.map(({ id, reason, stops }) =>
        `${id} ${reasonNames[reason]} ${i === 0 ? "alone" : "with memory"}: ${stops}`))
    assert.isAbove(told.length, 60)
    assert.deepStrictEqual([...told].sort(), [...there].sort())
  })

  it("is in the order of their families and numbers", () => {
    const place = (line: string) => "RLSAIDVBFEQ".indexOf(line[0]!) * 100 + Number.parseInt(line.slice(1), 10)
    const places = told.map(place)
    assert.deepStrictEqual(places, [...places].sort((a, b) => a - b))
  })
})
