/** Edges of the rules that remember what guests have said. */
import { Bounds } from "../../src/domain/Bounds.ts"
import { type Say, type Sequence, type Step, TRUNK } from "./policySequence.ts"

const GUEST = 1
const OTHER = 2
const TAP = 0
const AGE = Bounds.stationAgeSeconds
const HOLD = Bounds.identityHoldSeconds
/** Rates and numbers are not what is varied. */
const free = { arpPerSecond: 1e9, stormPerSecond: 1e9 }

const by = (say: Say["say"]) => (port: number, mac: number, address?: string): Say =>
  address === undefined ? { say, port, mac } : { say, port, mac, address }
const arp = by("arp")
const ip = by("ip")
const ip6 = by("ip6")
const advertise6 = by("advertise6")
const probe = by("probe")
const ask = by("ask")
const lease = by("lease")
const decline = by("decline")
const times = (step: Say, times: number): Say => ({ ...step, times })
const later = (passSeconds: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<Step> => [{ passSeconds }, ...steps]
const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

const stations: ReadonlyArray<Sequence> = [
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "port",
    before: [probe(GUEST, 1)],
    inside: [probe(GUEST, 1)],
    outside: [probe(OTHER, 1)]
  },
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "port, a trunk's",
    before: [probe(GUEST, 1)],
    inside: [probe(TRUNK, 2)],
    outside: [probe(TRUNK, 1)]
  },
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "seconds of silence",
    before: [probe(GUEST, 1)],
    inside: later(AGE + 1, probe(OTHER, 1)),
    outside: later(AGE, probe(OTHER, 1))
  },
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "source, behind the tap",
    before: [probe(TAP, 1)],
    inside: [probe(GUEST, 2)],
    outside: [probe(GUEST, 1)]
  },
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "seconds since its port closed",
    before: [probe(GUEST, 1), { close: GUEST }],
    inside: later(HOLD, probe(OTHER, 1)),
    outside: later(HOLD - 1, probe(OTHER, 1))
  },
  {
    rule: "S1",
    reason: "SRC_MAC_CONFLICT",
    field: "who takes what a closed port had",
    before: [probe(GUEST, 1), { close: GUEST }],
    inside: [probe(TRUNK, 1)],
    outside: [probe(OTHER, 1)]
  },
  {
    rule: "S3",
    reason: "MAC_LIMIT",
    field: "stations of a guest",
    policy: { stationsPerGuest: 2 },
    before: [probe(GUEST, 1)],
    inside: [probe(GUEST, 2)],
    outside: [probe(GUEST, 2), probe(GUEST, 3)]
  },
  {
    rule: "S3",
    reason: "MAC_LIMIT",
    field: "stations of a trunk",
    policy: { stationsPerGuest: 1, stationsPerTrunk: 3 },
    before: [probe(TRUNK, 1), probe(TRUNK, 2)],
    inside: [probe(TRUNK, 3)],
    outside: [probe(TRUNK, 3), probe(TRUNK, 4)]
  },
  {
    rule: "S3",
    reason: "MAC_LIMIT",
    field: "seconds of the oldest one's silence",
    policy: { stationsPerGuest: 1 },
    before: [probe(GUEST, 1)],
    inside: later(AGE + 1, probe(GUEST, 2)),
    outside: later(AGE, probe(GUEST, 2))
  },
  {
    rule: "S3",
    reason: "MAC_LIMIT",
    field: "lock",
    policy: { lock: true },
    before: [probe(GUEST, 1), probe(TRUNK, 3)],
    inside: [probe(TRUNK, 4)],
    outside: [probe(GUEST, 2)]
  }
]

