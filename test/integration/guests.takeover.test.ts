import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { run } from "./commandTranscript.ts"
import type { Guest } from "./guests/Guest.ts"
import { guestsRun, guestsRunOnTap } from "./guests/GuestPackages.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { megabitsPerSecond } from "./guests/Iperf.ts"
import { makeNetns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"
import { spread, takeOver } from "./takeoverWorld.ts"

const words = ["--no-tap", "10.1.0.1/24"]
const takeovers = 5

/** A kernel's whole second or more: the takeover falls into it. */
const pingsPerRun = 1000

/**
 * The longest that an answer took: with an echo a millisecond, the longest silence. What ping(8) of busybox counts as
 * lost is left out: of many answers that come at once it loses some itself.
 */
const longestAnswerMs = (guest: Guest, address: string) =>
  Effect.map(guest.run(`ping -q -i 0.001 -c ${pingsPerRun} ${address}`, 60_000), ({ output }) => {
    assert.notInclude(output, "duplicates")
    return Number(/min\/avg\/max = [\d.]+\/[\d.]+\/([\d.]+) ms/.exec(output)?.[1])
  })

/** Frames that a guest's kernel has received and sent. */
const framesOf = (guest: Guest) =>
  Effect.map(guest.succeed("grep vec0: /proc/net/dev"), (line) => {
    const fields = line.trim().split(/\s+/).map(Number)
    return { received: fields[2]!, sent: fields[10]! }
  })

interface Row {
  readonly receivedFrames: number
  readonly sentFrames: number
  readonly droppedFrames: number
}

describe.runIf(guestsRun)("two guests, a transfer and a takeover", () => {
  it.scopedLive(`the transfer outlives ${takeovers} takeovers, and a ping a millisecond sees hardly a pause`, () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const initramfs = yield* buildInitramfs
      const old = yield* startSwitch({ directory, prefix: [], argv: words })
      const boot = (name: string, mac: string) =>
        startUmlGuest({ name, initramfs, line: umlLine(old.socketPath, mac) })
      const [ann, bob] = yield* Effect.all(
        [boot("ann", "52:54:00:00:00:0a"), boot("bob", "52:54:00:00:00:0b")],
        { concurrency: 2 }
      )
      for (const [guest, address] of [[ann, "10.1.0.2"], [bob, "10.1.0.3"]] as const) {
        yield* guest.succeed(`ip addr add ${address}/24 dev vec0 && ip link set vec0 up`)
      }
      yield* bob.succeed("iperf3 --server --daemon")
      yield* ann.succeed("ping -q -c 3 -i 0.1 10.1.0.3")
      // On until the end: it is ended by its server's, having said what came through.
      yield* ann.succeed("iperf3 --client 10.1.0.3 --time 30 --json >/tmp/iperf 2>&1 & sleep 1")

      let before = old.process
      // Side by side, as the two kernels and the machine make pauses of their own.
      const silences: Array<number> = []
      const others: Array<number> = []
      for (let i = 0; i < takeovers; i++) {
        others.push(yield* longestAnswerMs(ann, "10.1.0.3"))
        const pings = yield* Effect.fork(longestAnswerMs(ann, "10.1.0.3"))
        yield* Effect.sleep(200)
        const heir = yield* takeOver([...words, "-p", old.socketPath], old.pidFilePath)
        assert.deepStrictEqual(yield* before.waitForEnd(5000), { status: 0, signal: null })
        before = heir
        silences.push(yield* Fiber.join(pings))
      }
      const report = yield* ann.succeed("while pidof iperf3 >/dev/null; do sleep 1; done; cat /tmp/iperf", 90_000)
      const { max, median } = spread(silences)
      process.stderr.write(
        `${takeovers} takeovers under iperf3 at ${megabitsPerSecond(report)} Mbit/s: `
          + `longest answer to a ping a millisecond, median ${median} ms, max ${max} ms; `
          + `without one, median ${spread(others).median} ms\n`
      )
      assert.notInclude(report, "\"error\"")
      // Each frame that a guest has sent was received once, or is counted as dropped: by the last of six processes.
      yield* Effect.sleep(500)
      const { stdout } = yield* run(["ports", "--json", "-p", old.socketPath])
      const [first, second] = JSON.parse(stdout) as ReadonlyArray<Row>
      const [ofAnn, ofBob] = yield* Effect.all([framesOf(ann), framesOf(bob)])
      assert.deepStrictEqual(
        [first!.receivedFrames, first!.sentFrames, second!.receivedFrames, second!.sentFrames],
        [ofAnn.sent, ofAnn.received, ofBob.sent, ofBob.received]
      )
      assert.strictEqual(first!.receivedFrames, second!.sentFrames + second!.droppedFrames)
      assert.strictEqual(second!.receivedFrames, first!.sentFrames + first!.droppedFrames)
      assert.isAbove(megabitsPerSecond(report), 0)
      assert.isBelow(median - spread(others).median, 200)
    }), 240_000)
})

describe.runIf(guestsRunOnTap)("a host, a guest and a takeover", () => {
  it.scopedLive("a transfer of large segments from the host goes on, and each frame arrives or is counted", () =>
    Effect.gen(function*() {
      const host = yield* makeNetns
      const directory = yield* scratchDirectory()
      const initramfs = yield* buildInitramfs
      const argv = ["-t", "tap7", "--group", "root", "10.1.0.1/24"]
      const old = yield* startSwitch({ directory, prefix: host.prefix, argv })
      const line = umlLine(old.socketPath, "52:54:00:00:00:0a")
      const ann = yield* startUmlGuest({ name: "ann", initramfs, line })
      yield* ann.succeed("ip addr add 10.1.0.2/24 dev vec0 && ip link set vec0 up && iperf3 --server --daemon")
      yield* host.succeed("ping -q -c 3 -i 0.1 10.1.0.2")
      const transfer = yield* host.start(["iperf3", "--client", "10.1.0.2", "--time", "15", "--json"])
      let before = old.process
      for (let i = 0; i < takeovers; i++) {
        yield* Effect.sleep(500)
        const heir = yield* takeOver([...argv, "-p", old.socketPath], old.pidFilePath, host.prefix)
        assert.deepStrictEqual(yield* before.waitForEnd(5000), { status: 0, signal: null })
        before = heir
      }
      assert.deepStrictEqual(yield* transfer.waitForEnd(60_000), { status: 0, signal: null })
      assert.isAbove(megabitsPerSecond(transfer.stdout()), 0)
      yield* Effect.sleep(500)
      const { stdout } = yield* run(["ports", "--json", "-p", old.socketPath])
      const [tap, guest] = JSON.parse(stdout) as ReadonlyArray<Row & { readonly deniedFrames: number }>
      const kernel = yield* framesOf(ann)
      assert.deepStrictEqual([guest!.receivedFrames, guest!.sentFrames], [kernel.sent, kernel.received])
      // What the host floods, as its router solicitations, may be kept from guests: that is counted as denied.
      assert.strictEqual(tap!.receivedFrames - tap!.deniedFrames, guest!.sentFrames + guest!.droppedFrames)
      assert.strictEqual(guest!.receivedFrames - guest!.deniedFrames, tap!.sentFrames + tap!.droppedFrames)
    }), 180_000)
})
