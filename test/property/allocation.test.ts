import { assert, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { cases } from "./allocationCases.ts"
import type { AllocationFigures } from "./allocationChild.ts"

/**
 * Octets a frame. The smallest object has 16: one for every eighth frame is seen. A batch of 32 frames has up to three
 * of its own, the clock's numbers.
 */
const BYTES_PER_FRAME_MAX = 2
/** Some frames of a case teach or are within a rate, and are not what it is about. */
const SHARE_MIN = 0.9

const directory = mkdtempSync(join(tmpdir(), "vknetd-allocation-"))
const bundle = join(directory, "allocationChild.mjs")

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL("allocationChild.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outfile: bundle,
    logLevel: "warning"
  })
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const watch = async (name: string): Promise<AllocationFigures> => {
  const flags = ["--expose-gc", "--no-concurrent-recompilation"]
  const youngMb = ["--min-semi-space-size=128", "--max-semi-space-size=128"]
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...youngMb, bundle, name])
  return JSON.parse(stdout)
}

describe("the forwarding path allocates nothing per frame", () => {
  it.each(Object.keys(cases))("%s", async (name) => {
    const { collections, frames, grownBytes, missed, share } = await watch(name)
    // Nothing was collected: what was allocated is there.
    assert.strictEqual(collections, 0)
    assert.isAtLeast(share, SHARE_MIN)
    assert.strictEqual(missed, 0)
    assert.isBelow(grownBytes / frames, BYTES_PER_FRAME_MAX)
  })
})
