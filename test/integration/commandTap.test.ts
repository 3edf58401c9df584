import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { assertMistake, background, gone, run } from "./commandTranscript.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import type { Netns } from "./guests/Netns.ts"
import { makeNetns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"

const address = "10.1.0.1/24"

/** The interfaces of a namespace besides its loopback. */
const interfaces = (netns: Netns) =>
  Effect.map(netns.succeed("ip -o link show"), (text) =>
    Array.from(text.matchAll(/^\d+: ([^:@]+)/gm), ([, name]) => name!).filter((name) => name !== "lo").sort())

describe.runIf(privilegesMissing().length === 0)("with a tap", () => {
  const start = (netns: Netns, directory: string, argv: ReadonlyArray<string>) =>
    background(["-p", `${directory}/s`, "--group", "0", ...argv], `${directory}/pid`, netns.prefix)

  it.scopedLive("its name is printed alone on a line, and it is up with the address when the command ends", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const { pid, stderr, stdout } = yield* start(netns, directory, ["-t", "tap7", address])
      assert.deepStrictEqual({ stdout, stderr }, { stdout: "tap7\n", stderr: "" })
      const shown = yield* netns.succeed("ip -o -4 address show dev tap7; ip -o link show dev tap7")
      assert.match(shown, /inet 10\.1\.0\.1\/24 /)
      assert.match(shown, /[<,]UP[,>]/)
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(yield* interfaces(netns), [])
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  for (const bits of [0, 1, 30, 31, 32]) {
    it.scopedLive(`/${bits} is exactly that`, () =>
      Effect.gen(function*() {
        const netns = yield* makeNetns
        const directory = yield* scratchDirectory()
        yield* start(netns, directory, [`10.1.0.1/${bits}`])
        assert.include(yield* netns.succeed("ip -o -4 address show dev tap0"), `inet 10.1.0.1/${bits} `)
      }))
  }

  it.scopedLive("auto takes the first that is free", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const first = yield* scratchDirectory()
      const second = yield* scratchDirectory()
      assert.strictEqual((yield* start(netns, first, [address])).stdout, "tap0\n")
      assert.strictEqual((yield* start(netns, second, ["-t", "auto", "10.2.0.1/24"])).stdout, "tap1\n")
    }))

  it.scopedLive("one that another switch has is refused, and the other goes on", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const first = yield* scratchDirectory()
      const second = yield* scratchDirectory()
      yield* start(netns, first, ["-t", "tap3", address])
      const argv = ["-p", `${second}/s`, "-i", `${second}/pid`, "--group", "0", "-t", "tap3", "10.2.0.1/24"]
      const line = "cannot open tap3: EBUSY (another process holds it; use -t auto)"
      assertMistake(yield* run(["-d", ...argv], netns.prefix), line)
      assertMistake(yield* run(argv, netns.prefix), line)
      assert.deepStrictEqual(fs.readdirSync(second), [])
      assert.notInclude(yield* netns.succeed("ip -o -4 address show"), "10.2.0.1")
    }))

  it.scopedLive("in the foreground its name comes first on standard output", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const running = yield* startSwitch({ directory, prefix: netns.prefix, argv: ["--group", "0", address] })
      yield* running.process.waitUntil("printed", () => running.process.stdout() !== "" || undefined, 5000)
      assert.strictEqual(running.process.stdout(), "tap0\n")
      assert.deepStrictEqual(yield* running.terminate, { status: 0, signal: null })
    }))

  it.scopedLive("-b makes a bridge that is absent, with the tap in it, and takes both away", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const { pid } = yield* start(netns, directory, ["-Ubbridge0"])
      assert.deepStrictEqual(yield* interfaces(netns), ["bridge0", "tap0"])
      assert.match(yield* netns.succeed("ip -o link show dev tap0"), / master bridge0 /)
      assert.match(yield* netns.succeed("ip -o link show dev bridge0"), /[<,]UP[,>]/)
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(yield* interfaces(netns), [])
    }))

  it.scopedLive("-b leaves a bridge that was there", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      yield* netns.succeed("ip link add lan type bridge")
      const { pid } = yield* start(netns, directory, ["-U", "-b", "lan"])
      assert.match(yield* netns.succeed("ip -o link show dev tap0"), / master lan /)
      process.kill(pid, "SIGTERM")
      yield* gone(pid)
      assert.deepStrictEqual(yield* interfaces(netns), ["lan"])
    }))

  it.scopedLive("-b on what is no bridge is refused, and nothing is left", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const argv = ["-p", `${directory}/s`, "-i", `${directory}/pid`, "--group", "0", "-b", "lo", address]
      assertMistake(yield* run(argv, netns.prefix), /^cannot (?:create|add to) bridge lo: E[A-Z]+ \(.+\)$/)
      assert.deepStrictEqual(yield* interfaces(netns), [])
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("after kill -9 the same tap, bridge and socket can be had again", () =>
    Effect.gen(function*() {
      const netns = yield* makeNetns
      const directory = yield* scratchDirectory()
      const argv = ["-t", "tap5", "-b", "bridge0", address]
      const first = yield* start(netns, directory, argv)
      process.kill(first.pid, "SIGKILL")
      yield* gone(first.pid)
      const second = yield* start(netns, directory, argv)
      assert.strictEqual(second.stdout, "tap5\n")
      assert.match(yield* netns.succeed("ip -o link show dev tap5"), / master bridge0 /)
    }))
})
