import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { fileURLToPath } from "node:url"
import { bootDebian, debianBoots } from "./guests/DebianRoot.ts"
import { succeed } from "./guests/HostProcess.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { assertWhole, startNumberedGuests } from "./takeoverWorld.ts"

const buildDeb = fileURLToPath(new URL("../../scripts/build-deb.sh", import.meta.url))

describe.runIf(debianBoots)("systemctl reload", () => {
  it.scopedLive("takes over with the options of now, or leaves the switch as it is", () =>
    Effect.gen(function*() {
      const file = (yield* succeed([buildDeb, yield* scratchDirectory()], { timeoutMs: 30_000 })).trim()
      const debian = yield* bootDebian([file])
      yield* debian.succeed("dpkg --install /srv/vknetd_*.deb")
      yield* debian.succeed("echo 'VKNETD_FLAGS=-U 10.1.0.1/24' >/etc/default/vknetd; systemctl start vknetd.service")
      const mainPid = Effect.map(debian.succeed("systemctl show --property MainPID --value vknetd.service"), Number)
      const status = Effect.map(
        debian.succeed("vknetd status --json"),
        (text) => JSON.parse(text) as Record<string, unknown>
      )
      const guests = yield* startNumberedGuests(debian.outside("/run/vknetd/vknet"))
      const first = yield* mainPid
      for (const seconds of [77, 78]) {
        const before = yield* mainPid
        yield* debian.succeed(
          `echo 'VKNETD_FLAGS=-U --mac-age ${seconds} 10.1.0.1/24' >/etc/default/vknetd`
            + " && systemctl reload vknetd.service"
        )
        assert.strictEqual(yield* debian.succeed("systemctl is-active vknetd.service"), "active\n")
        const after = yield* mainPid
        assert.notStrictEqual(after, before)
        const told = yield* status
        assert.deepStrictEqual([told["pid"], told["guests"], told["stationAgeSeconds"]], [after, 2, seconds])
      }
      const rights = yield* debian.succeed(`grep -E '^Cap(Prm|Eff)' /proc/${yield* mainPid}/status | cut -f2 | sort -u`)
      assert.strictEqual(rights, "0000000000000000\n")

      const last = yield* mainPid
      yield* debian.succeed("echo 'VKNETD_FLAGS=-U 10.2.0.1/24' >/etc/default/vknetd")
      assert.notStrictEqual((yield* debian.run("systemctl reload vknetd.service")).status, 0)
      assert.strictEqual(yield* mainPid, last)
      const journal = yield* debian.succeed("journalctl --unit vknetd.service --output cat --no-pager")
      assert.include(journal, "its address is 10.1.0.1/24, not 10.2.0.1/24 (give the same address/cidrbits)")
      assert.include(journal, "took over a running switch")
      assert.notStrictEqual(last, first)
      assertWhole(yield* guests.end)
      yield* debian.succeed("systemctl stop vknetd.service && ! ip link show tap0 2>/dev/null")
      assert.strictEqual((yield* debian.run("systemctl is-failed vknetd.service")).output, "inactive\n")
    }), 120_000)
})

describe.runIf(debianBoots)("under systemd", () => {
  it.scopedLive("guests and the tap survive a crash, guests a restart, and nothing a stop", () =>
    Effect.gen(function*() {
      const file = (yield* succeed([buildDeb, yield* scratchDirectory()], { timeoutMs: 30_000 })).trim()
      const debian = yield* bootDebian([file])
      yield* debian.succeed("dpkg --install /srv/vknetd_*.deb")
      yield* debian.succeed("echo 'VKNETD_FLAGS=-U 10.1.0.1/24' >/etc/default/vknetd; systemctl start vknetd.service")
      const show = (property: string) =>
        Effect.map(debian.succeed(`systemctl show --property ${property} --value vknetd.service`), Number)
      const becomes = (what: string, line: string) =>
        debian.run(line).pipe(
          Effect.filterOrFail(({ status }) => status === 0, () => what),
          Effect.retry(Schedule.spaced(100).pipe(Schedule.intersect(Schedule.recurs(100)))),
          Effect.orDieWith(() => new Error(`not ${what} within 10 s`))
        )
      const stored = (count: number) =>
        becomes(
          `${count} kept`,
          `[ "$(systemctl show --property NFileDescriptorStore --value vknetd.service)" = ${count} ]`
        )
      const guest = yield* startRawPort("frames", debian.outside("/run/vknetd/vknet"))
      /** Asks for the host's address, ARP, RFC 826: what a ping does first. */
      const asks = (address: string) =>
        Effect.suspend(() => {
          const before = guest.stdout().split("\n").length
          const who = "020000000001"
          const request = `${"ff".repeat(6)}${who}08060001080006040001${who}0a01000a${"00".repeat(6)}${address}`
          guest.write(`${request}${"00".repeat(18)}\n`)
          const lines = () => guest.stdout().split("\n").slice(before - 1)
          const answer = () => lines().find((line) => line.slice(40, 44) === "0002")
          return guest.waitUntil(`answered for ${address}`, answer, 5000)
        })
      const host = "0a010001"
      const mac = (yield* asks(host)).slice(44, 56)
      yield* stored(2)
      // Who came to a process that had taken over is kept as well.
      yield* debian.succeed("systemctl reload vknetd.service")
      yield* startRawPort("silent", debian.outside("/run/vknetd/vknet"))
      yield* stored(3)
      const index = yield* debian.succeed("cat /sys/class/net/tap0/ifindex")

      const killed = yield* show("MainPID")
      yield* debian.succeed("systemctl kill --signal KILL --kill-whom main vknetd.service")
      yield* becomes("another", `[ "$(systemctl show --property NRestarts --value vknetd.service)" = 1 ]`)
      yield* becomes("active", "systemctl is-active vknetd.service && vknetd status")
      assert.notStrictEqual(yield* show("MainPID"), killed)
      assert.strictEqual((yield* asks(host)).slice(44, 56), mac)
      assert.strictEqual(yield* debian.succeed("cat /sys/class/net/tap0/ifindex"), index)
      const ports = yield* debian.succeed("vknetd ports --json")
      for (const port of [1, 2]) assert.include(ports, `"port":${port},`)

      yield* debian.succeed(
        "echo 'VKNETD_FLAGS=-U 10.1.0.2/24' >/etc/default/vknetd && systemctl restart vknetd.service"
      )
      assert.notInclude(yield* debian.succeed("ip -o address show dev tap0"), "10.1.0.1/")
      yield* asks("0a010002")
      yield* stored(3)

      yield* debian.succeed("systemctl stop vknetd.service && ! ip link show tap0 2>/dev/null")
      yield* guest.waitForEnd(5000)
      yield* stored(0)
    }), 120_000)
})
