import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { Bounds } from "../../src/domain/Bounds.ts"
import { FILTERED_BYTES, parseFilter } from "../../src/domain/capture/Filter.ts"
import * as Writer from "../../src/domain/capture/PcapngWriter.ts"
import { captureFrame, expression } from "../property/captureArbitrary.ts"
import { readAll } from "../property/captureFiles.ts"
import { concat } from "../property/frames.ts"
import { isInstalled } from "./guests/GuestPackages.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

const FRAMES = 400
const FILTERS = 60

const fileOf = (frames: ReadonlyArray<Uint8Array>): Uint8Array =>
  concat(
    Writer.sectionHeader(),
    Writer.interfaceBlock("port1"),
    ...frames.map((octets, i) =>
      Writer.packetBlock({
        interfaceNumber: 0,
        timeNs: BigInt(i) * 1000n,
        octets,
        originalBytes: octets.length,
        direction: undefined,
        comment: undefined
      })
    )
  )

describe.runIf(isInstalled("tcpdump"))("a capture's filter", () => {
  // What a frame that ends early is worth depends on the order in which libpcap's optimizer puts its questions.
  it.scopedLive("means what tcpdump takes it to mean, on every frame that is whole", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const seed = Date.now() & 0x7fffffff
      const frames = fc.sample(captureFrame, { seed, numRuns: FRAMES })
        .filter((octets) => octets.length >= FILTERED_BYTES)
      const file = `${directory}/frames.pcapng`
      fs.writeFileSync(file, fileOf(frames))
      let matched = 0
      for (const text of fc.sample(expression, { seed, numRuns: FILTERS })) {
        const { status, stderr, stdout } = spawnSync("tcpdump", ["-r", file, "-w", "-", "--nano", text])
        // What libpcap finds can match nothing, as `arp and ip`, it refuses, instead of matching nothing.
        const nothing = stderr.includes("expression rejects all packets")
        assert.isTrue(status === 0 || nothing, `${text} (seed ${seed}): ${stderr.toString()}`)
        const theirs = nothing ? [] : readAll(stdout).frames.map(({ timeNs }) => Number(timeNs / 1000n))
        const filter = parseFilter(text, Bounds.captureFilterChars)
        const ours = frames.flatMap((octets, i) => filter.matches(octets, octets.length) ? [i] : [])
        assert.deepStrictEqual(ours, theirs, `${text} (seed ${seed})`)
        matched += ours.length
      }
      assert.isAbove(matched, FRAMES)
    }), 60_000)
})
