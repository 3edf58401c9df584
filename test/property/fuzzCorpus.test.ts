import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as FrameTarget from "../../fuzz/FrameTarget.ts"
import * as OwnerTarget from "../../fuzz/OwnerTarget.ts"
import * as SequenceTarget from "../../fuzz/SequenceTarget.ts"
import { fromHex, hexOf, type Target } from "../../fuzz/Target.ts"

/*
 * The fuzzers' corpus, each input once: what was found stays found. `fuzz.test.ts` looks for more.
 */

const TIMEOUT_MS = 120_000

const corpus = (name: string): ReadonlyArray<Uint8Array> =>
  readFileSync(`fuzz/corpus/${name}.hex`, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(fromHex)

const replay = (name: string, target: Target) => {
  const inputs = [...target.seeds, ...corpus(name)]
  assert.isAbove(inputs.length, target.seeds.length)
  for (const input of inputs) {
    try {
      target.execute(input, input.length)
      target.examine(input)
    } catch (cause) {
      throw new Error(`${target.describe(input)}: ${hexOf(input)}`, { cause })
    }
  }
}

describe("the corpus keeps its promises", () => {
  it("frames", () => replay("frames", FrameTarget.make()), TIMEOUT_MS)

  it("owners", () => replay("owners", OwnerTarget.make()), TIMEOUT_MS)

  it("sequences", () => replay("sequences", SequenceTarget.make()), TIMEOUT_MS)
})
