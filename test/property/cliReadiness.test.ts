import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { formatTidings, parseTidings, takeReporter, type Tidings } from "../../src/cli/Readiness.ts"

const line = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => text.replace(/\s*[\r\n]\s*/g, " "))

const tidings: fc.Arbitrary<Tidings> = fc.oneof(
  fc.constant({ kind: "ready" } as const),
  line.map((name) => ({ kind: "tap", name }) as const),
  line.map((message) => ({ kind: "error", message }) as const)
)

describe("what the copy in the background tells", () => {
  it.prop("arrives as it was told, each on a line of its own", [tidings], ([told]) => {
    const text = formatTidings(told)
    assert.strictEqual(text.indexOf("\n"), text.length - 1)
    assert.deepStrictEqual(parseTidings(text.slice(0, -1)), told)
  })

  it("cannot be broken into two lines", () => {
    assert.strictEqual(formatTidings({ kind: "error", message: "a\r\n  ready\nb" }), "error a ready b\n")
  })

  it.each(["", "Ready", "ready ", "tap", "errors", "x"])("is not %j", (text) => {
    assert.isUndefined(parseTidings(text))
  })

  it("goes to the descriptor that the environment names, and the name is taken out of it", () => {
    const directory = mkdtempSync(join(tmpdir(), "vknetd-test-"))
    try {
      const path = join(directory, "told")
      const descriptor = openSync(path, "w")
      const environment: NodeJS.ProcessEnv = { VKNETD_READY_FD: String(descriptor), OTHER: "x" }
      const reporter = takeReporter(environment)
      assert.deepStrictEqual(environment, { OTHER: "x" })
      reporter?.tell({ kind: "tap", name: "tap0" })
      reporter?.tell({ kind: "ready" })
      reporter?.close()
      reporter?.close()
      reporter?.tell({ kind: "error", message: "late" })
      assert.strictEqual(readFileSync(path, "utf8"), "tap tap0\nready\n")
      assert.throws(() => closeSync(descriptor), /EBADF/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.each([undefined, "", "x", "-1", "3 ", "1e1"])("has nobody to go to when the environment says %j", (value) => {
    assert.isUndefined(takeReporter(value === undefined ? {} : { VKNETD_READY_FD: value }))
  })
})
