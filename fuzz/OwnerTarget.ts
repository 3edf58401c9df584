import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"
import * as Admission from "../src/domain/Admission.ts"
import { TAP_PORT } from "../src/domain/Bounds.ts"
import * as Mac from "../src/domain/MacAddress.ts"
import { Reason, reasonNames } from "../src/domain/Reason.ts"
import { Reference } from "../test/property/admissionReference.ts"
import * as world from "../test/property/admissionWorld.ts"
import { networkOf } from "../test/property/networkOf.ts"
import { mutateEvents } from "./EventMutator.ts"
import { Finding, type Target } from "./Target.ts"

/** An event: which, the port, the station, the address. */
const EVENT_BYTES = 4
/** Before the events: how addresses may be learned, flags, seconds that they are held, the cap of both. */
const HEADER_BYTES = EVENT_BYTES
const EVENTS_MAX = 100

const STATIONS = 6
const ADDRESSES = 8
const HOST6 = "fd00:1::1"
const XIDS = 3
const SECONDS = [1, 9, 10, 60, 99, 100, 300, 301, 8, 69]
const LEARN = ["fcfs", "fcfs", "dhcp", "static"] as const
const AGE_SECONDS = 300
/** Whose guests may give leases, unless the flags say that any guest may be a DHCP server. */
const SERVER_UID = 1001
const ANY_SERVES = 4
const BOUND = 2
const BOUND_6 = 8
/** The last port is a trunk. */
const TRUNK = 16
const LINK_LOCAL_FROM = 6
/** The last ones are of the link, the others of the prefix. */
const address6Of = (n: number): string => {
  const address = n % ADDRESSES
  return address < LINK_LOCAL_FROM ? world.address6Of(address) : `fe80::${address}`
}
/** Has the fourth and the fifth. */
const TRUNK_NETWORK = "fd00:1::6/127"
/** One user has bound ones of both kinds, another of one. */
const BINDINGS_6 = [
  { uid: 1001, address: address6Of(1) },
  { uid: 1001, address: address6Of(LINK_LOCAL_FROM) },
  { uid: 1000, address: address6Of(2) }
]
/** Rates are not what is compared. */
const PER_SECOND = 1e9

/** The fast and the slow keeper of what guests own, told the same. */
class Keepers {
  readonly fast: ReturnType<typeof world.makeFast>
  readonly slow: Reference
  readonly dhcpServer: number | "any"
  #nowSeconds = 1000

  constructor(learn: number, flags: number, hold: number, cap: number) {
    const bound = (flags & BOUND) === 0 ? [] : [{ uid: 1001, mac: world.macOf(1), address: world.addressOf(1) }]
    const bound6 = (flags & BOUND_6) === 0 ? [] : BINDINGS_6
    const holdSeconds = [0, 10, 100][hold % 3]!
    const of = { holdSeconds, learn: LEARN[learn % LEARN.length]!, lock: (flags & 1) !== 0 }
    const max = 1 + (cap % 3)
    const isTrunk = (flags & TRUNK) !== 0
    this.dhcpServer = (flags & ANY_SERVES) === 0 ? SERVER_UID : "any"
    this.fast = world.makeFast({
      ...of,
      dhcpServer: this.dhcpServer,
      stationsPerGuest: max,
      addressesPerGuest: max,
      stationsPerTrunk: max,
      addressesPerTrunk: max,
      stormPerSecond: PER_SECOND,
      arpPerSecond: PER_SECOND,
      bindings: [
        ...bound.map(({ uid }) => ({ uid, mac: Mac.parse(world.macOf(1)), ip: networkOf(world.addressOf(1)) })),
        ...bound6.map(({ address, uid }) => ({ uid, ip: networkOf(address) }))
      ],
      trunkBindings: isTrunk ? [{ ip: networkOf(TRUNK_NETWORK) }, { ip: networkOf(world.addressOf(2)) }] : []
    })
    const addresses = isTrunk ? [address6Of(4), address6Of(5), world.addressOf(2)] : []
    const trunkBindings = addresses.map((address) => ({ address }))
    const trunks = { trunkStationsMax: max, trunkAddressesMax: max, trunkBindings }
    const served = this.dhcpServer === "any" ? {} : { serverUid: this.dhcpServer }
    const caps = { ageSeconds: AGE_SECONDS, stationsMax: max, addressesMax: max }
    this.slow = new Reference({ ...of, ...served, ...trunks, ...caps, bindings: [...bound, ...bound6] })
    if (isTrunk) {
      this.fast.trunk[world.PORTS - 1] = 1
      this.slow.trunks.add(world.PORTS - 1)
    }
    for (let port = 1; port < world.PORTS; port++) this.open(port, 1000 + (port & 1))
    this.pass(0)
  }

