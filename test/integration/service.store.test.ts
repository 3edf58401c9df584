import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run, until } from "./commandTranscript.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { makeNetns } from "./guests/Netns.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startService } from "./ServiceUnderTest.ts"
import { startNumberedGuests } from "./takeoverWorld.ts"

const isReady = (line: string): boolean => line.startsWith("READY=1")

/** A switch under a manager that keeps open files and starts it again; two guests whose connections are kept. */
const keptGuests = (spec: { readonly store?: number; readonly restarts: number }, ...argv: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const listen = `${directory}/s`
    const words = ["-d", "--no-tap", "-U", ...argv, "-p", listen]
    const service = yield* startService({ listen, notify: `${directory}/notify`, ...spec }, words)
    yield* service.waitFor("READY=1")
    const guests = yield* startNumberedGuests(listen)
    const status = Effect.map(run(["status", "--json", "-p", listen]), ({ stdout }) =>
      JSON.parse(stdout) as Record<string, unknown>)
    const ready = (times: number) =>
      until(`ready ${times} times`, () =>
        service.told().filter(isReady).length === times || undefined)
    return { listen, service, guests, status, ready }
  })

describe("guests of a switch that is killed", () => {
  it.scopedLive("go on with the next one that the service manager starts, as often as it does", () =>
    Effect.gen(function*() {
      const { guests, ready, service, status } = yield* keptGuests({ store: 16, restarts: 3 })
      for (let times = 1; times <= 3; times++) {
        for (const name of ["g1", "g2"]) {
          const keeps = () => service.told().filter((line) => line === `FDSTORE=1|FDNAME=${name}`).length >= times
          yield* until(`${name} kept ${times} times`, () => keeps() || undefined)
        }
        const killed = service.pid()
        process.kill(killed, "SIGKILL")
        yield* ready(times + 1)
        assert.notStrictEqual(service.pid(), killed)
        const told = yield* status
        assert.deepStrictEqual([told["pid"], told["guests"]], [service.pid(), 2])
      }
      yield* guests.silenceMs
      yield* Effect.sleep(300)
      assert.isBelow(yield* guests.silenceMs, 300)
      const [flow] = yield* guests.end
      assert.deepStrictEqual([flow!.twice, flow!.unordered], [0, 0])
      assert.match(service.manager.stderr(), /went on with what the service manager kept" guests=2 refused=0 tap=none/)
    }), 60_000)

  it.scopedLive("are disconnected where nothing is kept, and nothing is asked for", () =>
    Effect.gen(function*() {
      const { guests, service } = yield* keptGuests({ restarts: 1 })
      process.kill(service.pid(), "SIGKILL")
      yield* guests.process.waitUntil("closed", () => guests.process.stdout().includes("closed") || undefined, 5000)
      assert.deepStrictEqual(service.told().filter((line) => line.startsWith("FDSTORE")), [])
    }))
})

describe("a connection that is kept", () => {
  it.scopedLive("ends all the same when the switch ends it, and is kept no more", () =>
    Effect.gen(function*() {
      const { listen, service, status } = yield* keptGuests({ store: 16, restarts: 0 })
      const guest = yield* startRawPort("frames", listen)
      yield* service.waitFor("FDSTORE=1|FDNAME=g3")
      assert.strictEqual((yield* run(["port", "3", "disconnect", "-p", listen])).status, 0)
      assert.deepStrictEqual(yield* guest.waitForEnd(5000), { status: 0, signal: null })
      yield* until("gone", () => service.gone().length > 0 || undefined)
      assert.deepStrictEqual(service.gone(), ["g3"])
      assert.strictEqual((yield* status)["guests"], 2)
    }))

  it.scopedLive("is kept no more when its guest goes", () =>
    Effect.gen(function*() {
      const { guests, service } = yield* keptGuests({ store: 16, restarts: 0 })
      yield* service.waitFor("FDSTORE=1|FDNAME=g2")
      guests.process.signal("SIGKILL")
      yield* until("gone", () => service.gone().length === 2 || undefined)
    }))
})

describe.runIf(privilegesMissing().length === 0)("a tap that is kept", () => {
  it.scopedLive("is the same interface after a crash, and let go at an end", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const listen = `${directory}/s`
      const netns = yield* makeNetns
      const spec = { listen, notify: `${directory}/notify`, store: 16, restarts: 1 }
      const argv = ["-d", "-U", "-p", listen, "10.1.0.1/24"]
      const service = yield* startService(spec, argv, {}, netns.prefix)
      yield* service.waitFor("READY=1")
      const kept = yield* service.waitFor("FDSTORE=1|FDNAME=tap-")
      const guests = yield* startNumberedGuests(listen, { prefix: netns.prefix, tap: "tap0" })
      yield* service.waitFor("FDSTORE=1|FDNAME=g2")
      const index = yield* netns.succeed("cat /sys/class/net/tap0/ifindex")
      process.kill(service.pid(), "SIGKILL")
      yield* until("ready again", () => service.told().filter(isReady).length === 2 || undefined)
      yield* Effect.sleep(300)
      assert.strictEqual(yield* netns.succeed("cat /sys/class/net/tap0/ifindex"), index)
      const flows = yield* guests.end
      assert.strictEqual(flows.length, 3)
      for (const { received, twice, unordered } of flows) {
        assert.isAbove(received, 100)
        assert.deepStrictEqual([twice, unordered], [0, 0])
      }
      service.manager.signal("SIGTERM")
      assert.strictEqual(yield* service.waitForEnd, 0)
      assert.include(service.told(), kept.replace("FDSTORE=1", "FDSTOREREMOVE=1"))
    }), 60_000)
})
