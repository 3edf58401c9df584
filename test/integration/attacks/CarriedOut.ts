import * as Effect from "effect/Effect"
import * as path from "node:path"
import type { Neighbours } from "./AttackLab.ts"
import { AttackLab, neighboursOf } from "./AttackLab.ts"
import type { AttackReport } from "./Attacker.ts"
import type { Denials, ReasonCounts } from "./Denials.ts"
import { denialsOf } from "./Denials.ts"
import { replayAttack } from "./ReplayedAttack.ts"
import { transferBothWays } from "./Transfers.ts"

/** What came of an attack that was carried out. */
export interface CarriedOut {
  readonly report: AttackReport
  /** Frames of it that reached the victim, and that reached the host. */
  readonly arrived: ReadonlyArray<number>
  /** By the switch's own count, for the attacker's port and the others. */
  readonly denied: Denials
  /** By a replay of the attacker's recording. */
  readonly replayed: ReasonCounts
  /** From before it began to after it had ended. */
  readonly seconds: number
  /** ARP tables of the host, the victim and the neighbour, before and after. */
  readonly before: ReadonlyArray<Neighbours>
  readonly after: ReadonlyArray<Neighbours>
}

/**
 * Carries out one attack, with transfers of the victim meanwhile, and gathers the evidence: what arrived, what the
 * switch counted, and what a replay of the attacker's recording names.
 *
 * Both witnesses have to hear an honest greeting before and after it, so what they did not hear was not there.
 *
 * @param meanwhile what else the victim does while it is under attack.
 */
export const carryOut = <E, R>(role: string, meanwhile: Effect.Effect<void, E, R>) =>
  Effect.gen(function*() {
    const lab = yield* AttackLab
    const { attacker, directory, honestPorts, socketPath, transfers, victim, witnesses, words } = lab
    const file = path.join(directory, `${role}.pcapng`)
    yield* Effect.forEach(witnesses, ({ forget }) => forget)
    const before = yield* neighboursOf(lab)
    const beganMs = performance.now()
    const seen = yield* Effect.gen(function*() {
      yield* attacker.attack(role, file)
      yield* transferBothWays(victim, transfers)
      yield* meanwhile
      const report = yield* attacker.stop
      yield* Effect.forEach(witnesses, (witness) => witness.waitFor(`bye-${role}.`))
      const seconds = (performance.now() - beganMs) / 1000
      yield* Effect.forEach(witnesses, (witness) => witness.waitFor(`hello-${role}.`))
      const arrived = yield* Effect.forEach(witnesses, (witness) => witness.count(`attack-${role}.`))
      const denied = yield* denialsOf(socketPath, honestPorts)
      yield* attacker.close
      return { report, arrived, denied, seconds }
    }).pipe(Effect.ensuring(attacker.abandon))
    const after = yield* neighboursOf(lab)
    const { hostMac } = seen.report
    const replayed = yield* replayAttack({ file, hostMac, words })
    return { ...seen, replayed, before, after } satisfies CarriedOut
  })
