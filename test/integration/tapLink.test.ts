import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Control from "../../src/services/ControlSchema.ts"
import { type ControlledSwitch, startControlled } from "./controlWorld.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import type { HostProcess } from "./guests/HostProcess.ts"
import { makeNetns } from "./guests/Netns.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { takeOver } from "./takeoverWorld.ts"

/*
 * The tap's MAC address and MTU change while the switch runs: as udev does to a tap that has just been made, or an
 * administrator. What is the host's is the host's from then on (rules L3 and F1, B6).
 */

const TAP = "tap7"
const OLD = "020000000771"
const NEW = "020000000772"
const ATTACKER = "020000000099"
const BOB = "0200000000bb"
const BROADCAST = "ff".repeat(6)

const colons = (hex: string): string => hex.match(/../g)!.join(":")

const ipOf = (n: number): string => `0a0100${n.toString(16).padStart(2, "0")}`

/** ARP in the name of 10.1.0.`n`, as all of Ethernet and RFC 826 has it, in hexadecimal. */
const arp = (to: string, from: string, n: number, asked: number, op = 1): string =>
  `${to}${from}0806000108000604000${op}${from}${ipOf(n)}${op === 1 ? "00".repeat(6) : to}${ipOf(asked)}`

/** A UDP datagram without a checksum from 10.1.0.`n` to the host, with so many octets of IP. */
const datagram = (to: string, from: string, n: number, bytes: number): string => {
  const header = Buffer.alloc(bytes)
  header.set([0x45, 0, bytes >> 8, bytes & 255, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, n, 10, 1, 0, 1])
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at)
  header.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10)
  header.writeUInt16BE(9, 20)
  header.writeUInt16BE(9, 22)
  header.writeUInt16BE(bytes - 20, 24)
  return `${to}${from}0800${header.toString("hex")}`
}

const decode = <A, I>(schema: Schema.Schema<A, I>, { stdout }: { readonly stdout: string }): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(stdout))

const status = (target: ControlledSwitch) =>
  Effect.map(target.ask("status", "--json"), (answer) => decode(Control.Status, answer))

/** Frames that a port lost for a reason. */
const lostFrames = (target: ControlledSwitch, port: number, reason: string) =>
  Effect.map(
    target.ask("drops", "--json"),
    (answer) =>
      decode(Control.Drops, answer).drops.find((drop) => drop.port === port && drop.reason === reason)?.frames
        ?? 0
  )

const say = (guest: HostProcess, frame: string): Effect.Effect<void> =>
  Effect.zipRight(Effect.sync(() => guest.write(`${frame}\n`)), Effect.sleep(150))

const heard = (guest: HostProcess): ReadonlyArray<string> => guest.stdout().split("\n").filter((line) => line !== "")

/** A switch whose tap has the old address, an attacker on port 1 and Bob on port 2. */
const lab = (options: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const host = yield* makeNetns
    yield* host.succeed("sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
    const argv = ["-t", TAP, "--group", "0", ...options, "10.1.0.1/24"]
    const target = yield* startControlled(directory, argv, host.prefix)
    const readdress = (hex: string) =>
      Effect.zipRight(host.succeed(`ip link set ${TAP} address ${colons(hex)}`), Effect.sleep(300))
    yield* readdress(OLD)
    const attacker = yield* startRawPort("frames", target.socketPath)
    const openedBy = (guests: number) =>
      target.process.waitUntil(
        "connected",
        () => target.process.stderr().split("port opened").length > guests || undefined,
        5000
      )
    yield* openedBy(1)
    const bob = yield* startRawPort("frames", target.socketPath)
    yield* openedBy(2)
    return { argv, directory, host, target, attacker, bob, readdress }
  })

