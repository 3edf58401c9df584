import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { answerWhen, request } from "./controlWorld.ts"
import { type HostProcessOptions, runProcess, startProcess, succeed } from "./guests/HostProcess.ts"
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

/** What the switch says of itself. */
const ask = (target: SwitchUnderTest) =>
  Effect.map(request({ socketPath: `${target.socketPath}.ctl`, path: "/status" }), ({ text }) =>
    JSON.parse(text) as { guests: number; receivedFrames: number; refusedConnections: number })

/** Its use as soon as it has no more descriptors than that; as it is after a while if it has. */
const usageWhen = (target: SwitchUnderTest, descriptors: number) =>
  answerWhen(Effect.sync(() => usage(target)), (now) => now.descriptors <= descriptors)

/** Connects so many at once, and gives them with the line about what came of it. */
const hold = (target: SwitchUnderTest, count: number, options?: HostProcessOptions) =>
  Effect.gen(function*() {
    const taken = Effect.map(ask(target), ({ guests, refusedConnections }) => guests + refusedConnections)
    const before = yield* taken
    const crowd = yield* startProcess(connections(target, "hold", count), options)
    const line = (index: number) =>
      crowd.waitUntil("counted", () => crowd.stdout().split("\n").slice(0, -1)[index], 30_000)
    yield* line(0)
    yield* answerWhen(taken, (now) => now === before + count)
    crowd.write("\n")
    return { crowd, cameOf: yield* line(1) }
  })

const noTap = (directory: string, ...argv: ReadonlyArray<string>) =>
  startSwitch({ directory, prefix: [], argv: ["--no-tap", "-U", ...argv] })

describe("a running switch", () => {
  it.scopedLive("is after 10,000 connections what it was before", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      const cycle = (count: number) => succeed(connections(target, "cycle", count), { timeoutMs: 60_000 })
      const { descriptors } = usage(target)
      // The first fill what is filled once: code, and the heap up to the size at which it is collected.
      yield* cycle(10_000)
      const before = yield* usageWhen(target, descriptors)
      yield* cycle(10_000)
      const after = yield* usageWhen(target, descriptors)
      process.stderr.write(`10,000 connections: ${JSON.stringify(before)} to ${JSON.stringify(after)}\n`)
      assert.strictEqual(after.descriptors, before.descriptors)
      assert.isBelow(after.residentKb, before.residentKb + 32_768)
    }), 90_000)

  it.scopedLive("takes 1,000 guests at once where it is told to, and lets go of all", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory(), "--max-clients-per-uid", "1024")
      const { descriptors } = usage(target)
      yield* succeed(connections(target, "cycle", 1))
      const before = yield* usageWhen(target, descriptors)
      const { cameOf, crowd } = yield* hold(target, 1000)
      assert.strictEqual(cameOf, "held 1000 refused 0")
      const crowded = yield* usageWhen(target, before.descriptors + 1000)
      process.stderr.write(`1,000 guests: ${JSON.stringify(before)} to ${JSON.stringify(crowded)}\n`)
      assert.strictEqual(crowded.descriptors, before.descriptors + 1000)
      assert.isBelow(crowded.residentKb, before.residentKb + 15_000)
      crowd.endInput()
      yield* crowd.waitForEnd(10_000)
      assert.strictEqual((yield* usageWhen(target, before.descriptors)).descriptors, before.descriptors)
    }), 90_000)

  it.scopedLive("answers while others connect and go away as fast as they can, and does not grow", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      const { descriptors } = usage(target)
      yield* succeed(connections(target, "cycle", 1000))
      const before = yield* usageWhen(target, descriptors)
      yield* Effect.replicateEffect(startProcess(connections(target, "cycle", 60_000)), 3)
      for (let receivedFrames = 2000; receivedFrames <= 8000; receivedFrames += 3000) {
        yield* answerWhen(ask(target), (now) => now.receivedFrames >= receivedFrames)
        yield* succeed([...vknetd, "status", "-p", target.socketPath], { timeoutMs: 4000 })
        assert.isBelow(usage(target).residentKb, before.residentKb + 49_152)
      }
    }), 60_000)

  it.scopedLive("with guests that say nothing, has nothing that wakes it again and again", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory())
      yield* hold(target, 10)
      // The engine itself collects garbage once or twice in the minute after a start: what comes again and again
      // leaves no three seconds without.
      const quiet: Array<number> = []
      for (let i = 0; i < 6 && !quiet.includes(0); i++) {
        const before = wakeUps(target)
        // That nothing happens has no sign to wait for.
        yield* Effect.sleep(3000)
        const more = wakeUps(target).map((count, thread) => count - before[thread]!)
        quiet.push(more.reduce((sum, count) => sum + count, 0))
      }
      assert.include(quiet, 0)
    }), 30_000)

  it.scopedLive("refuses what is over its bounds, and says so", () =>
    Effect.gen(function*() {
      const target = yield* noTap(yield* scratchDirectory(), "--max-clients", "300")
      assert.strictEqual((yield* hold(target, 280)).cameOf, "held 256 refused 24")
      assert.match(target.process.stderr(), /reason=CONN_UID_LIMIT/)
      fs.chmodSync(target.socketPath, 0o666)
      assert.strictEqual((yield* hold(target, 60, { uid: 65_534 })).cameOf, "held 44 refused 16")
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
