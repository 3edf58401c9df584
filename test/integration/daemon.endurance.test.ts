import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { runProcess, startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch, type SwitchUnderTest, vknetd } from "./guests/SwitchUnderTest.ts"

const script = fileURLToPath(new URL("./Connections.py", import.meta.url))

const connections = (target: SwitchUnderTest, what: "cycle" | "hold", count: number) =>
  ["python3", script, target.socketPath, what, String(count)]

/** Descriptors and resident octets of a process. */
const usage = (target: SwitchUnderTest) => {
  const status = fs.readFileSync(`/proc/${target.process.pid}/status`, "utf8")
  return {
    descriptors: fs.readdirSync(`/proc/${target.process.pid}/fd`).length,
    residentKb: Number(/VmRSS:\s+(\d+)/.exec(status)![1])
  }
}

/** How often threads of a process were blocked and woken, by thread. */
const wakeUps = (target: SwitchUnderTest) => {
  const tasks = `/proc/${target.process.pid}/task`
  return fs.readdirSync(tasks).map((task) =>
    Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(fs.readFileSync(`${tasks}/${task}/status`, "utf8"))![1])
  )
}

const noTap = (directory: string, ...argv: ReadonlyArray<string>) =>
  startSwitch({ directory, prefix: [], argv: ["--no-tap", "-U", ...argv] })

describe("a running switch", () => {
  it.scopedLive("is after 10,000 connections what it was before", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      const cycle = (count: number) => succeed(connections(target, "cycle", count), { timeoutMs: 60_000 })
      // The first fill what is filled once: code, and the heap up to the size at which it is collected.
      yield* cycle(10_000)
      yield* Effect.sleep(500)
      const before = usage(target)
      yield* cycle(10_000)
      yield* Effect.sleep(500)
      const after = usage(target)
      process.stderr.write(`10,000 connections: ${JSON.stringify(before)} to ${JSON.stringify(after)}\n`)
      assert.strictEqual(after.descriptors, before.descriptors)
      assert.isBelow(after.residentKb, before.residentKb + 32_768)
    }), 90_000)

  it.scopedLive("takes 1,000 guests at once where it is told to, and lets go of all", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory(), "--max-clients-per-uid", "1024")
      yield* succeed(connections(target, "cycle", 1))
      yield* Effect.sleep(500)
      const before = usage(target)
      const crowd = yield* startProcess(connections(target, "hold", 1000))
      yield* crowd.waitUntil("connected", () => crowd.stdout().endsWith("\n") || undefined, 60_000)
      assert.strictEqual(crowd.stdout(), "held 1000 refused 0\n")
      const crowded = usage(target)
      process.stderr.write(`1,000 guests: ${JSON.stringify(before)} to ${JSON.stringify(crowded)}\n`)
      assert.strictEqual(crowded.descriptors, before.descriptors + 1000)
      assert.isBelow(crowded.residentKb, before.residentKb + 15_000)
      crowd.endInput()
      yield* crowd.waitForEnd(10_000)
      yield* Effect.sleep(500)
      assert.strictEqual(usage(target).descriptors, before.descriptors)
    }), 90_000)

  it.scopedLive("answers while others connect and go away as fast as they can, and does not grow", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      yield* succeed(connections(target, "cycle", 1000))
      yield* Effect.sleep(500)
      const before = usage(target)
      yield* Effect.replicateEffect(startProcess(connections(target, "cycle", 60_000)), 3)
      for (let asked = 0; asked < 3; asked++) {
        yield* Effect.sleep(1000)
        yield* succeed([...vknetd, "status", "-p", target.socketPath], { timeoutMs: 4000 })
        assert.isBelow(usage(target).residentKb, before.residentKb + 49_152)
      }
    }), 60_000)

  it.scopedLive("with guests that say nothing, has nothing that wakes it again and again", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      const crowd = yield* startProcess(connections(target, "hold", 10))
      yield* crowd.waitUntil("connected", () => crowd.stdout().endsWith("\n") || undefined, 10_000)
      // The engine itself collects garbage once or twice in the minute after a start: what comes again and again
      // leaves no three seconds without.
      const quiet: Array<number> = []
      for (let i = 0; i < 6 && !quiet.includes(0); i++) {
        const before = wakeUps(target)
        yield* Effect.sleep(3000)
        const more = wakeUps(target).map((count, thread) => count - before[thread]!)
        quiet.push(more.reduce((sum, count) => sum + count, 0))
      }
      assert.include(quiet, 0)
    }), 30_000)

  it.scopedLive("refuses what is over its bounds, and says so", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory(), "--max-clients", "300")
      const one = yield* startProcess(connections(target, "hold", 280))
      yield* one.waitUntil("connected", () => one.stdout().endsWith("\n") || undefined, 30_000)
      assert.strictEqual(one.stdout(), "held 256 refused 24\n")
      assert.match(target.process.stderr(), /reason=CONN_UID_LIMIT/)
      fs.chmodSync(target.socketPath, 0o666)
      const other = yield* startProcess(connections(target, "hold", 60), { uid: 65_534 })
      yield* other.waitUntil("connected", () => other.stdout().endsWith("\n") || undefined, 30_000)
      assert.strictEqual(other.stdout(), "held 44 refused 16\n")
      assert.match(target.process.stderr(), /reason=CONN_LIMIT/)
    }), 90_000)

  it.scopedLive("that was killed is started again without more ado", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const killed = yield* noTap(directory)
      yield* killed.kill
      assert.isTrue(fs.existsSync(killed.socketPath))
      assert.isTrue(fs.existsSync(killed.pidFilePath))
      const next = yield* noTap(directory)
      const { status } = yield* runProcess(connections(next, "cycle", 3))
      assert.strictEqual(status, 0)
      assert.deepStrictEqual(yield* next.terminate, { status: 0, signal: null })
      assert.isFalse(fs.existsSync(next.socketPath))
      assert.isFalse(fs.existsSync(next.pidFilePath))
    }), 30_000)
})
