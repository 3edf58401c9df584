import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Worker } from "node:worker_threads"
import { startEarly, takeThread } from "../../src/adapters/native/EarlyThread.ts"
import { assertMistake, runWords, until, vknetd } from "./commandTranscript.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

const waiting = () => (globalThis as { [key: symbol]: Worker | undefined })[Symbol.for("vknetd.forwardingThread")]

const end = (...threads: ReadonlyArray<Worker>) =>
  Effect.promise(() => Promise.all(threads.map((thread) => thread.terminate())))

/** Has Node say on standard error which threads are started and when the switch is read. */
const watched = `const threads = require("node:worker_threads"), fs = require("node:fs")
const { basename } = require("node:path")
const say = (word, file) => fs.writeSync(2, "watched " + word + " " + basename(String(file)) + "\\n")
threads.Worker = class extends threads.Worker {
  constructor(file, ...more) { super(file, ...more); say("start", file) }
}
const { readFileSync } = fs
fs.readFileSync = (file, ...more) => {
  if (String(file).endsWith("switch.cjs")) say("read", file)
  return readFileSync(file, ...more)
}`

/** Has the thread take long to load the addon, and the process end while it does. */
const ending = (file: string) => `const fs = require("node:fs"), { isMainThread } = require("node:worker_threads")
const nap = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const file = ${JSON.stringify(file)}
if (isMainThread) process.on("exit", () => { for (let i = 0; i < 500 && !fs.existsSync(file); i++) nap(10) })
else {
  const { dlopen } = process
  process.dlopen = (...more) => {
    fs.appendFileSync(file, "loading ")
    nap(300)
    dlopen(...more)
    fs.appendFileSync(file, "loaded ")
  }
}`

describe("a forwarding thread that is started early", () => {
  it.live("is taken once; then there is a new one", () =>
    Effect.gen(function*() {
      startEarly()
      const early = waiting()
      const threads = [takeThread(), takeThread()] as const
      assert.strictEqual(threads[0], early)
      assert.notStrictEqual(threads[1], early)
      yield* end(...threads)
    }))

  it.live("is replaced if it has ended before it was taken", () =>
    Effect.gen(function*() {
      startEarly()
      yield* end(waiting()!)
      const thread = takeThread()
      assert.isAbove(thread.threadId, 0)
      yield* end(thread)
    }))

  it.scopedLive("is started before the switch is read, and is the only one", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const listen = path.join(directory, "s")
      const hook = path.join(directory, "watched.cjs")
      fs.writeFileSync(hook, watched)
      const [node, command] = vknetd
      const argv = ["-d", "-U", "--no-tap", "-p", listen, "--group", "root"]
      const process = yield* startProcess([node, "--require", hook, command, ...argv])
      yield* until("serving", () => fs.existsSync(`${listen}.ctl`) || undefined)
      process.signal("SIGTERM")
      assert.deepStrictEqual(yield* process.waitForEnd(5000), { status: 0, signal: null })
      const seen = process.stderr().split("\n").filter((line) => line.startsWith("watched "))
      assert.deepStrictEqual(seen, ["watched start forwarder.cjs", "watched read switch.cjs"])
    }))

  it.live("keeps no command from ending that turns out to be none", () =>
    Effect.gen(function*() {
      const answer = yield* runWords([...vknetd, "-d", "-U", "--check"])
      assert.deepStrictEqual(answer, { status: 0, stdout: "the command line: ok\n", stderr: "" })
    }))

  it.scopedLive("is not ended while it loads the addon, which would abort the process", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const [hook, file] = [path.join(directory, "ending.cjs"), path.join(directory, "seen")]
      fs.writeFileSync(hook, ending(file))
      assertMistake(yield* runWords([vknetd[0], "--require", hook, vknetd[1], "-dx"]), /^unknown option -x; /)
      assert.strictEqual(fs.readFileSync(file, "utf8"), "loading loaded ")
    }))

  it.scopedLive("is missed by a switch alone, in one line", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const repository = path.dirname(path.dirname(vknetd[1]))
      for (const name of ["bin", "dist"]) {
        fs.cpSync(path.join(repository, name), path.join(directory, name), { recursive: true })
      }
      fs.symlinkSync(path.join(repository, "build"), path.join(directory, "build"))
      fs.rmSync(path.join(directory, "dist/forwarder.cjs"))
      const command = [vknetd[0], path.join(directory, "bin/vknetd")]
      assert.strictEqual((yield* runWords([...command, "-d", "-U", "--check"])).status, 0)
      const argv = ["-U", "--no-tap", "-p", path.join(directory, "s"), "--group", "root"]
      for (const foreground of [["-d"], []]) {
        assertMistake(yield* runWords([...command, ...foreground, ...argv]), /forwarder\.cjs is not built/)
      }
    }), 30_000)
})
