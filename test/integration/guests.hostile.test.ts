import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Guest } from "./guests/Guest.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import type { HostProcessError } from "./guests/HostProcess.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { makeNetns } from "./guests/Netns.ts"
import { assertNoLoss, hundredPings } from "./guests/Ping.ts"
import { forgedTarget, reportOf, sendOnce, startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"

const annMac = "52:54:00:00:00:0a"
const bobMac = "52:54:00:00:00:0b"

/** A switch with a tap, and two honest kernels that know each other. */
class Lab extends Context.Tag("Lab")<Lab, {
  readonly socketPath: string
  readonly ann: Guest
  readonly bob: Guest
}>() {}

const lab = (switchWords: ReadonlyArray<string>) => Layer.scoped(Lab, Effect.gen(function*() {
  const { prefix } = yield* makeNetns
  const directory = yield* scratchDirectory()
  const argv = ["-t", "tap8", "--group", "root", ...switchWords]
  const { socketPath } = yield* startSwitch({ directory, prefix, argv })
  const initramfs = yield* buildInitramfs
  const boot = (name: string, mac: string) =>
    startUmlGuest({ name, initramfs, line: umlLine(socketPath, mac) })
  const [ann, bob] = yield* Effect.all(
    [boot("ann", annMac), boot("bob", bobMac)],
    { concurrency: 2 }
  )
  yield* ann.succeed("ip addr add 10.1.0.2/24 dev vec0 && ip link set vec0 up").pipe(Effect.orDie)
  yield* bob.succeed("ip addr add 10.1.0.3/24 dev vec0 && ip link set vec0 up").pipe(Effect.orDie)
  yield* ann.succeed("ping -c 1 10.1.0.3").pipe(Effect.orDie)
  return { socketPath, ann, bob }
})) satisfies Layer.Layer<Lab, HostProcessError>

/** Frames that a guest's card has taken from the switch. */
const receivedBy = (guest: Guest) =>
  Effect.map(guest.succeed("cat /sys/class/net/vec0/statistics/rx_packets"), Number)

const modes = [
  { mode: "secure", words: ["10.1.0.1/24"] },
  { mode: "a pure bridge", words: ["-U", "10.1.0.1/24"] }
]

for (const { mode, words } of modes) {
  describe.runIf(guestsRunOnTap)(`two honest guests beside hostile ones, ${mode}`, () => {
    layer(lab(words), { excludeTestServices: true, timeout: 60_000 })((it) => {
      it.scoped("lose nothing while one broadcasts without end and another never reads", () =>
        Effect.gen(function*() {
          const { ann, bob, socketPath } = yield* Lab
          yield* startRawPort("silent", socketPath)
          const before = yield* receivedBy(bob)
          const loud = yield* startRawPort("broadcast", socketPath)
          yield* Effect.sleep("500 millis")
          const output = yield* ann.succeed(hundredPings("10.1.0.3"), 30_000)
          const { sent } = yield* reportOf(loud)
          const flooded = (yield* receivedBy(bob)) - before
          process.stderr.write(`flood: ${sent} broadcasts sent, ${flooded} frames taken by another\n`)
          assertNoLoss(output)
          // In secure mode no guest may flood as it likes: rule Q2.
          assert.isAbove(flooded, mode === "secure" ? 2000 : 10_000)
        }), 60_000)

      it.scoped("keep their talk to themselves when one sends from 100,000 made-up sources", () =>
        Effect.gen(function*() {
          const { ann, socketPath } = yield* Lab
          const forger = yield* startRawPort("forge", socketPath, "100000")
          // What it sends goes to all and may fill a port: loss at this moment is another matter.
          yield* ann.succeed(hundredPings("10.1.0.3"), 30_000)
          yield* forger.waitUntil("done", () => forger.stdout().includes("sent") || undefined, 30_000)
          assertNoLoss(yield* ann.succeed(hundredPings("10.1.0.3"), 30_000))

          // What nobody is known to own does go to all: so the forger would have seen theirs.
          yield* sendOnce(socketPath, "52:54:00:00:00:0c", "52:54:00:00:00:0d")
          const { received, sent } = yield* reportOf(forger)
          assert.strictEqual(sent, 100_000)
          assert.strictEqual(received["52:54:00:00:00:0d"], 1)
          assert.notProperty(received, annMac)
          assert.notProperty(received, bobMac)
          assert.notProperty(received, forgedTarget)
        }), 60_000)
    })
  })
}
