/** Edges of the rules about addresses that are asked for, and not used yet. */
import { Bounds } from "../../src/domain/Bounds.ts"
import { type Say, type Sequence, type Step, TRUNK } from "./policySequence.ts"

const GUEST = 1
const OTHER = 2
const TAP = 0
const HOLD = Bounds.identityHoldSeconds
const ASKED = Bounds.probeSeconds
const PAUSE = Bounds.probePauseSeconds

const by = (say: Say["say"]) => (port: number, mac: number, address?: string): Say =>
  address === undefined ? { say, port, mac } : { say, port, mac, address }
const arp = by("arp")
const ip6 = by("ip6")
const probe = by("probe")
const probe6 = by("probe6")
const ask = by("ask")
const lease = by("lease")
const later = (passSeconds: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<Step> => [{ passSeconds }, ...steps]

/** B8 is the same for both families. */
const probes = (
  [family, address, other, use, asks]: readonly [string, string, string, typeof arp, typeof arp]
): ReadonlyArray<Sequence> =>
  ([
    {
      field: "address",
      before: [asks(GUEST, 1, address)],
      inside: [asks(OTHER, 2, other)],
      outside: [asks(OTHER, 2, address)]
    },
    {
      field: "port",
      before: [asks(GUEST, 1, address), asks(GUEST, 1, address)],
      inside: [asks(GUEST, 2, address)],
      outside: [asks(TRUNK, 2, address)]
    },
    {
      field: "seconds since it was asked for",
      before: [asks(GUEST, 1, address), { passSeconds: 1 }, asks(GUEST, 1, address)],
      inside: later(ASKED, asks(OTHER, 2, address)),
      outside: later(ASKED - 1, asks(OTHER, 2, address))
    },
    {
      field: "seconds since it was asked for in vain",
      before: [asks(GUEST, 1, address)],
      inside: later(ASKED + PAUSE + 1, asks(GUEST, 1, address)),
      outside: later(ASKED + PAUSE, asks(GUEST, 1, address))
    },
    {
      field: "who has asked for it in vain",
      before: [asks(GUEST, 1, address), { passSeconds: ASKED + 1 }],
      inside: [asks(OTHER, 2, address)],
      outside: [asks(GUEST, 1, address)]
    },
    {
      field: "whether its port asks for what it has",
      before: [use(GUEST, 1, address)],
      inside: [asks(OTHER, 2, address)],
      outside: [asks(GUEST, 1, address), asks(OTHER, 2, address)]
    },
    {
      field: "whether it is used by now",
      before: [asks(GUEST, 1, address)],
      inside: [use(GUEST, 1, address), asks(OTHER, 2, address)],
      outside: [use(GUEST, 1, other), asks(OTHER, 2, address)]
    },
    {
      field: "seconds since its port closed",
      before: [use(GUEST, 1, address), { close: GUEST }],
      inside: later(HOLD, asks(OTHER, 2, address)),
      outside: later(HOLD - 1, asks(OTHER, 2, address))
    }
  ]).map((sequence): Sequence => ({
    ...sequence,
    rule: "B8",
    reason: "PROBE_CONFLICT",
    field: `${sequence.field}, ${family}`
  }))

export const askedSequences: ReadonlyArray<Sequence> = [
  ...probes(["IPv4", "10.1.0.5", "10.1.0.6", arp, probe]),
  ...probes(["IPv6", "fd00:1::5", "fd00:1::6", ip6, probe6]),
  {
    rule: "B8",
    reason: "PROBE_CONFLICT",
    field: "seconds since it was leased to another",
    before: [ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: later(ASKED + 1, probe(OTHER, 2, "10.1.0.5")),
    outside: later(ASKED, probe(OTHER, 2, "10.1.0.5"))
  },
  {
    rule: "B8",
    reason: "PROBE_CONFLICT",
    field: "who has the lease",
    before: [probe(OTHER, 2, "10.1.0.5"), ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: [probe(GUEST, 1, "10.1.0.5")],
    outside: [probe(OTHER, 2, "10.1.0.5")]
  },
  {
    rule: "B8",
    reason: "PROBE_CONFLICT",
    field: "whether its port closed before it was used",
    before: [probe(GUEST, 1, "10.1.0.5")],
    inside: [{ close: GUEST }, probe(OTHER, 2, "10.1.0.5")],
    outside: [probe(OTHER, 2, "10.1.0.5")]
  },
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "addresses that a guest asks for",
    policy: { addressesPerGuest: 2 },
    before: [probe(GUEST, 1, "10.1.0.5")],
    inside: [probe(GUEST, 1, "10.1.0.6")],
    outside: [probe(GUEST, 1, "10.1.0.6"), probe(GUEST, 1, "10.1.0.7")]
  },
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "whether the second one is used that is asked for",
    policy: { addressesPerGuest: 1 },
    before: [probe(GUEST, 1, "10.1.0.5")],
    inside: [arp(GUEST, 1, "10.1.0.6")],
    outside: [probe(GUEST, 1, "10.1.0.6")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "user of a bound address that is asked for",
    bound: [{ owner: 1001, address: "10.1.0.5" }],
    inside: [probe(GUEST, 1, "10.1.0.5")],
    outside: [probe(OTHER, 1, "10.1.0.5")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "whether a bound address that is asked for is used",
    bound: [{ owner: 1001, address: "fd00:1::5" }],
    inside: [ip6(GUEST, 1, "fd00:1::5"), probe6(OTHER, 2, "fd00:1::5")],
    outside: [probe6(OTHER, 2, "fd00:1::5")]
  }
]
