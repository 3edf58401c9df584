import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { startControlled } from "./controlWorld.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { makeNetns, makeVeth, type Netns } from "./guests/Netns.ts"
import { assertNoLoss } from "./guests/Ping.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { vknetd } from "./guests/SwitchUnderTest.ts"
import { startTapPort } from "./guests/TapPort.ts"
import { takeOver } from "./takeoverWorld.ts"

/*
 * Where a frame that arrives at a bridge's member is the bridge's, as on Linux, the host has its addresses there.
 */

const address = "10.1.0.1/24"
const words = ["--group", "0", "-b", "br9", "-t", "tap9"]

/** A host's namespace with a switch in it, whose tap is in br9. */
const start = (host: Netns, argv: ReadonlyArray<string> = [address]) =>
  Effect.flatMap(scratchDirectory(), (directory) => startControlled(directory, [...words, ...argv], host.prefix))

/** A guest with a kernel's own stack. */
const guestOf = (socketPath: string, ...addresses: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const guest = yield* makeNetns
    yield* startTapPort(guest, "eth0", socketPath, addresses)
    return guest
  })

/** Addresses of an interface that are not link-local, sorted. */
const addressesOf = (host: Netns, interfaceName: string) =>
  Effect.map(host.succeed(`ip -o addr show dev ${interfaceName} scope global`), (text) =>
    Array.from(text.matchAll(/ inet6? (\S+)/g), ([, address]) => address).sort())

/** By which interfaces the host reaches a network. */
const routesTo = (host: Netns, network: string) =>
  Effect.map(host.succeed(`ip -j route show ${network}`), (text) =>
    (JSON.parse(text) as ReadonlyArray<{ readonly dev: string }>).map(({ dev }) => dev))

const pings = (netns: Netns, target: string) =>
  Effect.map(netns.succeed(`ping -q -c 3 -i 0.1 -W 2 ${target}`, 20_000), (text) => assertNoLoss(text, 3))

/** A host whose card is in br9 with an address of the network in which another host is. */
const makeLan = Effect.gen(function*() {
  const host = yield* makeNetns
  const other = yield* makeNetns
  yield* makeVeth({ netns: host, interfaceName: "eth1" }, { netns: other, interfaceName: "eth0" })
  yield* host.succeed("ip link set eth1 address 52:54:00:00:00:05")
  yield* host.succeed("ip link add br9 type bridge && ip link set br9 up && ip link set eth1 master br9")
  yield* other.succeed("ip addr add 10.1.0.20/24 dev eth0")
  return { host, other }
})

