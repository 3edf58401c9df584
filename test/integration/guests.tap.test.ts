import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { leaseAddress, startDhcpServer } from "./guests/Dhcp.ts"
import type { Guest } from "./guests/Guest.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import type { HostProcessError } from "./guests/HostProcess.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { megabitsPerSecond, startIperfServer } from "./guests/Iperf.ts"
import type { Netns } from "./guests/Netns.ts"
import { makeNetns } from "./guests/Netns.ts"
import { assertNoLoss, hundredPings } from "./guests/Ping.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch } from "./guests/SwitchUnderTest.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"

const tap = "tap7"
const hostAddress = "10.1.0.1"
const switchWords = ["-t", tap, "--group", "root", `${hostAddress}/24`]

/** A host with nothing in it yet, and two kernels with addresses but no switch. */
class Lab extends Context.Tag("Lab")<Lab, {
  readonly host: Netns
  readonly directory: string
  readonly ann: Guest
  readonly bob: Guest
}>() {}

const lab: Layer.Layer<Lab, HostProcessError> = Layer.scoped(Lab, Effect.gen(function*() {
  const host = yield* makeNetns
  const directory = yield* scratchDirectory()
  const initramfs = yield* buildInitramfs
  const boot = (name: string, mac: string) =>
    startUmlGuest({ name, initramfs, line: umlLine(`${directory}/sw`, mac) })
  const [ann, bob] = yield* Effect.all(
    [boot("ann", "52:54:00:00:00:0a"), boot("bob", "52:54:00:00:00:0b")],
    { concurrency: 2 }
  )
  return { host, directory, ann, bob }
}))

const runSwitch = Effect.gen(function*() {
  const { directory, host } = yield* Lab
  return yield* startSwitch({ directory, prefix: host.prefix, argv: switchWords })
})

/** A kernel left on a switch that is gone uses a whole processor. */
const disconnect = (guest: Guest) =>
  Effect.ignore(guest.succeed("ip link set vec0 down; ip addr flush dev vec0"))

/** Takes the card down and up, which is what makes it connect; it has the address until the test ends. */
const connect = (guest: Guest, address: string) =>
  Effect.acquireRelease(
    guest.succeed(
      `ip link set vec0 down && ip addr flush dev vec0 && ip addr add ${address}/24 dev vec0`
        + " && ip link set vec0 up"
    ),
    () => disconnect(guest)
  )

const connectBoth = Effect.gen(function*() {
  const { ann, bob } = yield* Lab
  yield* connect(ann, "10.1.0.2")
  yield* connect(bob, "10.1.0.3")
})

describe.runIf(guestsRunOnTap)("two guests and a host with a tap", () => {
  layer(lab, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.scoped("all reach each other without loss, and TERM leaves nothing behind", () =>
      Effect.gen(function*() {
        const { ann, bob, host } = yield* Lab
        const vknetd = yield* runSwitch
        yield* connectBoth
        const outputs = yield* Effect.all([
          ann.succeed(hundredPings("10.1.0.3")),
          bob.succeed(hundredPings(hostAddress)),
          host.succeed(hundredPings("10.1.0.2"))
        ], { concurrency: 3 })
        for (const output of outputs) assertNoLoss(output)

        assert.deepStrictEqual(yield* vknetd.terminate, { status: 0, signal: null })
        assert.isFalse(fs.existsSync(vknetd.socketPath), "socket")
        assert.isFalse(fs.existsSync(vknetd.pidFilePath), "pid file")
        assert.isFalse(yield* host.hasInterface(tap), "tap")
        assert.strictEqual(vknetd.process.stdout(), `${tap}\n`)
      }), 60_000)

    it.scoped("a switch that was killed is replaced on the same socket, and guests come back", () =>
      Effect.gen(function*() {
        const { ann, bob } = yield* Lab
        const first = yield* runSwitch
        yield* connectBoth
        yield* first.kill
        assert.isTrue(fs.existsSync(first.socketPath), "a kill leaves the socket")
        const second = yield* runSwitch
        yield* connectBoth
        assertNoLoss(yield* ann.succeed("ping -q -c 20 -i 0.02 10.1.0.3"), 20)
        assertNoLoss(yield* bob.succeed(`ping -q -c 20 -i 0.02 ${hostAddress}`), 20)
        assert.deepStrictEqual(yield* second.terminate, { status: 0, signal: null })
      }), 60_000)

    it.scoped("a DHCP server on the tap leases addresses to the guests", () =>
      Effect.gen(function*() {
        const { ann, bob, directory, host } = yield* Lab
        yield* runSwitch
        const range = ["10.1.0.100", "10.1.0.110"] as const
        yield* startDhcpServer({ netns: host, interfaceName: tap, range, directory })
        yield* connectBoth
        const leases = [yield* leaseAddress(ann), yield* leaseAddress(bob)]
        for (const lease of leases) {
          assert.match(lease, /^10\.1\.0\.1(0\d|10)\/24 router 10\.1\.0\.1$/)
        }
        assert.notStrictEqual(leases[0], leases[1])
        for (const guest of [ann, bob]) {
          assertNoLoss(yield* guest.succeed(`ping -q -c 20 -i 0.02 ${hostAddress}`), 20)
        }
      }), 60_000)

    it.scoped("a TCP transfer completes in each direction, and its speed is printed", () =>
      Effect.gen(function*() {
        const { ann, host } = yield* Lab
        yield* runSwitch
        yield* connect(ann, "10.1.0.2")
        yield* startIperfServer(host, "--bind", hostAddress)
        const transfer = (more: string) =>
          Effect.map(
            ann.succeed(`iperf3 --client ${hostAddress} --time 3 --json ${more}`, 20_000),
            megabitsPerSecond
          )
        yield* ann.succeed(`ping -c 1 ${hostAddress}`)
        const up = yield* transfer("")
        const down = yield* transfer("--reverse")
        process.stderr.write(`iperf3: guest to host ${up} Mbit/s, host to guest ${down} Mbit/s\n`)
        // A machine that is busy with other tests is slow; a broken path is slower than this by far.
        assert.isAbove(up, 50)
        assert.isAbove(down, 50)
      }), 60_000)

    it.scoped("the host never sees a source from outside the subnet", () =>
      Effect.gen(function*() {
        const { ann, host } = yield* Lab
        yield* runSwitch
        yield* connect(ann, "10.1.0.2")
        const capture = yield* host.start(
          ["tcpdump", "--immediate-mode", "-l", "-n", "-i", tap, "icmp"]
        )
        yield* capture.waitUntil(
          "capturing",
          () => capture.stderr().includes("listening") || undefined,
          5000
        )
        yield* ann.succeed("ip addr add 10.77.0.2/32 dev vec0")
        const spoofed = yield* ann.run(`ping -c 3 -i 0.1 -W 1 -I 10.77.0.2 ${hostAddress}`)
        assert.strictEqual(spoofed.status, 1, spoofed.output)
        assertNoLoss(yield* ann.succeed(`ping -c 3 -i 0.1 -I 10.1.0.2 ${hostAddress}`), 3)
        yield* capture.waitUntil(
          "seeing the honest one",
          () => /IP 10\.1\.0\.2 > 10\.1\.0\.1/.exec(capture.stdout()) ?? undefined,
          3000
        )
        assert.notInclude(capture.stdout(), "10.77.0.2")
      }), 60_000)
  })
})
