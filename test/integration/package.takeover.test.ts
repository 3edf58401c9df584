import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { bootDebian, debianBoots } from "./guests/DebianRoot.ts"
import { succeed } from "./guests/HostProcess.ts"
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