describe.runIf(guestsRunOnTap)("-b with an address", () => {
  it.scopedLive("the host and a guest reach each other", () =>
    Effect.gen(function*() {
      const host = yield* makeNetns
      const target = yield* start(host)
      const guest = yield* guestOf(target.socketPath, "10.1.0.2/24")
      yield* pings(guest, "10.1.0.1")
      yield* pings(host, "10.1.0.2")
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address])
      assert.deepStrictEqual(yield* addressesOf(host, "tap9"), [])
      assert.deepStrictEqual(yield* routesTo(host, "10.1.0.0/24"), ["br9"])
    }), 30_000)

  it.scopedLive("by IPv6, too", () =>
    Effect.gen(function*() {
      const host = yield* makeNetns
      const target = yield* start(host, ["--ipv6", "fd00:1::1/64", address])
      const guest = yield* guestOf(target.socketPath, "fd00:1::2/64")
      yield* pings(guest, "fd00:1::1")
      yield* pings(host, "fd00:1::2")
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address, "fd00:1::1/64"])
      assert.deepStrictEqual(yield* addressesOf(host, "tap9"), [])
    }), 30_000)

  it.scopedLive("a bridge with an address of the same network has a second one, and no second route", () =>
    Effect.gen(function*() {
      const { host, other } = yield* makeLan
      yield* host.succeed("ip addr add 10.1.0.5/24 dev br9")
      const target = yield* start(host)
      const guest = yield* guestOf(target.socketPath, "10.1.0.2/24")
      for (const each of ["10.1.0.1", "10.1.0.5", "10.1.0.20"]) yield* pings(guest, each)
      yield* pings(host, "10.1.0.20")
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address, "10.1.0.5/24"])
      assert.deepStrictEqual(yield* routesTo(host, "10.1.0.0/24"), ["br9"])
      assert.deepStrictEqual(yield* target.terminate, { status: 0, signal: null })
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), ["10.1.0.5/24"])
      yield* pings(other, "10.1.0.5")
    }), 30_000)

  it.scopedLive("a bridge keeps its card's MAC address, by which others know it", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      // Ten times, as a tap's address is chosen at random.
      for (let i = 0; i < 10; i++) {
        const running = yield* start(host)
        assert.include(yield* host.succeed("ip -o link show br9"), "link/ether 52:54:00:00:00:05 ")
        yield* running.terminate
      }
    }), 60_000)

  it.scopedLive("no guest has the bridge's MAC address, from which the host speaks, before it was ever heard", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      const target = yield* start(host, ["-U"])
      const guest = yield* startRawPort("frames", target.socketPath)
      const said = () => target.process.stderr()
      yield* target.process.waitUntil("connected", () => said().includes("port opened") || undefined, 5000)
      guest.write(`${"ff".repeat(6)}52540000000588b5${"00".repeat(46)}\n`)
      yield* Effect.sleep(300)
      assert.match((yield* target.ask("drops")).stdout, /SRC_MAC_TAP +1\b/)
      assert.notInclude((yield* target.ask("stations")).stdout, "52:54:00:00:00:05")
    }), 30_000)

  it.scopedLive("what a bridge is given later stays when ours goes, and so does what goes by it", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      const target = yield* start(host)
      yield* pings(host, "10.1.0.20")
      yield* host.succeed("ip addr add 10.1.0.5/24 dev br9 && ip route add default via 10.1.0.20")
      yield* target.terminate
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), ["10.1.0.5/24"])
      assert.deepStrictEqual(yield* routesTo(host, "default"), ["br9"])
      yield* pings(host, "10.1.0.20")
    }), 30_000)

  it.scopedLive("ours stays when that is taken away", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      yield* host.succeed("ip addr add 10.1.0.5/24 dev br9")
      yield* start(host)
      yield* host.succeed("ip addr del 10.1.0.5/24 dev br9")
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address])
      yield* pings(host, "10.1.0.20")
    }), 30_000)

  it.scopedLive("an address that the bridge had before stays, whatever bits it has", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      yield* host.succeed("ip addr add 10.1.0.1/16 dev br9 && ip addr add fd00:1::1/48 dev br9 nodad")
      const target = yield* start(host, ["--ipv6", "fd00:1::1/64", address])
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), ["10.1.0.1/16", "fd00:1::1/48"])
      yield* target.terminate
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), ["10.1.0.1/16", "fd00:1::1/48"])
    }), 30_000)

  it.scopedLive("a start that fails after it takes it back", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      const directory = yield* scratchDirectory()
      const argv = ["-d", "-p", `${directory}/sw`, ...words, "--metrics", "10.1.0.99:9100", address]
      const said = yield* host.succeed(`! ${[...vknetd, ...argv].join(" ")} 2>&1`)
      assert.include(said, "EADDRNOTAVAIL")
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [])
    }), 30_000)

  it.scopedLive("who has given up the right to takes nothing back, and says so beforehand", () =>
    Effect.gen(function*() {
      for (const keeps of [false, true]) {
        const { host } = yield* makeLan
        const target = yield* start(host, ["--user", "nobody", ...(keeps ? ["--keep-net-admin"] : []), address])
        const said = () => target.process.stderr()
        yield* target.process.waitUntil("without", () => said().includes("privileges given up") || undefined, 5000)
        assert.deepStrictEqual(yield* target.terminate, { status: 0, signal: null })
        assert.strictEqual(said().includes("the bridge will stay as it is"), !keeps)
        assert.deepStrictEqual(yield* addressesOf(host, "br9"), keeps ? [] : [address])
      }
    }), 30_000)

  it.scopedLive("a tap that was lost comes back, and the address with it", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      const target = yield* start(host)
      yield* host.succeed("ip link del tap9")
      yield* target.process.waitUntil("back", () => /the tap is back/.exec(target.process.stderr())?.[0], 10_000)
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address])
      yield* target.terminate
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [])
    }), 30_000)

  it.scopedLive("who takes over takes it back at the end, and who has handed over does not", () =>
    Effect.gen(function*() {
      const { host } = yield* makeLan
      const target = yield* start(host, ["--ipv6", "fd00:1::1/64", address])
      const guest = yield* guestOf(target.socketPath, "10.1.0.2/24")
      yield* pings(guest, "10.1.0.1")
      const argv = ["-p", target.socketPath, ...words, "--ipv6", "fd00:1::1/64", address]
      const heir = yield* takeOver(argv, target.pidFilePath, host.prefix)
      yield* target.process.waitForEnd(5000)
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [address, "fd00:1::1/64"])
      yield* pings(guest, "10.1.0.1")
      heir.signal("SIGTERM")
      yield* heir.waitForEnd(5000)
      assert.deepStrictEqual(yield* addressesOf(host, "br9"), [])
    }), 40_000)
})
