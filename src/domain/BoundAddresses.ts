import type { AdmissionState } from "./AdmissionState.ts"
import { isTrunk } from "./AdmissionState.ts"
import * as Networks from "./Network.ts"

/*
 * Whose an IP address is by a binding: rule B6.
 */

/** What a binding says of an address: nothing, that it is the one's who uses it, or that it is not. */
export const Bound = { No: 0, ToSelf: 1, ToOther: 2 } as const

/** Whether an address is bound to the port's user or trunks, to another, or the user to others of its kind. */
export const judge = (state: AdmissionState, a: number, b: number, c: number, d: number, port: number): number => {
  const { bindings, trunkBindings } = state.policy
  const isOfTrunk = isTrunk(state, port)
  let isBound = false
  for (let i = 0; i < bindings.length; i++) {
    const { ip, uid } = bindings[i]!
    if (ip === undefined) continue
    const isOfUser = !isOfTrunk && uid === state.uid[port]
    if (Networks.contains(ip, a, b, c, d)) return isOfUser ? Bound.ToSelf : Bound.ToOther
    isBound ||= isOfUser && Networks.isOfKind(ip, a, b, c)
  }
  for (let i = 0; i < trunkBindings.length; i++) {
    if (isIn(trunkBindings[i]!.ip, a, b, c, d)) return isOfTrunk ? Bound.ToSelf : Bound.ToOther
  }
  return isBound ? Bound.ToOther : Bound.No
}

/** Whether an address is bound to some user, or to trunks. */
export const isBound = (
  { policy: { bindings, trunkBindings } }: AdmissionState,
  a: number,
  b: number,
  c: number,
  d: number
): boolean => {
  let found = false
  for (let i = 0; i < bindings.length; i++) found ||= isIn(bindings[i]!.ip, a, b, c, d)
  for (let i = 0; i < trunkBindings.length; i++) found ||= isIn(trunkBindings[i]!.ip, a, b, c, d)
  return found
}

const isIn = (ip: Networks.Network | undefined, a: number, b: number, c: number, d: number): boolean =>
  ip !== undefined && Networks.contains(ip, a, b, c, d)
