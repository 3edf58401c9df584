import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { startEarly, takeThread } from "../../src/adapters/native/EarlyThread.ts"
import { runWords, until, vknetd } from "./commandTranscript.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

/** The switch's bundle alone, as the command calls it. */
const withoutForesight = (bundle: string): ReadonlyArray<string> => {
  const text = `const bundle = process.argv[1]
    const text = require("node:fs").readFileSync(bundle, "latin1")
    new (require("node:vm").Script)(text).runInThisContext()({}, require("node:module").createRequire(bundle), bundle)`
  return [process.execPath, "-e", text, bundle]
}

const switchBundle = fileURLToPath(new URL("../../dist/switch.cjs", import.meta.url))

/** How many threads a serving switch has. */
const threadsOf = (words: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const listen = `${yield* scratchDirectory()}/s`
    const process = yield* startProcess([...words, "-d", "-U", "--no-tap", "-p", listen, "--group", "root"])
    yield* until("serving", () => fs.existsSync(`${listen}.ctl`) || undefined)
    const count = fs.readdirSync(`/proc/${process.pid}/task`).length
    process.signal("SIGTERM")
    assert.deepStrictEqual(yield* process.waitForEnd(5000), { status: 0, signal: null })
    return count
  }).pipe(Effect.scoped)

describe("a forwarding thread that is started early", () => {
  it.live("is taken once; then there is a new one", () =>
    Effect.gen(function*() {
      startEarly()
      const threads = [takeThread(), takeThread()]
      assert.notStrictEqual(threads[0], threads[1])
      startEarly()
      const third = takeThread()
      assert.isFalse(threads.includes(third))
      yield* Effect.promise(() => Promise.all([...threads, third].map((thread) => thread.terminate())))
    }))

  it.scopedLive("is the one that the switch forwards with", () =>
    Effect.gen(function*() {
      const early = yield* threadsOf(vknetd)
      assert.strictEqual(early, yield* threadsOf(withoutForesight(switchBundle)))
    }), 30_000)

  it.live("keeps no command from ending that turns out to be none", () =>
    Effect.gen(function*() {
      const answer = yield* runWords([...vknetd, "-d", "-U", "--check"])
      assert.deepStrictEqual(answer, { status: 0, stdout: "the command line: ok\n", stderr: "" })
    }))
})
