import type { AdmissionState } from "./AdmissionState.ts"
import * as Claims from "./Claims.ts"
import type { ClaimVerdict } from "./Claims.ts"
import { Reason } from "./Reason.ts"

/*
 * Who may ask whether an address is free: rule B8, secure mode only.
 *
 * A guest asks before it uses an address: by ARP from 0.0.0.0 (RFC 5227, 2.1.1), by a neighbour solicitation from ::
 * (RFC 4862, 5.4.2). Whoever hears the same question of another while it asks takes another address, so a guest that
 * asks back each time would keep all others from theirs. Therefore the first to ask for a free address has it for
 * `Bounds.probeSeconds` against all who ask, and so has who was leased one, or asks once more for what it has.
 *
 * It does not have it against who uses it: a guest that has been silent for long, or has never spoken, answers for its
 * address, and is to be heard. So an address belongs to the first to use it, as ever, asked for or not.
 *
 * Asked for in vain an address is free again, but for `Bounds.probePauseSeconds` not for the same port: others have
 * their turn.
 */

/**
 * Judges a question for an address of this link: as its use would be judged, but what another port uses it may be told.
 * Reads only.
 *
 * @param verdict out.
 */
export const judge = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  verdict: ClaimVerdict
): Reason => {
  Claims.judge(state, a, b, c, d, port, verdict, undefined, true)
  const { fact, isOwn } = verdict
  if (fact >= 0) {
    if (isOwn ? Claims.isPaused(state, fact) : Claims.isAskedFor(state, fact)) return Reason.PROBE_CONFLICT
    const isAskedAgain = isOwn && Claims.isProbe(state, fact) && Claims.isAskedFor(state, fact)
    if (isAskedAgain || (!isOwn && !Claims.isProbe(state, fact))) {
      verdict.isNew = false
      return Reason.PASS
    }
  }
  return verdict.reason === Claims.CONFLICT ? Reason.PROBE_CONFLICT : verdict.reason
}

/** Notes that a question that was judged was accepted. An address that is only asked for is not so for longer. */
export const commit = (
  state: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number,
  port: number,
  { fact, isNew, isOwn }: ClaimVerdict
): void => {
  if (isNew) Claims.ask(state, a, b, c, d, port)
  else if (isOwn && !Claims.isProbe(state, fact)) Claims.askAgain(state, fact)
}
