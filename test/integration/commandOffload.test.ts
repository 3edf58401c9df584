import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { megabitsPerSecond, startIperfServer } from "./guests/Iperf.ts"
import { makeNetns, type Netns } from "./guests/Netns.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"
import { reportOf, startTapPort } from "./guests/TapPort.ts"

const tap = "tap7"
const transferBytes = 20_000_000
const testMs = 120_000

/** A host with a switch and its tap, and a guest behind a card that checks every frame. */
const makeLab = (argv: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const host = yield* makeNetns
    const guest = yield* makeNetns
    const directory = yield* scratchDirectory()
    const target = yield* startSwitch({
      directory,
      prefix: host.prefix,
      argv: ["-t", tap, "--group", "0", ...argv, "10.1.0.1/24"]
    })
    yield* host.succeed(`ip addr add fd01::1/64 dev ${tap} nodad`)
    const card = yield* startTapPort(guest, "tap1", target.socketPath, ["10.1.0.2/24", "fd01::2/64"])
    return { host, guest, card, target }
  })

/** Packets that the kernel gave to the tap, and took from it: large segments count once. */
const packets = (host: Netns) =>
  Effect.map(host.succeed(`ip -s -j link show ${tap}`), (text) => {
    const [link] = JSON.parse(text)
    return { toSwitch: link.stats64.tx.packets as number, fromSwitch: link.stats64.rx.packets as number }
  })

/** One TCP stream from the host to the guest, and one back. */
const transferBothWays = (host: Netns, guest: Netns, address: string) =>
  Effect.gen(function*() {
    yield* startIperfServer(guest)
    for (const back of ["", "--reverse"]) {
      const words = `iperf3 --client ${address} --json --bytes ${transferBytes} ${back}`
      assert.isAbove(megabitsPerSecond(yield* host.succeed(words, testMs)), 0)
    }
  }).pipe(Effect.scoped)

/** Frames that a transfer takes at least, even if its end comes before its last octets. */
const framesLeast = transferBytes / 1448 / 2

describe.runIf(guestsRunOnTap)("large segments on the tap", () => {
  for (const [name, argv, address] of [
    ["IPv4, all rules", [], "10.1.0.2"],
    ["IPv6", ["-U"], "fd01::2"]
  ] as const) {
    it.scopedLive(`TCP over ${name}: the guest gets whole frames with right sums, the host few large ones`, () =>
      Effect.gen(function*() {
        const { card, guest, host } = yield* makeLab(argv)
        yield* transferBothWays(host, guest, address)
        const { fromSwitch, toSwitch } = yield* packets(host)
        const report = yield* reportOf(card)
        assert.deepInclude(report, { long: 0, wrong: 0 })
        assert.isAbove(report.tcp, framesLeast)
        assert.isBelow(toSwitch, report.frames * 0.8)
        assert.isBelow(fromSwitch, report.sent * 0.8)
      }), testMs)
  }

  it.scopedLive("a datagram of the host's arrives with its checksum", () =>
    Effect.gen(function*() {
      const { card, host } = yield* makeLab([])
      const sizes = [0, 1, 300, 301, 1471, 1472]
      yield* host.succeed(`ping -c 1 -W 5 10.1.0.2`)
      yield* host.succeed(
        `python3 -c 'import socket as s; d = s.socket(s.AF_INET, s.SOCK_DGRAM)\n`
          + `for n in ${JSON.stringify(sizes)}: d.sendto(bytes(n), ("10.1.0.2", 67))'`
      )
      yield* host.succeed(`ping -c 1 -W 5 10.1.0.2`)
      assert.deepInclude(yield* reportOf(card), { udp: sizes.length, long: 0, wrong: 0 })
    }), testMs)

  it.scopedLive("--no-offload: each frame is one to the host as well", () =>
    Effect.gen(function*() {
      const { card, guest, host } = yield* makeLab(["--no-offload"])
      yield* transferBothWays(host, guest, "10.1.0.2")
      const { fromSwitch, toSwitch } = yield* packets(host)
      const report = yield* reportOf(card)
      assert.deepInclude(report, { long: 0, wrong: 0 })
      assert.isAtLeast(toSwitch, report.frames)
      // What a guest says of IPv6 goes to no host in secure mode.
      assert.isAtLeast(fromSwitch, report.sent - 20)
    }), testMs)

  for (const made of ["", "vnet_hdr"]) {
    it.scopedLive(`a tap that was made before (${made || "plain"}) is used, with and without, and stays`, () =>
      Effect.gen(function*() {
        const host = yield* makeNetns
        const guest = yield* makeNetns
        const directory = yield* scratchDirectory()
        yield* host.succeed(`ip tuntap add mode tap name ${tap} ${made}`)
        for (const option of [[], ["--no-offload"], []]) {
          yield* Effect.gen(function*() {
            const argv = ["-t", tap, "--group", "0", ...option, "10.1.0.1/24"]
            const target = yield* startSwitch({ directory, prefix: host.prefix, argv })
            const card = yield* startTapPort(guest, "tap1", target.socketPath, ["10.1.0.2/24"])
            const before = yield* packets(host)
            yield* transferBothWays(host, guest, "10.1.0.2")
            const { fromSwitch } = yield* packets(host)
            const report = yield* reportOf(card)
            assert.deepInclude(report, { long: 0, wrong: 0 })
            assert.strictEqual(fromSwitch - before.fromSwitch < report.sent * 0.8, option.length === 0)
            assert.deepStrictEqual(yield* target.terminate, { status: 0, signal: null })
          }).pipe(Effect.scoped)
        }
        assert.isTrue(yield* host.hasInterface(tap))
      }), testMs)
  }
})