describe.runIf(privilegesMissing().length === 0)("a tap whose link changes", () => {
  it.scopedLive("nobody speaks from its new address, from the moment on that it has it", () =>
    Effect.gen(function*() {
      const { attacker, readdress, target } = yield* lab()
      yield* readdress(NEW)
      yield* say(attacker, arp(BROADCAST, NEW, 99, 1))
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 1)
      yield* say(attacker, arp(BROADCAST, ATTACKER, 99, 1))
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 1)
    }), 30_000)

  it.scopedLive("a guest that had that address loses it, and hears nothing that is for the host", () =>
    Effect.gen(function*() {
      const { attacker, bob, host, readdress, target } = yield* lab()
      yield* say(attacker, arp(BROADCAST, NEW, 99, 98))
      yield* readdress(NEW)
      const before = heard(attacker).length
      /** But for what the host asks all. */
      const overheard = () => heard(attacker).slice(before).filter((line) => !line.startsWith(BROADCAST))
      yield* say(bob, datagram(NEW, BOB, 11, 100))
      assert.deepStrictEqual(overheard(), [])
      assert.notInclude((yield* target.ask("stations", "--json")).stdout, colons(NEW))

      // The host asks who Bob is, is told, and asks him something.
      const asked = yield* Effect.fork(Effect.ignore(host.succeed("ping -c 1 -W 2 10.1.0.11")))
      yield* bob.waitUntil("asked", () => heard(bob).find((line) => line.includes(`0806`)), 5000)
      yield* say(bob, arp(NEW, BOB, 11, 1, 2))
      yield* bob.waitUntil(
        "spoken to",
        () => heard(bob).find((line) => line.startsWith(`${BOB}${NEW}0800`)),
        5000
      )
      assert.include(yield* host.succeed("ip neigh show 10.1.0.11"), `lladdr ${colons(BOB)}`)
      yield* asked.await
      assert.deepStrictEqual(overheard(), [])
    }), 30_000)

  it.scopedLive("what is longer than its new MTU is told as that", () =>
    Effect.gen(function*() {
      const { bob, host, target } = yield* lab()
      yield* host.succeed(`ip link set ${TAP} mtu 1000`)
      yield* Effect.sleep(300)
      yield* say(bob, datagram(OLD, BOB, 11, 1001))
      assert.strictEqual(yield* lostFrames(target, 2, "EGRESS_MTU"), 1)
      yield* say(bob, datagram(OLD, BOB, 11, 1000))
      assert.strictEqual(yield* lostFrames(target, 2, "EGRESS_MTU"), 1)
    }), 30_000)

  it.scopedLive("that is said once, and shown", () =>
    Effect.gen(function*() {
      const { host, readdress, target } = yield* lab()
      assert.deepInclude(yield* status(target), { tapMac: colons(OLD), tapMtuBytes: 1500 })
      yield* readdress(NEW)
      yield* host.succeed(`ip link set ${TAP} mtu 1000`)
      // What else happens to the link, and to others, is nothing.
      yield* host.succeed(`ip link set ${TAP} txqueuelen 100; ip link add other type bridge; ip link del other`)
      yield* Effect.sleep(300)
      assert.deepInclude(yield* status(target), { tapMac: colons(NEW), tapMtuBytes: 1000, tapState: "up" })
      const lines = target.process.stderr().split("\n").filter((line) => line.includes("the tap's link has changed"))
      assert.strictEqual(lines.length, 3)
      assert.match(lines[1]!, /level=warning /)
      assert.include(lines[1]!, ` formerMac=${colons(OLD)} mac=${colons(NEW)} tap=${TAP}`)
      assert.include(lines[2]!, ` formerMtu=1500 mtu=1000 tap=${TAP}`)
    }), 30_000)

  it.scopedLive("nobody speaks from the address of the bridge that it is in, nor hears what is for it", () =>
    Effect.gen(function*() {
      const { attacker, bob, host, target } = yield* lab()
      const asBridge = (hex: string) =>
        Effect.zipRight(host.succeed(`ip link set br9 address ${colons(hex)}`), Effect.sleep(300))
      const spoken = lostFrames(target, 1, "SRC_MAC_TAP")
      yield* host.succeed(`ip link add br9 type bridge && ip link set ${TAP} master br9`)
      yield* asBridge(NEW)
      assert.deepInclude(yield* status(target), { tapMac: colons(OLD), bridgeMac: colons(NEW) })
      yield* say(attacker, arp(BROADCAST, NEW, 99, 1))
      assert.strictEqual(yield* spoken, 1)
      const before = heard(attacker).length
      yield* say(bob, datagram(NEW, BOB, 11, 100))
      assert.deepStrictEqual(heard(attacker).slice(before), [])
      yield* asBridge(ATTACKER)
      yield* say(attacker, arp(BROADCAST, ATTACKER, 99, 1))
      assert.strictEqual(yield* spoken, 2)
      yield* host.succeed(`ip link set ${TAP} nomaster`)
      yield* Effect.sleep(300)
      assert.deepInclude(yield* status(target), { bridgeMac: null })
      yield* say(attacker, arp(BROADCAST, ATTACKER, 99, 1))
      assert.strictEqual(yield* spoken, 2)
      assert.deepStrictEqual(
        target.process.stderr().split("\n").filter((line) => line.includes("address is its bridge's"))
          .map((line) => /formerMac=(\S+) mac=(\S+)/.exec(line)?.slice(1)),
        [["none", colons(NEW)], [colons(NEW), colons(ATTACKER)], [colons(ATTACKER), "none"]]
      )
    }), 30_000)

  it.scopedLive("who takes over hears of it as the one before", () =>
    Effect.gen(function*() {
      const { argv, attacker, host, readdress, target } = yield* lab()
      yield* readdress(NEW)
      yield* host.succeed(`ip link add br9 address ${colons(ATTACKER)} type bridge && ip link set ${TAP} master br9`)
      yield* takeOver(["-p", target.socketPath, ...argv], target.pidFilePath, host.prefix)
      yield* say(attacker, arp(BROADCAST, NEW, 99, 1))
      assert.deepInclude(yield* status(target), { tapMac: colons(NEW), bridgeMac: colons(ATTACKER) })
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 1)
      yield* readdress(OLD)
      assert.deepInclude(yield* status(target), { tapMac: colons(OLD) })
      yield* say(attacker, arp(BROADCAST, OLD, 99, 1))
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 2)
    }), 40_000)

  it.scopedLive("without privileges all of it is seen as well", () =>
    Effect.gen(function*() {
      const { attacker, readdress, target } = yield* lab(["--user", "nobody"])
      yield* readdress(NEW)
      yield* say(attacker, arp(BROADCAST, NEW, 99, 1))
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 1)
      assert.deepInclude(yield* status(target), { tapMac: colons(NEW) })
    }), 30_000)

  it.scopedLive("one that comes back after it was lost is watched as the first was", () =>
    Effect.gen(function*() {
      const { attacker, host, readdress, target } = yield* lab()
      yield* host.succeed(`ip link del ${TAP}`)
      yield* target.process.waitUntil(
        "back",
        () => target.process.stderr().includes("the tap is back") || undefined,
        10_000
      )
      yield* readdress(NEW)
      yield* say(attacker, arp(BROADCAST, NEW, 99, 1))
      assert.strictEqual(yield* lostFrames(target, 1, "SRC_MAC_TAP"), 1)
    }), 30_000)
})
