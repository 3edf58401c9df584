import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { Bounds } from "../../src/domain/Bounds.ts"
import { messageKinds } from "../../src/services/HandoverChannel.ts"
import { until, vknetd } from "./commandTranscript.ts"
import { startControlled } from "./controlWorld.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { pidIn, startNumberedGuests } from "./takeoverWorld.ts"

const plain = ["--no-tap", "-U"]
const script = fileURLToPath(new URL("HandoverTap.py", import.meta.url))

/** A switch with guests, and a new process that takes over; `who` is killed before `word` gets through. */
const crash = (who: "old" | "new", word: typeof messageKinds[number]) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const old = yield* startControlled(directory, plain)
    const guests = yield* startNumberedGuests(old.socketPath)
    const tap = yield* startProcess([
      "python3", script, old.controlPath, `${messageKinds.indexOf(word)}`, who, `${old.process.pid}`
    ])
    yield* tap.waitUntil("ready", () => tap.stdout().includes("ready\n") || undefined, 5000)
    const words = ["-d", "--takeover", ...plain, "-p", old.socketPath, "-i", old.pidFilePath]
    const heir = yield* startProcess([...vknetd, ...words])
    yield* tap.waitForEnd(20_000)
    yield* (who === "old" ? old.process : heir).waitForEnd(5000)
    return { directory, old, heir, guests, passed: tap.stdout().trim().split("\n").at(-1) }
  })

describe("a new process that is killed", () => {
  for (const word of messageKinds.slice(0, -1)) {
    it.scopedLive(`before the word "${word}" gets through leaves the old one serving`, () =>
      Effect.gen(function*() {
        const { guests, heir, old } = yield* crash("new", word)
        assert.strictEqual(heir.ending()?.signal, "SIGKILL")
        const kept = () => old.process.stderr().includes("not handed over: the switch stays") || undefined
        yield* old.process.waitUntil("kept", kept, 10_000)
        yield* until("its pid", () => pidIn(old.pidFilePath) === old.process.pid || undefined)
        yield* guests.silenceMs
        yield* Effect.sleep(200)
        assert.isBelow(yield* guests.silenceMs, 3000)
        assert.include((yield* old.ask("status", "--json")).stdout, `"pid":${old.process.pid},`)
        const [flow] = yield* guests.end
        assert.deepStrictEqual([flow!.twice, flow!.unordered], [0, 0])
        // One that had begun to forward took with it what it had just received.
        assert.isAtMost(flow!.sent - flow!.received, word === "serving" ? Bounds.batchFrames : 0)
        assert.deepStrictEqual(yield* old.terminate, { status: 0, signal: null })
      }), 60_000)
  }
})

describe("an old process that is killed", () => {
  for (const word of ["hello", "offer", "take", "inventory", "descriptors"] as const) {
    it.scopedLive(`before the word "${word}" gets through cannot be taken over, which is one line`, () =>
      Effect.gen(function*() {
        const { guests, heir, old } = yield* crash("old", word)
        assert.deepStrictEqual(yield* heir.waitForEnd(10_000), { status: 1, signal: null })
        assert.match(heir.stderr(), /^vknetd: cannot take over [^\n]+: the running switch ended meanwhile [^\n]+\n$/m)
        yield* guests.process.waitUntil("closed", () => guests.process.stdout().includes("closed") || undefined, 5000)
        assert.isTrue(fs.existsSync(old.socketPath))
      }), 60_000)
  }

  for (const word of ["knowledge", "ready", "commit", "serving"] as const) {
    it.scopedLive(`before the word "${word}" gets through has the new one go on`, () =>
      Effect.gen(function*() {
        const { directory, guests, heir, old } = yield* crash("old", word)
        const took = () => heir.stderr().includes("took over a running switch") || undefined
        yield* heir.waitUntil("taken over", took, 10_000)
        yield* until("its pid", () => pidIn(old.pidFilePath) === heir.pid || undefined)
        assert.include((yield* old.ask("status", "--json")).stdout, `"pid":${heir.pid},`)
        const [flow] = yield* guests.end
        assert.deepStrictEqual(flow, { sent: flow!.sent, received: flow!.sent, twice: 0, unordered: 0 })
        heir.signal("SIGTERM")
        assert.deepStrictEqual(yield* heir.waitForEnd(5000), { status: 0, signal: null })
        assert.deepStrictEqual(fs.readdirSync(directory), [])
      }), 60_000)
  }
})