  get nowMs(): number {
    return this.#nowSeconds * 1000
  }

  pass(seconds: number): void {
    this.#nowSeconds += seconds
    this.slow.now = this.#nowSeconds
  }

  open(port: number, uid: number): void {
    this.fast.uid[port] = uid
    this.fast.dhcpServers[port] = Number(this.dhcpServer === "any" || this.dhcpServer === uid)
    this.slow.uids.set(port, uid)
  }

  /** What the fast one says to a frame. */
  receive(frame: Uint8Array, port: number): number {
    return this.fast.receive(frame, port, this.nowMs)
  }
}

interface Operands {
  readonly port: number
  readonly from: string
  readonly address: string
  readonly xid: number
  readonly raw: number
}

/** What happens; returns the verdicts of both, where there is one. */
type Event = (keepers: Keepers, of: Operands) => readonly [number, number] | undefined

const use = (protocol: "ip" | "arp"): Event => (keepers, { address, from, port }) => {
  const station = Number(from.slice(-1))
  const frame = protocol === "ip" ? world.datagram(station, address) : world.request(from, address)
  return [keepers.receive(frame, port), keepers.slow.guest({ port, mac: from, address, protocol })]
}

/** A guest answers DHCP, from the station and the address of its number. */
const guestAcks = (
  keepers: Keepers,
  port: number,
  of: { hardware: string; xid: number; kind: number; yours: string; seconds: number }
): readonly [number, number] => {
  const server = world.addressOf(port)
  const from = world.macOf(port)
  const got = keepers.receive(world.dhcpFrame({ ...of, from, server }), port)
  if (keepers.fast.dhcpServers[port] === 0) return [got, Reason.DHCP_SERVER]
  const expected = keepers.slow.guest({ port, mac: from, address: server, protocol: "ip" })
  if (expected === Reason.PASS) keepers.slow.dhcpAcks(of.xid, of.hardware, of.yours, of.seconds, port)
  return [got, expected]
}

const events: ReadonlyArray<Event> = [
  use("ip"),
  use("arp"),
  (keepers, { address, from, port }) => [
    keepers.receive(world.request(from, "0.0.0.0", address), port),
    keepers.slow.guest({ port, mac: from, address: undefined, asked: address, protocol: "arp" })
  ],
  (keepers, { address, from }) => {
    keepers.receive(world.datagram(Number(from.slice(-1)), address), TAP_PORT)
    keepers.slow.tapSends(from, address)
    return undefined
  },
  (keepers, { address, from }) => {
    keepers.receive(world.request(from, address), TAP_PORT)
    keepers.slow.tap(from, address)
    return undefined
  },
  (keepers, { from, port, raw, xid }) => {
    if ((raw & 128) !== 0) {
      const name = `vm-${raw & 7}`
      const got = keepers.receive(world.dhcpFrame({ from, hardware: from, xid, kind: 3, name }), port)
      return [got, keepers.slow.asksAs({ mac: from, name, port, xid })]
    }
    const got = keepers.receive(world.dhcpFrame({ from, hardware: from, xid, kind: 3 }), port)
    const expected = keepers.slow.guest({ port, mac: from, address: undefined, protocol: "ip" })
    if (expected === Reason.PASS) keepers.slow.dhcpAsks(xid, from, port)
    return [got, expected]
  },
  (keepers, { address, from, port, raw, xid }) => {
    const fields = { from: world.tapMac, hardware: from, xid, kind: 5, yours: address, seconds: 100 }
    if ((raw & 128) !== 0) return guestAcks(keepers, port, fields)
    keepers.receive(world.dhcpFrame(fields), TAP_PORT)
    keepers.slow.dhcpAcks(xid, from, address, 100)
    return undefined
  },
  (keepers, { address, from, port, raw }) => {
    const given = (raw & 128) === 0 ? { kind: 7, client: address } : { kind: 4, requested: address }
    const got = keepers.receive(world.dhcpFrame({ from, hardware: from, xid: 9, ...given }), port)
    return [got, keepers.slow.givesBack({ from: given.client, given: address, mac: from, port })]
  },
  (keepers, { port, raw }) => {
    Admission.forget(keepers.fast.state, port, keepers.nowMs)
    keepers.slow.close(port)
    keepers.open(port, 1000 + (raw & 1))
    return undefined
  },
  (keepers, { raw }) => {
    keepers.pass(SECONDS[raw % SECONDS.length]!)
    return undefined
  },
  (keepers, { from, port, raw }) => {
    const address = addressesOf6(raw)[0]
    const got = keepers.receive(world.packet6(from, address), port)
    return [got, keepers.slow.guest({ port, mac: from, address, protocol: "ip6" })]
  },
  (keepers, { from, port, raw }) => {
    const [address, target] = addressesOf6(raw)
    const got = keepers.receive(world.advertise(from, address, target), port)
    return [got, keepers.slow.guest({ port, mac: from, address, protocol: "ip6", target })]
  },
  (keepers, { from, port, raw }) => {
    const [address, target] = addressesOf6(raw)
    const isProbe = (raw & 128) !== 0
    const got = keepers.receive(world.solicit(from, isProbe ? "::" : address, target), port)
    const said = isProbe ? { address: undefined, asked: target } : { address }
    return [got, keepers.slow.guest({ port, mac: from, ...said, protocol: "ip6" })]
  },
  (keepers, { from, raw }) => {
    const [address, target] = addressesOf6(raw)
    const isAnswer = (raw & 128) !== 0
    if ((raw & 64) !== 0) {
      keepers.receive(world.packet6(from, address), TAP_PORT)
      keepers.slow.tapSends(from, address)
      return undefined
    }
    keepers.receive(isAnswer ? world.advertise(from, HOST6, target) : world.solicit(from, address, target), TAP_PORT)
    keepers.slow.tap(from, isAnswer ? target : address)
    return undefined
  },
  // A guest gets another MAC address, as by `ip link set address`, and goes on with its addresses.
  (keepers, { address, from, port, raw }) => {
    const protocol = (raw & 128) === 0 ? "ip" : "arp"
    const before = use(protocol)(keepers, { address, from, port, raw, xid: 0 })
    if (before !== undefined && before[0] !== before[1]) return before
    return use(protocol)(keepers, { address, from: afterChange(from), port, raw, xid: 0 })
  }
]