/** A9 and I14 differ only in who says it. */
const claims = ([rule, reason, use]: readonly [string, Sequence["reason"], typeof arp]): ReadonlyArray<Sequence> => [
  {
    rule,
    reason,
    field: "address",
    before: [arp(GUEST, 1, "10.1.0.5")],
    inside: [use(OTHER, 2, "10.1.0.6")],
    outside: [use(OTHER, 2, "10.1.0.5")]
  },
  {
    rule,
    reason,
    field: "port",
    before: [arp(GUEST, 1, "10.1.0.5")],
    inside: [use(GUEST, 2, "10.1.0.5")],
    outside: [use(TRUNK, 2, "10.1.0.5")]
  },
  {
    rule,
    reason,
    field: "seconds of disuse",
    before: [arp(GUEST, 1, "10.1.0.5")],
    inside: later(AGE + 1, use(OTHER, 2, "10.1.0.5")),
    outside: later(AGE, use(OTHER, 2, "10.1.0.5"))
  },
  {
    rule,
    reason,
    field: "address, of a host behind the tap",
    before: [arp(TAP, 9, "10.1.0.5")],
    inside: [use(GUEST, 1, "10.1.0.6")],
    outside: [use(GUEST, 1, "10.1.0.5")]
  },
  {
    rule,
    reason,
    field: "who has the lease",
    before: [arp(OTHER, 2, "10.1.0.5"), ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: [use(GUEST, 1, "10.1.0.5")],
    outside: [use(OTHER, 2, "10.1.0.5")]
  },
  {
    rule,
    reason,
    field: "seconds since the lease",
    before: [ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: later(600, use(OTHER, 2, "10.1.0.5")),
    outside: later(599, use(OTHER, 2, "10.1.0.5"))
  },
  {
    rule,
    reason,
    field: "seconds since its port closed",
    before: [arp(GUEST, 1, "10.1.0.5"), { close: GUEST }],
    inside: later(HOLD, use(OTHER, 2, "10.1.0.5")),
    outside: later(HOLD - 1, use(OTHER, 2, "10.1.0.5"))
  }
]

const claims6: ReadonlyArray<Sequence> = [
  {
    rule: "V9",
    reason: "IP6_SRC_CONFLICT",
    field: "address",
    before: [ip6(GUEST, 1, "fd00:1::5")],
    inside: [ip6(OTHER, 2, "fd00:1::6")],
    outside: [ip6(OTHER, 2, "fd00:1::5")]
  },
  {
    rule: "V9",
    reason: "IP6_SRC_CONFLICT",
    field: "seconds of disuse",
    before: [ip6(GUEST, 1, "fd00:1::5")],
    inside: later(AGE + 1, ip6(OTHER, 2, "fd00:1::5")),
    outside: later(AGE, ip6(OTHER, 2, "fd00:1::5"))
  },
  {
    rule: "V9",
    reason: "ND_TARGET_CONFLICT",
    field: "target",
    before: [ip6(GUEST, 1, "fd00:1::5")],
    inside: [advertise6(OTHER, 2, "fd00:1::6")],
    outside: [advertise6(OTHER, 2, "fd00:1::5")]
  }
]

const limits: ReadonlyArray<Sequence> = [
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "addresses of a guest",
    policy: { addressesPerGuest: 2 },
    before: [arp(GUEST, 1, "10.1.0.5")],
    inside: [ip(GUEST, 1, "10.1.0.6")],
    outside: [ip(GUEST, 1, "10.1.0.6"), ip(GUEST, 1, "10.1.0.7")]
  },
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "addresses of a trunk",
    policy: { addressesPerGuest: 1, addressesPerTrunk: 2 },
    before: [arp(TRUNK, 1, "10.1.0.5")],
    inside: [ip(TRUNK, 1, "10.1.0.6")],
    outside: [ip(TRUNK, 1, "10.1.0.6"), ip(TRUNK, 1, "10.1.0.7")]
  },
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "seconds of the oldest one's disuse",
    policy: { addressesPerGuest: 1 },
    before: [arp(GUEST, 1, "10.1.0.5")],
    inside: later(AGE + 1, arp(GUEST, 1, "10.1.0.6")),
    outside: later(AGE, arp(GUEST, 1, "10.1.0.6"))
  },
  {
    rule: "B2",
    reason: "IP_LIMIT",
    field: "address, where leases are wanted",
    policy: { learn: "dhcp" },
    before: [ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: [arp(GUEST, 1, "10.1.0.5")],
    outside: [arp(GUEST, 1, "10.1.0.6")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "user of a bound MAC",
    bound: [{ owner: 1001, mac: 1 }],
    inside: [probe(GUEST, 1)],
    outside: [probe(OTHER, 1)]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "MAC of a user with a bound one",
    bound: [{ owner: 1001, mac: 1 }],
    inside: [probe(GUEST, 1)],
    outside: [probe(GUEST, 2)]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "user of a bound address",
    bound: [{ owner: 1001, address: "10.1.0.5" }],
    inside: [arp(GUEST, 1, "10.1.0.5")],
    outside: [arp(OTHER, 1, "10.1.0.5")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "address of a user with a bound one",
    bound: [{ owner: 1001, address: "10.1.0.5" }],
    inside: [ip(GUEST, 1, "10.1.0.5")],
    outside: [ip(GUEST, 1, "10.1.0.6")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "address, where bindings are wanted",
    policy: { learn: "static" },
    bound: [{ owner: 1002, address: "10.1.0.5" }],
    inside: [probe(GUEST, 1)],
    outside: [arp(GUEST, 1, "10.1.0.6")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "port of what is the trunks'",
    bound: [{ owner: "trunk", mac: 1, address: "10.1.0.5" }],
    inside: [arp(TRUNK, 1, "10.1.0.5")],
    outside: [arp(GUEST, 2, "10.1.0.5")]
  },
  ...([
    ["user of a bound IPv6 address", "fd00:1::5", ip6(GUEST, 1, "fd00:1::5"), ip6(OTHER, 1, "fd00:1::5")],
    ["user of a bound address of the link", "fe80::5", ip6(GUEST, 1, "fe80::5"), ip6(OTHER, 1, "fe80::5")],
    ["user of what is answered for", "fd00:1::5", advertise6(GUEST, 1, "fd00:1::5"), advertise6(OTHER, 1, "fd00:1::5")],
    ["IPv6 address of a user with a bound one", "fd00:1::5", ip6(GUEST, 1, "fd00:1::5"), ip6(GUEST, 1, "fd00:1::6")],
    ["kind of another than the bound one", "fd00:1::5", ip6(GUEST, 1, "fe80::6"), ip6(GUEST, 1, "fd00:1::6")],
    ["kind of another than that of the link", "fe80::5", ip6(GUEST, 1, "fd00:1::6"), ip6(GUEST, 1, "fe80::6")],
    ["kind of another than that of IPv4", "10.1.0.5", ip6(GUEST, 1, "fd00:1::6"), arp(GUEST, 1, "10.1.0.6")]
  ] as const).map(([field, address, inside, outside]): Sequence => ({
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field,
    bound: [{ owner: 1001, address }, ...(address === "fd00:1::5" ? [{ owner: 1001, address: "fd00:1::100" }] : [])],
    inside: [inside],
    outside: [outside]
  })),
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "IPv6 address, where bindings are wanted",
    policy: { learn: "static" },
    bound: [{ owner: 1001, address: "fd00:1::5" }],
    inside: [ip6(GUEST, 1, "fd00:1::5")],
    outside: [ip6(GUEST, 1, "fe80::5")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "port of an IPv6 address that is the trunks'",
    bound: [{ owner: "trunk", address: "fd00:1::5" }],
    inside: [ip6(TRUNK, 1, "fd00:1::5")],
    outside: [ip6(GUEST, 2, "fd00:1::5")]
  },
  {
    rule: "B7",
    reason: "DHCP_CLIENT_CONFLICT",
    field: "port of what is given back",
    before: [ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: [decline(GUEST, 1, "10.1.0.5")],
    outside: [decline(OTHER, 2, "10.1.0.5")]
  },
  {
    rule: "B7",
    reason: "DHCP_CLIENT_CONFLICT",
    field: "address that is given back",
    before: [ask(GUEST, 1), lease(TAP, 1, "10.1.0.5")],
    inside: [decline(GUEST, 1, "10.1.0.5")],
    outside: [decline(GUEST, 1, "10.1.0.6")]
  },
  {
    rule: "B6",
    reason: "STATIC_MISMATCH",
    field: "address that somebody behind the tap advertised, and that is bound or not",
    bound: [{ owner: 1002, address: "fd00:1::5" }],
    before: [advertise6(TAP, 4, "fd00:1::5")],
    inside: [ip6(OTHER, 2, "fd00:1::5")],
    outside: [ip6(OTHER, 2, "fd00:1::6")]
  }
]

const rates: ReadonlyArray<Sequence> = [
  {
    rule: "Q1",
    reason: "ARP_RATE",
    field: "ARP at once",
    policy: { ...free, arpPerSecond: 5 },
    inside: [times(probe(GUEST, 1), 10)],
    outside: [times(probe(GUEST, 1), 11)]
  },
  {
    rule: "Q1",
    reason: "ARP_RATE",
    field: "ARP a second later",
    policy: { ...free, arpPerSecond: 5 },
    before: [times(probe(GUEST, 1), 10), { passSeconds: 1 }],
    inside: [times(probe(GUEST, 1), 5)],
    outside: [times(probe(GUEST, 1), 6)]
  },
  {
    rule: "Q2",
    reason: "STORM_RATE",
    field: "floods at once",
    policy: { ...free, stormPerSecond: 5 },
    inside: [times(ip(GUEST, 1, "10.1.0.5"), 10)],
    outside: [times(ip(GUEST, 1, "10.1.0.5"), 11)]
  },
  {
    rule: "Q2",
    reason: "STORM_RATE",
    field: "floods of a trunk at once",
    policy: { ...free, stormPerSecond: 5 },
    inside: [times(ip(TRUNK, 1, "10.1.0.5"), 10)],
    outside: [times(ip(TRUNK, 1, "10.1.0.5"), 11)]
  },
  {
    rule: "Q3",
    reason: "LEARN_RATE",
    field: "new addresses at once",
    policy: { ...free, addressesPerGuest: 100 },
    // The station is new, too.
    before: range(2 * Bounds.learnPerSecond - 2).map((n) => ip(GUEST, 1, `10.1.0.${100 + n}`)),
    inside: [ip(GUEST, 1, "10.1.0.5")],
    outside: [ip(GUEST, 1, "10.1.0.5"), ip(GUEST, 1, "10.1.0.6")]
  }
]

export const sequences: ReadonlyArray<Sequence> = [
  ...stations,
  ...claims(["A9", "ARP_SPA_CONFLICT", arp]),
  ...claims(["I14", "IP4_SRC_CONFLICT", ip]),
  ...claims6,
  ...limits,
  ...rates
]
