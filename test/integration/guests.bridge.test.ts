import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { makeNetns, makeVeth } from "./guests/Netns.ts"
import { assertNoLoss, hundredPings } from "./guests/Ping.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"

const bridgeWords = ["-U", "-b", "br9", "-t", "tap9", "--group", "root"]

describe.runIf(guestsRunOnTap)("a tap in a bridge", () => {
  it.scopedLive("lets a guest reach a machine behind the bridge, which TERM then leaves", () =>
    Effect.gen(function*() {
      const host = yield* makeNetns
      const machine = yield* makeNetns
      const directory = yield* scratchDirectory()
      const vknetd = yield* startSwitch({ directory, prefix: host.prefix, argv: bridgeWords })

      yield* makeVeth(
        { netns: host, interfaceName: "cable" },
        { netns: machine, interfaceName: "eth0" }
      )
      yield* host.succeed("ip link set cable master br9")
      yield* machine.succeed("ip addr add 10.9.0.1/24 dev eth0")
      const guest = yield* startUmlGuest({
        name: "ann",
        initramfs: yield* buildInitramfs,
        line: umlLine(vknetd.socketPath, "52:54:00:00:00:0a")
      })
      yield* guest.succeed("ip addr add 10.9.0.2/24 dev vec0 && ip link set vec0 up")
      assertNoLoss(yield* guest.succeed(hundredPings("10.9.0.1")))
      assertNoLoss(yield* machine.succeed(hundredPings("10.9.0.2")))

      assert.deepStrictEqual(yield* vknetd.terminate, { status: 0, signal: null })
      assert.isFalse(yield* host.hasInterface("tap9"), "tap")
      assert.isTrue(yield* host.hasInterface("br9"), "bridge with the cable in it")
      assert.include(yield* host.succeed("ip -o link show cable"), "master br9")
    }), 60_000)

  it.scopedLive("removes a bridge that it made, and leaves one that was there", () =>
    Effect.gen(function*() {
      const host = yield* makeNetns
      const directory = yield* scratchDirectory()
      const request = { directory, prefix: host.prefix, argv: bridgeWords }

      const maker = yield* startSwitch(request)
      const links = yield* host.succeed("ip -o link show")
      assert.match(links, /tap9: .*master br9/)
      assert.match(links, /br9: <[^>]*\bUP\b/)
      yield* maker.terminate
      assert.isFalse(yield* host.hasInterface("br9"), "made by the switch")

      yield* host.succeed("ip link add br9 type bridge")
      const joiner = yield* startSwitch(request)
      yield* joiner.terminate
      assert.isTrue(yield* host.hasInterface("br9"), "there before the switch")
    }), 60_000)
})