/** The MAC address that a station has after a change. */
const afterChange = (from: string): string => world.macOf((Number(from.slice(-1)) + 3) % STATIONS)

/** Two IPv6 addresses of guests. */
const addressesOf6 = (raw: number): readonly [string, string] => [address6Of(raw), address6Of(raw >> 3)]

const dumpOf = ({ claims, stations }: Reference) => ({
  stations: stations.map((s) => `${s.mac} ${s.port} ${s.seen}`).sort(),
  claims: claims.map((c) => `${c.address} ${c.port} ${c.kind} ${c.seen} ${c.until} ${c.probed}`).sort()
})

/** Every kind of event, under one of the ways to learn and with one set of flags. */
const busyDay = (flags: number): Uint8Array =>
  Uint8Array.of(
    flags, flags, 1, 1, 0, 1, 1, 1, 1, 2, 1, 1, 1, 2, 2, 2, 5, 1, 1, 1, 6, 0, 1, 4, 0, 1, 1, 4, 7, 1, 1, 4, 4, 0, 3, 5,
    9, 0, 0, 6, 8, 1, 0, 1, 0, 2, 1, 1, 2, 2, 1, 0, 9, 0, 0, 7, 3, 0, 2, 1
  )

/** A leased address that another uses after a while: before, at and after its end. */
const afterLease = (seconds: number): Uint8Array =>
  Uint8Array.of(0, 0, 1, 2, 5, 0, 1, 0, 6, 0, 1, 4, 9, 0, 0, seconds, 0, 1, 2, 4)

/** A guest that leases an address: one that nobody has, one that another has, and one that another had. */
const guestLeases = (flags: number): Uint8Array =>
  Uint8Array.of(
    0, flags, 1, 2, 0, 1, 2, 4, 5, 2, 0, 0, 6, 0, 0, 128 + 4, 5, 2, 0, 0, 6, 0, 0, 128 + 5, 0, 2, 0, 5, 8, 1, 0, 0,
    5, 2, 0, 0, 6, 0, 0, 128 + 4, 9, 0, 0, 6, 5, 2, 0, 0, 6, 0, 0, 128 + 4
  )

/** A station and an address that are silent for a while, and then another's; and one that closed. */
const afterUse = (seconds: number): Uint8Array =>
  Uint8Array.of(
    0, 0, 1, 2, 0, 0, 1, 4, 0, 2, 3, 5, 8, 2, 0, 0, 9, 0, 0, seconds, 0, 1, 1, 6, 1, 1, 2, 4, 0, 1, 3, 6, 1, 1, 2, 5
  )

