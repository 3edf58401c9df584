import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { attachLines } from "../../src/cli/AttachLines.ts"
import { formatAddress, linkLocalOf } from "../../src/domain/Ipv6Prefix.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import type { Drops } from "../../src/services/ControlAnswers.ts"
import { mac } from "../property/frames.ts"
import { summed6 } from "../property/frames6Checksum.ts"
import * as six from "../property/policyFrames6.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { type HostProcess, succeed } from "./guests/HostProcess.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { makeNetns, type Netns } from "./guests/Netns.ts"
import { assertNoLoss } from "./guests/Ping.ts"
import { startQemuGuest } from "./guests/QemuGuest.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch, vknetd } from "./guests/SwitchUnderTest.ts"

const tap = "tap6"
const words = ["--ipv6", "fd00:1::1/64", "10.1.0.1/24"]
const annMac = mac("52:54:00:00:00:0a")
const bobMac = mac("52:54:00:00:00:0b")
const bob6 = six.other6
const none = new Uint8Array(0)
const waitMs = 5000

const send = (port: HostProcess, frame: Uint8Array) =>
  port.write(`${Buffer.from(summed6(frame)).toString("hex")}\n`)

const arrivedAt = (port: HostProcess): ReadonlyArray<Uint8Array> =>
  port.stdout().split("\n").slice(0, -1).map((line) => Uint8Array.from(Buffer.from(line, "hex")))

/** Waits for an ICMPv6 message of such a type from such an address. */
const hear = (port: HostProcess, type: number, source: Uint8Array) =>
  port.waitUntil(
    `hearing ${type}`,
    () =>
      arrivedAt(port).find((frame) =>
        frame[12] === 0x86 && frame[20] === 58 && frame[54] === type && Buffer.from(source).equals(frame.slice(22, 38))
      ),
    waitMs
  )

const fromAnn = { from: annMac, source: six.guest6 }
const asks = (target: Uint8Array) =>
  six.solicitation(six.linkLayer(1, annMac), {
    ...fromAnn,
    to: Uint8Array.of(0x33, 0x33, 0xff, ...target.slice(13)),
    destination: Uint8Array.of(...six.address6("ff02::1:ff00:0").slice(0, 13), ...target.slice(13)),
    target
  })

const tapLink = (host: Netns) =>
  Effect.map(host.succeed(`ip -6 -j -d addr show dev ${tap}`), (text) => {
    const [link] = JSON.parse(text) as [{
      readonly addr_info: ReadonlyArray<{ local: string; prefixlen: number; scope: string; tentative?: boolean }>
    }]
    return link.addr_info
  })

const macOfTap = (host: Netns) =>
  Effect.map(host.succeed(`ip -j link show dev ${tap}`), (text) => {
    const [link] = JSON.parse(text) as [{ readonly address: string }]
    return mac(link.address)
  })

/** Denied frames by reason, of a test in which one port is denied some. */
const denied = (socketPath: string) =>
  Effect.map(succeed([...vknetd, "drops", "-p", socketPath, "--json"]), (text) => {
    const { drops } = JSON.parse(text) as Drops
    return Object.fromEntries(
      drops.filter(({ stage }) => stage === "denied").map(({ frames, reason }) => [reason, frames])
    )
  })

const startAll = Effect.gen(function*() {
  const host = yield* makeNetns
  const directory = yield* scratchDirectory()
  const { socketPath } = yield* startSwitch({
    directory,
    prefix: host.prefix,
    argv: ["-t", tap, "--group", "root", ...words]
  })
  return { host, socketPath }
})

