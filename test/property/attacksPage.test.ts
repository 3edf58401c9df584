import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { reasonNames } from "../../src/domain/Reason.ts"
import { rules, rulesWithMemory } from "../../src/domain/policy/Rules.ts"
import type { AttackRow } from "../integration/attacks/AttackTable.ts"
import { attackTable, ipv6Table, nameOf } from "../integration/attacks/AttackTable.ts"

/** Number of the rule that counts under a reason. */
const ruleOf = (reason: string): string =>
  [...rules, ...rulesWithMemory].find((rule) => reasonNames[rule.reason] === reason)!.id

const stoppedBy = ({ reasons }: AttackRow): string =>
  reasons.map((reason) => `${ruleOf(reason)} \`${reason}\``).join(", ")

describe("docs/attacks.md", () => {
  it("has each attack that is carried out, with the rules that stop it", () => {
    const page = fs.readFileSync(new URL("../../docs/attacks.md", import.meta.url), "utf8")
    const rows = page.split("\n").filter((line) => /^\| (?!attack|---)/.test(line))
    assert.deepStrictEqual(rows, [
      ...attackTable.map((row) => `| ${nameOf(row)} | ${row.frames} | ${stoppedBy(row)} |`),
      ...ipv6Table.map((row) => `| ${nameOf(row)} | ${stoppedBy(row)} |`)
    ])
  })
})
