import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { leaseAddress } from "./guests/Dhcp.ts"
import { guestsRun } from "./guests/GuestPackages.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { assertNoLoss, hundredPings } from "./guests/Ping.ts"
import { startQemuGuest } from "./guests/QemuGuest.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { installForEverybody } from "./guests/SwitchUnderTest.ts"
import { startUmlGuest, umlEnvironment } from "./guests/UmlGuest.ts"

/** Nobody: the one who is sure to have no rights. Who is not root is that already. */
const uid = process.getuid?.() === 0 ? 65_534 : undefined

/** Starts a simulation and gives it together with what it printed. */
const startSimulation = Effect.gen(function*() {
  const home = yield* scratchDirectory(uid)
  const command = yield* installForEverybody
  const vknetd = yield* startProcess([...command, "--simulate", "--ipv6", "fd00:1::1/64", "10.1.0.1/24"], {
    uid,
    env: { HOME: home, TMPDIR: home }
  })
  const printed = yield* vknetd.waitUntil(
    "serving",
    () => vknetd.stdout().includes("qemu-system") ? vknetd.stdout() : undefined,
    10_000
  )
  return { home, printed, vknetd }
})

/** Gives the printed line that starts with this word. */
const printedLine = (printed: string, word: string): string => {
  const lines = printed.split("\n").map((line) => line.trim())
  const line = lines.find((line) => line.startsWith(`${word} `))
  assert.isDefined(line, printed)
  return line
}

describe.runIf(guestsRun)("vknetd --simulate, without root", () => {
  it.scopedLive("attaches a kernel by nothing but the lines it prints", () =>
    Effect.gen(function*() {
      const { home, printed } = yield* startSimulation
      const kernel = yield* startProcess(["sh", "-c", `exec ${printedLine(printed, "setarch")}`], {
        uid,
        env: umlEnvironment(home),
        orphanSignal: "TERM"
      })
      yield* kernel.waitUntil("in its shell", () => /^# $/m.exec(kernel.stdout()) ?? undefined, 20_000)
      kernel.write(`${printedLine(printed, "ip")}\n`)
      yield* kernel.waitUntil(
        "hearing from the host",
        () => /bytes from 10\.1\.0\.1: (icmp_)?seq=/.exec(kernel.stdout()) ?? undefined,
        20_000
      )
    }), 60_000)

  it.scopedLive("leases addresses to User-Mode Linux and QEMU, is pinged, and tidies up", () =>
    Effect.gen(function*() {
      const { home, printed, vknetd } = yield* startSimulation
      const socketPath = /^socket (.+)$/m.exec(printed)?.[1] ?? ""
      assert.isTrue(fs.statSync(socketPath).isSocket())
      assert.strictEqual(fs.statSync(path.dirname(socketPath)).mode & 0o077, 0, "open to others")

      const initramfs = yield* buildInitramfs
      const [uml, qemu] = yield* Effect.all([
        startUmlGuest({ name: "ann", initramfs, uid, line: printedLine(printed, "setarch") }),
        startQemuGuest({ name: "bob", initramfs, uid, line: printedLine(printed, "python3") })
      ], { concurrency: 2 })
      const leases = yield* Effect.all([leaseAddress(uml), leaseAddress(qemu)])
      const [first, second] = leases.map((lease) => lease.split("/")[0]!)
      assert.notStrictEqual(first, second)
      for (const lease of leases) assert.match(lease, /^10\.1\.0\.\d+\/24/)
      assertNoLoss(yield* uml.succeed(hundredPings("10.1.0.1")))
      assertNoLoss(yield* qemu.succeed(hundredPings("10.1.0.1")))
      assertNoLoss(yield* uml.succeed(hundredPings(second!)))
      // Debian's User-Mode Linux has no IPv6. Whether the address is free is asked for a second or two.
      yield* qemu.succeed(
        "ip addr add fd00:1::e/64 dev eth0 && while ip -6 addr show dev eth0 | grep -q tentative; do sleep 0.2; done",
        20_000
      )
      assertNoLoss(yield* qemu.succeed("ping -6 -q -c 20 -i 0.05 fd00:1::1", 20_000), 20)

      vknetd.signal("SIGTERM")
      assert.deepStrictEqual(yield* vknetd.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(home), [], "left behind")
    }), 60_000)
})