describe.runIf(guestsRunOnTap)("a host with an IPv6 address on its tap", () => {
  it.scopedLive("answers a guest that asks who has it, and its ping, also after the tap was lost", () =>
    Effect.gen(function*() {
      const { host, socketPath } = yield* startAll
      for (const lost of [false, true]) {
        if (lost) {
          yield* host.succeed(
            `ip link del ${tap}; while ! ip -6 addr show dev ${tap} | grep -q fd00; do sleep 0.05; done`
          )
        }
        const ann = yield* startRawPort("frames", socketPath)
        send(ann, asks(six.host6))
        const answer = yield* hear(ann, 136, six.host6)
        const tapMac = yield* macOfTap(host)
        assert.deepStrictEqual(answer.slice(80, 86), tapMac)
        send(ann, six.echo6({ ...fromAnn, to: tapMac, destination: six.host6 }))
        yield* hear(ann, 129, six.host6)
        const addresses = yield* tapLink(host)
        assert.deepStrictEqual(
          addresses.map(({ local, prefixlen, scope }) => `${scope} ${local}/${prefixlen}`).sort(),
          ["global fd00:1::1/64", `link ${formatAddress(linkLocalOf(tapMac))}/64`]
        )
        ann.endInput()
        yield* ann.waitForEnd(waitMs)
      }
      assert.deepStrictEqual(yield* denied(socketPath), {})
    }), 30_000)

  it.scopedLive("keeps it, and its link-local one, from guests, and a guest keeps its own from another", () =>
    Effect.gen(function*() {
      const { host, socketPath } = yield* startAll
      const ann = yield* startRawPort("frames", socketPath)
      const bob = yield* startRawPort("frames", socketPath)
      send(ann, asks(six.host6))
      const tapMac = (yield* hear(ann, 136, six.host6)).slice(80, 86)
      const hostLinkLocal = linkLocalOf(tapMac)
      send(bob, six.echo6({ from: bobMac, to: tapMac, source: bob6, destination: six.host6 }))
      yield* hear(bob, 135, six.host6)

      const own = six.linkLayer(2, annMac)
      const toAll = { ...fromAnn, to: six.groupMac6, destination: six.allNodes }
      const forged: ReadonlyArray<readonly [reason: string, frame: Uint8Array]> = [
        ["IP6_RA_DENIED", six.icmp6(134, new Uint8Array(12), { ...toAll, source: six.guestLinkLocal })],
        ["ND_TARGET_CONFLICT", six.advertisement(own, { ...toAll, target: six.host6 })],
        ["ND_TARGET_CONFLICT", six.advertisement(own, { ...toAll, target: hostLinkLocal })],
        ["ND_TARGET_CONFLICT", six.probe(none, { from: annMac, target: hostLinkLocal })],
        ["IP6_SRC_HOST", six.solicitation(six.linkLayer(1, annMac), { ...fromAnn, source: six.host6 })],
        ["IP6_SRC_HOST", six.echo6({ ...fromAnn, to: tapMac, source: hostLinkLocal, destination: six.host6 })]
      ]
      for (const [, frame] of forged) send(ann, frame)
      // Whose bob's address is, only the switch knows.
      send(ann, six.advertisement(own, { ...toAll, target: bob6 }))
      send(ann, six.echo6({ ...fromAnn, to: tapMac, source: bob6, destination: six.host6 }))
      // And what is honest still passes.
      send(ann, six.echo6({ ...fromAnn, to: tapMac, destination: six.host6 }))
      yield* hear(ann, 129, six.host6)
      assert.deepStrictEqual(yield* denied(socketPath), {
        IP6_RA_DENIED: 1,
        ND_TARGET_CONFLICT: 4,
        IP6_SRC_HOST: 2,
        IP6_SRC_CONFLICT: 1
      })
      assert.isTrue((yield* tapLink(host)).length === 2)

      const hostMac = Array.from(tapMac, (octet) => octet.toString(16).padStart(2, "0")).join(":")
      for (const [reason, frame] of forged) {
        const hex = Buffer.from(frame).toString("hex")
        const told = yield* succeed([...vknetd, "explain", "--host-mac", hostMac, "--hex", hex, ...words])
        assert.include(told, reason)
      }
    }), 30_000)

  it.scopedLive("is pinged by a kernel that found its own address free", () =>
    Effect.gen(function*() {
      const { socketPath } = yield* startAll
      const initramfs = yield* buildInitramfs
      // Debian's User-Mode Linux has no IPv6.
      const printed = attachLines(socketPath, Prefixes.make(0x0a010001, 24), undefined, 0).split("\n")
      const line = printed.find((line) => line.includes("qemu-"))!
      const guest = yield* startQemuGuest({ name: "eve", initramfs, line })
      yield* guest.succeed("ip addr add fd00:1::e/64 dev eth0 && ip link set eth0 up")
      yield* guest.succeed(
        "for i in $(seq 50); do ip -6 addr show dev eth0 | grep -q tentative || break; sleep 0.2; done; "
          + "ip -6 addr show dev eth0 | grep fe80",
        20_000
      )
      assertNoLoss(yield* guest.succeed("ping -6 -q -c 20 -i 0.05 fd00:1::1", 20_000), 20)
      assert.notInclude(yield* guest.succeed("ip -6 addr show dev eth0"), "dadfailed")
      assert.deepStrictEqual(yield* denied(socketPath), {})
    }), 90_000)
})
