/** One rule with memory from both sides: what came before, and then the nearest steps that pass and that are denied. */
import * as Admission from "../../src/domain/Admission.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import { type Reason, reasonNames } from "../../src/domain/Reason.ts"
import { Reference } from "./admissionReference.ts"
import {
  advertise,
  datagram,
  dhcpFrame,
  dump,
  macOf,
  makeFast,
  packet6,
  PORTS,
  request,
  solicit,
  tapMac
} from "./admissionWorld.ts"
import { networkOf } from "./networkOf.ts"

/** A station says something by a port; 0 is the tap. */
export interface Say {
  readonly say: "arp" | "ip" | "probe" | "probe6" | "ip6" | "advertise6" | "ask" | "lease" | "decline"
  readonly port: number
  /** Number of the station. */
  readonly mac: number
  readonly address?: string
  /** Said so often; once unless given. The last time is the one that counts. */
  readonly times?: number
}

export type Step = Say | { readonly passSeconds: number } | { readonly close: number }

/** A user's or the trunks' by its MAC, its address, or both. */
export interface Bound {
  readonly owner: number | "trunk"
  readonly mac?: number
  readonly address?: string
}

export interface Sequence {
  /** A rule's number and reason, as in `Rules.ts`. */
  readonly rule: string
  readonly reason: keyof typeof Reason
  /** What is varied between the two sides. */
  readonly field: string
  readonly policy?: Partial<PolicySettings>
  readonly bound?: ReadonlyArray<Bound>
  readonly before?: ReadonlyArray<Step>
  readonly inside: ReadonlyArray<Step>
  readonly outside: ReadonlyArray<Step>
}

/** Port n is user 1000 + n's; the last is a trunk. */
export const TRUNK = 3
const uidOf = (port: number): number => 1000 + port
const T0_SECONDS = 1000
/** Long enough for every sequence. */
const LEASE_SECONDS = 600

/** Whose advertisements a port's are, whatever they are about. */
const speakerOf = (port: number): string => `fd00:1::${port}00`

const frameOf = ({ address: asked, mac: n, port, say }: Say): Uint8Array => {
  const address = asked ?? "0.0.0.0"
  const from = macOf(n)
  switch (say) {
    case "arp":
      return request(from, address)
    case "probe":
      return request(from, "0.0.0.0", asked)
    case "probe6":
      return solicit(from, "::", address)
    case "ip":
      return datagram(n, address)
    case "ip6":
      return packet6(from, address)
    case "advertise6":
      return advertise(from, speakerOf(port), address)
    case "ask":
      return dhcpFrame({ from, hardware: from, xid: n, kind: 3 })
    case "decline":
      return dhcpFrame({ from, hardware: from, xid: n, kind: 4, requested: address })
    case "lease":
      return dhcpFrame({ from: tapMac, hardware: from, xid: n, kind: 5, yours: address, seconds: LEASE_SECONDS })
  }
}

/** The verdict of the passes, and that of the slow reference where it knows of such frames and of the policy. */
export interface Verdicts {
  readonly fast: string
  readonly slow: string | undefined
}