/** IPv6 addresses that are used, answered for, asked for, forgotten and the host's side's. */
const busyDay6 = (flags: number): Uint8Array =>
  Uint8Array.of(
    0, flags, 1, 2, 10, 0, 1, 0, 11, 0, 1, 8, 11, 1, 2, 1, 11, 1, 2, 18, 12, 1, 2, 10, 12, 1, 2, 138, 13, 0, 3, 130,
    13, 0, 3, 1, 10, 0, 1, 1, 9, 0, 0, 7, 11, 0, 1, 24, 11, 1, 2, 32, 8, 1, 0, 0, 10, 0, 1, 2, 9, 0, 0, 2, 10, 0, 1, 2
  )

/** Addresses that are asked for, in vain and not, by several; and leased then. */
const asking = (flags: number): Uint8Array =>
  Uint8Array.of(
    0, flags, 1, 1, 2, 0, 0, 4, 2, 1, 1, 4, 2, 0, 0, 4, 9, 0, 0, 8, 2, 1, 1, 4, 9, 0, 0, 0, 2, 1, 1, 4, 2, 0, 0, 4,
    2, 1, 1, 5, 2, 1, 1, 6, 0, 1, 1, 6, 9, 0, 0, 9, 2, 1, 1, 4, 5, 2, 2, 0, 6, 0, 2, 4, 2, 1, 1, 4, 0, 2, 2, 4,
    12, 0, 0, 128 + 8, 12, 1, 1, 128 + 8, 12, 0, 0, 128 + 16, 11, 0, 0, 9, 9, 0, 0, 9, 12, 0, 0, 128 + 8
  )

/** A guest that gets another MAC address with an address, with a lease, and with the MAC address of another. */
const changing = (flags: number): Uint8Array =>
  Uint8Array.of(
    0, flags, 1, 2, 14, 0, 0, 4, 14, 0, 3, 4, 5, 1, 1, 0, 6, 0, 1, 5, 0, 1, 1, 5, 14, 1, 1, 5, 14, 2, 4, 128 + 6,
    9, 0, 0, 7, 14, 2, 1, 6, 0, 1, 1, 5
  )

class OwnerTarget implements Target {
  readonly inputBytesMax = HEADER_BYTES + EVENTS_MAX * EVENT_BYTES
  readonly seeds = [
    ...[0, 1, 2, 3].map(busyDay),
    ...[0, 1, BOUND_6, BOUND | BOUND_6, BOUND_6 | TRUNK].map(busyDay6),
    ...[0, ANY_SERVES].map(guestLeases),
    ...[0, 1, BOUND | BOUND_6, TRUNK].flatMap((flags) => [asking(flags), changing(flags)]),
    ...SECONDS.flatMap((_, i) => [afterLease(i), afterUse(i)])
  ]

  execute(input: Uint8Array, size: number): void {
    const keepers = new Keepers(input[0]!, input[1]!, input[2]!, input[3]!)
    for (let at = HEADER_BYTES; at + EVENT_BYTES <= size; at += EVENT_BYTES) {
      const [kind = 0, port = 0, station = 0, raw = 0] = input.subarray(at, at + EVENT_BYTES)
      const verdicts = events[kind % events.length]!(keepers, {
        port: 1 + (port % (world.PORTS - 1)),
        from: world.macOf(station % STATIONS),
        address: world.addressOf(raw % ADDRESSES),
        xid: station % XIDS,
        raw
      })
      if (verdicts !== undefined && verdicts[0] !== verdicts[1]) {
        throw new Finding(`fast says ${reasonNames[verdicts[0]]}, slow says ${reasonNames[verdicts[1]]}`)
      }
    }
    const fast = JSON.stringify(world.dump(keepers.fast.state))
    const slow = JSON.stringify(dumpOf(keepers.slow))
    if (fast !== slow) throw new Finding(`fast remembers ${fast}, slow ${slow}`)
  }

  /** All that is promised has been looked at. */
  examine(): void {}

  mutate(input: Uint8Array, size: number, donor: Uint8Array, random: SeededRandom): number {
    const events = { input, eventBytes: EVENT_BYTES, bytesMax: this.inputBytesMax, kinds: [] }
    return mutateEvents(events, size, donor, random)
  }

  shorter(input: Uint8Array): ReadonlyArray<Uint8Array> {
    return input.length > HEADER_BYTES ? [input.slice(0, input.length - EVENT_BYTES)] : []
  }

  describe(input: Uint8Array): string {
    return `${Math.floor((input.length - HEADER_BYTES) / EVENT_BYTES)} events`
  }
}

export const make = (): Target => new OwnerTarget()
