import type { AdmissionState } from "./AdmissionState.ts"
import { addressesMax, doubt, isHeldFrom, isLocked } from "./AdmissionState.ts"
import { TAP_PORT } from "./Bounds.ts"
import * as Bindings from "./BoundAddresses.ts"
import { Bound } from "./BoundAddresses.ts"
import * as Claims from "./Claims.ts"
import { Kind } from "./Claims.ts"
import { IPV4_WORD } from "./Network.ts"
import * as Owners from "./OwnerTable.ts"
import { Field } from "./OwnerTable.ts"
import type { DhcpFacts } from "./policy/DhcpFacts.ts"
import { DhcpKind } from "./policy/DhcpFormat.ts"

/*
 * Addresses that are a port's because DHCP says so: rule B4, secure mode only.
 */

/**
 * B4: the host has given a guest's port an address for a time, or a guest that was named as DHCP server has: such a one
 * takes nothing from anybody.
 *
 * @param server the port of who gave it.
 */
export const lease = (state: AdmissionState, facts: DhcpFacts, port: number, server: number): void => {
  const address = facts.yourAddress
  if (!Claims.isOfSubnet(state, address) || facts.leaseSeconds === 0) return
  if (Bindings.judge(state, 0, 0, IPV4_WORD, address, port) === Bound.ToOther) return
  const there = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  const kind = there < 0 ? Kind.Claim : Owners.get(state.claims, there, Field.kind)
  if (kind === Kind.Host && Claims.isLive(state, there)) return
  if (server !== TAP_PORT && isOfOther(state, address, there, port)) return
  if (isLocked(state, port)) Claims.forgetAll(state, port)
  const until = state.nowSeconds + Math.min(facts.leaseSeconds >>> 0, FOR_EVER_SECONDS)
  Claims.own(state, 0, 0, IPV4_WORD, address, port, addressesMax(state, port), Kind.Lease, until)
  const claim = Owners.find(state.claims, 0, 0, IPV4_WORD, address)
  if (claim >= 0) {
    Owners.set(state.claims, claim, Field.told, facts.macHigh)
    Owners.set(state.claims, claim, Field.told + 1, facts.macLow)
    // Its guest looks now whether somebody uses it all the same (RFC 2131, 4.4.1).
    Claims.askAgain(state, claim)
  }
  doubt(state, port)
}

/** Longer than any switch runs; 0xffffffff, which is for ever (RFC 2131, 3.3), would not fit the table. */
const FOR_EVER_SECONDS = 2 ** 30

/** Whether a port has a lease that was given to a station: then that is its own for as long. */
export const hasLease = (state: AdmissionState, port: number, hi: number, lo: number): boolean => {
  const { claims } = state
  const high = (hi << 24) | ((hi & 0xff00) << 8) | ((hi >>> 8) & 0xff00) | (hi >>> 24)
  const low = ((lo & 0xff) << 8) | (lo >>> 8)
  for (let claim = claims.oldest[port]!; claim >= 0; claim = Owners.next(claims, claim)) {
    if (
      Claims.isLease(state, claim) && Owners.get(claims, claim, Field.told) === high &&
      Owners.get(claims, claim, Field.told + 1) === low && Claims.isLive(state, claim)
    ) return true
  }
  return false
}

/** Whether an IPv4 address is another port's, or kept for another user. @param claim -1 if there is none. */
const isOfOther = (state: AdmissionState, d: number, claim: number, port: number): boolean =>
  claim < 0
    ? isHeldFrom(state, port, 0, 0, IPV4_WORD, d)
    : Owners.get(state.claims, claim, Field.port) !== port && Claims.isTaken(state, claim)

/**
 * Whether a guest asks for more of a lease that is forgotten here, from the address that this was for (RFC 2131,
 * 4.4.5). Where only leases count it may, without having the address: the host says whether it has.
 */
export const mayRenew = (state: AdmissionState, facts: DhcpFacts, source: number, port: number): boolean =>
  state.policy.learn === "dhcp" && source !== 0 && facts.kind === DhcpKind.REQUEST && facts.clientAddress === source &&
  !Claims.isUsed(state, Owners.find(state.claims, 0, 0, IPV4_WORD, source)) &&
  !isHeldFrom(state, port, 0, 0, IPV4_WORD, source) &&
  Bindings.judge(state, 0, 0, IPV4_WORD, source, port) === Bound.No &&
  Claims.leasedUntil(state, 0, 0, IPV4_WORD, source, port) <= state.nowSeconds

/**
 * B4: the holder gives its address back, RELEASE or DECLINE, however it came to it. A locked port would get another for
 * it, by no more than saying so: its stays until the host leases that to another, or the port closes.
 */
export const giveBack = (state: AdmissionState, address: number, port: number): void => {
  if (isLocked(state, port) || !Claims.isOf(state, address, port)) return
  Owners.remove(state.claims, Owners.find(state.claims, 0, 0, IPV4_WORD, address))
  doubt(state, port)
}