/** Takes the steps of one side and gives the verdicts on each. What is remembered is compared after each. */
export const take = (sequence: Sequence, steps: ReadonlyArray<Step>): ReadonlyArray<Verdicts> => {
  const { bound = [], policy = {} } = sequence
  const fast = makeFast({
    ...policy,
    bindings: bound.flatMap(({ address, mac: n, owner }) =>
      owner === "trunk" ? [] : [{
        uid: owner,
        mac: n === undefined ? undefined : Mac.parse(macOf(n)),
        ip: address === undefined ? undefined : networkOf(address)
      }]),
    trunkBindings: bound.flatMap(({ address, mac: n, owner }) =>
      owner !== "trunk" ? [] : [{
        mac: n === undefined ? undefined : Mac.parse(macOf(n)),
        ip: address === undefined ? undefined : networkOf(address)
      }])
  })
  const slow = referenceFor(fast.state.policy, bound)
  for (let port = 1; port < PORTS; port++) {
    fast.uid[port] = uidOf(port)
    slow.uids.set(port, uidOf(port))
  }
  fast.trunk[TRUNK] = 1
  slow.trunks.add(TRUNK)
  let nowSeconds = T0_SECONDS
  let alike = true
  return steps.flatMap((step): ReadonlyArray<Verdicts> => {
    slow.now = nowSeconds
    if ("passSeconds" in step) {
      nowSeconds += step.passSeconds
      return []
    }
    if ("close" in step) {
      Admission.forget(fast.state, step.close, nowSeconds * 1000)
      slow.close(step.close)
      return []
    }
    return Array.from({ length: step.times ?? 1 }, () => {
      const verdict = fast.receive(frameOf(step), step.port, nowSeconds * 1000)
      // The reference knows no rates: of what is over one, and of what follows, it says nothing.
      alike &&= !/_RATE$/.test(reasonNames[verdict]!)
      const expected = alike ? hear(slow, step) : undefined
      if (alike) compare(fast.state, slow)
      return { fast: reasonNames[verdict]!, slow: expected === undefined ? undefined : reasonNames[expected]! }
    })
  })
}

const referenceFor = (policy: PolicySettings, bound: ReadonlyArray<Bound>): Reference =>
  new Reference({
    ageSeconds: 300,
    stationsMax: policy.stationsPerGuest,
    addressesMax: policy.addressesPerGuest,
    trunkStationsMax: policy.stationsPerTrunk,
    trunkAddressesMax: policy.addressesPerTrunk,
    holdSeconds: policy.holdSeconds,
    learn: policy.learn,
    lock: policy.lock,
    bindings: bound.flatMap(({ address, mac: n, owner }) =>
      owner === "trunk" ? [] : [{
        uid: owner,
        ...(n === undefined ? {} : { mac: macOf(n) }),
        ...(address === undefined ? {} : { address })
      }]),
    trunkBindings: bound.flatMap(({ address, mac: n, owner }) =>
      owner !== "trunk" ? [] : [{
        ...(n === undefined ? {} : { mac: macOf(n) }),
        ...(address === undefined ? {} : { address })
      }])
  })

const protocols = { arp: "arp", ip: "ip", ask: "ip", ip6: "ip6" } as const

/** The slow verdict. The host's side is always let through. */
const hear = (slow: Reference, { address, mac: n, port, say }: Say): number => {
  const from = macOf(n)
  if (say === "lease") slow.dhcpAcks(n, from, address!, LEASE_SECONDS)
  else if (port === 0) slow.tap(from, say === "arp" || say === "advertise6" ? address : undefined)
  else {
    const verdict = say === "advertise6"
      ? slow.guest({ port, mac: from, address: speakerOf(port), protocol: "ip6", target: address })
      : say === "probe" || say === "probe6"
      ? slow.guest({
        port,
        mac: from,
        address: undefined,
        asked: address,
        protocol: say === "probe" ? "arp" : "ip6"
      })
      : say === "decline"
      ? slow.givesBack({ given: address!, mac: from, port })
      : slow.guest({ port, mac: from, address, protocol: protocols[say] })
    if (say === "ask" && verdict === 0) slow.dhcpAsks(n, from, port)
    return verdict
  }
  return 0
}

const compare = (fast: Parameters<typeof dump>[0], slow: Reference): void => {
  const stations = slow.stations.map((s) => `${s.mac} ${s.port} ${s.seen}`).sort()
  const claims = slow.claims.map((c) => `${c.address} ${c.port} ${c.kind} ${c.seen} ${c.until} ${c.probed}`).sort()
  const told = JSON.stringify(dump(fast))
  if (told !== JSON.stringify({ stations, claims })) {
    throw new Error(`remembered are ${told}, and should be ${JSON.stringify({ stations, claims })}`)
  }
}
