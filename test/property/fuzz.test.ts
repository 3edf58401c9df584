import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

/*
 * The fuzzers, a bounded while: the same seed, corpus and number of executions each time. `docs/fuzzing.md` says how to
 * run them for longer.
 */

const SEED = 1
/**
 * Of a machine that is busy with other things, too; not reached otherwise, and a run that ends by it proves
 * nothing.
 */
const SECONDS_MAX = 150
const TIMEOUT_MS = 240_000

const fuzz = async (target: string, executions: number) => {
  const given = ["--target", target, "--executions", executions, "--seed", SEED, "--seconds", SECONDS_MAX].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, ["fuzz/run.mjs", ...given]).catch((cause) => cause)
  process.stdout.write(stdout)
  assert.notInclude(stdout, "FOUND")
  return String(stdout)
}

/** How much of the code under test was passed, 0 … 1. */
const coverage = (told: string, executions: number): number => {
  assert.include(told, `${executions.toLocaleString("en-US")} executions`)
  const [, passed, all] = /; (\d+)\/(\d+) edges/.exec(told) ?? []
  return Number(passed) / Number(all)
}

describe("fuzzed, a bounded while", () => {
  it("the policy: a verdict for any octets, from the frame alone, the same as the slow one's", async () => {
    assert.isAbove(coverage(await fuzz("frames", 1_000_000), 1_000_000), 0.9)
  }, TIMEOUT_MS)

  it("what guests own: verdicts and all that is remembered, the same as the slow one's", async () => {
    assert.isAbove(coverage(await fuzz("owners", 1500), 1500), 0.7)
  }, TIMEOUT_MS)

  it("the switch: sums, bounds, bystanders and an empty end, whatever happens in whatever order", async () => {
    assert.isAbove(coverage(await fuzz("sequences", 2500), 2500), 0.75)
  }, TIMEOUT_MS)

  it("the addon's C++: the promises of FrameExchange, with AddressSanitizer and UBSan", async () => {
    const told = await fuzz("native", 1000)
    assert.include(told, "inputs replayed")
    assert.include(told, "native: 1000 executions")
  }, TIMEOUT_MS)
})
