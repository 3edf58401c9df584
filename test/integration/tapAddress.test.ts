import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { makeNetns, type Netns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"

const TAP = "tap7"
const argv = ["-t", TAP, "--group", "0", "10.1.0.1/24"]

/** What addr_assign_type says: a random address, which udev replaces, and one that somebody has set. */
const Assigned = { Random: 1, Set: 3 } as const

const assigned = (host: Netns) => Effect.map(host.succeed(`cat /sys/class/net/${TAP}/addr_assign_type`), Number)

describe.runIf(privilegesMissing().length === 0)("the address of a new tap", () => {
  it.scopedLive("is set by us where we made the tap, so that nobody else gives it another", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const host = yield* makeNetns
      yield* startSwitch({ directory, prefix: host.prefix, argv })
      assert.strictEqual(yield* assigned(host), Assigned.Set)
    }), 30_000)

  it.scopedLive("is left as it is where somebody else did", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const host = yield* makeNetns
      yield* host.succeed(`ip tuntap add ${TAP} mode tap`)
      assert.strictEqual(yield* assigned(host), Assigned.Random)
      yield* startSwitch({ directory, prefix: host.prefix, argv })
      assert.strictEqual(yield* assigned(host), Assigned.Random)
    }), 30_000)
})
