import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Neighbours } from "./attacks/AttackLab.ts"
import { AttackLab, attackerIdentity, attackLab, ipv4Words, ipv6Words } from "./attacks/AttackLab.ts"
import type { AttackRow } from "./attacks/AttackTable.ts"
import { attackTable, ipv6Table, nameOf } from "./attacks/AttackTable.ts"
import type { CarriedOut } from "./attacks/CarriedOut.ts"
import { carryOut } from "./attacks/CarriedOut.ts"
import type { ReasonCounts } from "./attacks/Denials.ts"
import { told } from "./attacks/Denials.ts"
import type { GuestError } from "./guests/Guest.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import type { HostProcessError } from "./guests/HostProcess.ts"

const sum = (counts: ReasonCounts): number => Object.values(counts).reduce((a, b) => a + b, 0)

/** The victim's lease is not touched by whatever happens to DHCP, and it can be had anew. */
const leaseIsHad = Effect.gen(function*() {
  const { directory, victim, victimIdentity } = yield* AttackLab
  yield* victim.succeed("udhcpc -q -n -t 5 -T 1 -s /bin/true -i vec0 2>/dev/null")
  const leases = fs.readFileSync(path.join(directory, "leases"), "utf8").trim().split("\n")
  assert.deepStrictEqual(
    leases.map((line) => line.split(" ").slice(1, 3)),
    [[victimIdentity.mac, victimIdentity.address]],
    "leases of the host"
  )
})

/** The host has no router from the attacker, no address of his, and no neighbour in his place: UML has no IPv6. */
const noRouterIsBelieved = Effect.gen(function*() {
  const { host } = yield* AttackLab
  const known = yield* host.succeed("ip -6 route; ip -6 addr; ip -6 neigh")
  for (const forged of ["default", "2001:db8", "fe80::66"]) assert.notInclude(known, forged)
})

/** What else is done, and looked at, during some of the attacks. */
const meanwhile: Readonly<Record<string, Effect.Effect<void, GuestError | HostProcessError, AttackLab>>> = {
  rogue_dhcp_server: leaseIsHad,
  dhcp_starvation: leaseIsHad,
  dhcp_lease_theft: leaseIsHad,
  ipv6_router_advertisement: noRouterIsBelieved,
  ipv6_gateway_impersonation: noRouterIsBelieved,
  ipv6_redirect: noRouterIsBelieved
}

const assertDenied = ({ allowed, reasons }: AttackRow, done: CarriedOut) => {
  const { arrived, denied, replayed, report, seconds } = done
  const mayPass = allowed?.(seconds) ?? 0
  for (const frames of arrived) assert.isAtMost(frames, mayPass, "frames that arrived")
  assert.strictEqual(report.overheard, 0, "frames for others that the attacker was given")

  assert.isAbove(report.sent, mayPass, "frames of the attack")
  assert.deepStrictEqual(Object.keys(denied.attacker).sort(), [...reasons].sort(), "reasons")
  assert.isAtLeast(sum(denied.attacker), report.sent - mayPass, "denied frames")
  assert.isAtMost(sum(denied.attacker), report.sent)
  assert.deepStrictEqual(denied.honest, {}, "denied to who did nothing")

  assert.deepStrictEqual(Object.keys(replayed).sort(), [...reasons].sort(), "reasons of the replay")
  assert.isAtLeast(sum(replayed), report.recorded - mayPass, "denied frames of the replay")
}

/** ARP tables are what they were; of the attacker they may have learned who he really is. */
const assertUnchanged = (before: ReadonlyArray<Neighbours>, after: ReadonlyArray<Neighbours>) => {
  const { address, mac } = attackerIdentity
  const known = (tables: ReadonlyArray<Neighbours>) => tables.map((table) => ({ ...table, [address]: mac }))
  for (const table of known(before)) assert.strictEqual(Object.keys(table).length, 3, "who is known")
  for (const table of after) assert.include([mac, undefined], table[address], "the attacker's")
  assert.deepStrictEqual(known(after), known(before), "ARP tables")
}

const labs = [
  { place: "", words: ipv4Words, rows: attackTable },
  { place: ", where guests speak IPv6", words: ipv6Words, rows: ipv6Table }
]

for (const { place, rows, words } of labs) {
  describe.runIf(guestsRunOnTap)(`a guest attacks another, and the host${place}`, () => {
    layer(attackLab(words), { excludeTestServices: true, timeout: 90_000 })((it) => {
      for (const row of rows) {
        const { reasons, role } = row
        it.scoped(`${nameOf(row)}: transfers arrive whole, and it is denied: ${reasons.join(", ")}`, () =>
          Effect.gen(function*() {
            const done = yield* carryOut(role, meanwhile[role] ?? Effect.void)
            const { after, arrived, before, denied, replayed, report, seconds } = done
            process.stderr.write(
              `${role}: ${report.sent} frames in ${seconds.toFixed(1)} s, ${arrived.join(" and ")} arrived;`
                + ` denied ${told(denied.attacker)}; replayed ${told(replayed)}\n`
            )
            assertDenied(row, done)
            assertUnchanged(before, after)
          }), 180_000)
      }
    })
  })
}
