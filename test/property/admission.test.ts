import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Admission from "../../src/domain/Admission.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { Reference } from "./admissionReference.ts"
import {
  address6Of,
  addressOf,
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

const guestPort = fc.integer({ min: 1, max: PORTS - 1 })
const station = fc.nat({ max: 3 })
const ip = fc.nat({ max: 4 })

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constantFrom("ip", "arp"), port: guestPort, station, ip }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("routed", "routed6"), port: guestPort, station, ip }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("probe"), port: guestPort, station, ip }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("tap", "tap-arp"), port: guestPort, station, ip }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("ip6", "na", "na", "ns", "probe6", "probe6", "tap-na", "tap-ns", "tap-ip6"),
      port: guestPort,
      station,
      ip,
      target: ip
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("ask", "ask-as", "renew", "ack"), port: guestPort, station, ip })
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("guest-ack"), port: guestPort, station, ip, target: ip, server: station })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("release", "decline"), port: guestPort, station, ip }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close"), port: guestPort, station, ip }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("1", "8", "9", "10", "60", "300", "301"),
      port: guestPort,
      station,
      ip
    })
  }
)

/** Two of the link, the others of the prefix. */
const sixOf = (n: number): string => n < 3 ? address6Of(n) : `fe80::${n}`

const targetOf = (s: object): number => "target" in s ? Number(s.target) : 0

const policies = fc.record({
  learn: fc.constantFrom("fcfs" as const, "fcfs" as const, "fcfs" as const, "dhcp" as const, "static" as const),
  lock: fc.boolean(),
  isBound: fc.boolean(),
  /** To the one user and the other. */
  isBound6: fc.subarray([{ uid: 1001, n: 1 }, { uid: 1001, n: 3 }, { uid: 1000, n: 0 }]),
  isBoundToTrunks: fc.boolean(),
  isBoundToTrunks6: fc.boolean(),
  trunks: fc.subarray([1, 2, 3]),
  dhcpServer: fc.constantFrom("any" as const, 1000, 1001),
  holdSeconds: fc.constantFrom(0, 10)
})

const dumpReference = (reference: Reference) => ({
  stations: reference.stations.map((s) => `${s.mac} ${s.port} ${s.seen}`).sort(),
  claims: reference.claims.map((c) => `${c.address} ${c.port} ${c.kind} ${c.seen} ${c.until} ${c.probed}`).sort()
})

describe("what is remembered of guests", () => {
  it.prop(
    "agrees with the tables of the policy, step by step, verdicts and all that is remembered, of guests and trunks",
    [fc.array(step, { maxLength: 30 }), policies],
    ([steps, { isBound6, isBoundToTrunks6, ...policy }]) => {
      const { dhcpServer, holdSeconds, isBound, isBoundToTrunks, learn, lock, trunks } = policy
      const bindings = isBound ? [{ uid: 1001, mac: macOf(1), address: addressOf(1) }] : []
      const bindings6 = isBound6.map(({ n, uid }) => ({ uid, address: sixOf(n) }))
      const trunkBindings = isBoundToTrunks ? [{ mac: macOf(2), address: addressOf(2) }] : []
      const trunkNetworks6 = isBoundToTrunks6 ? ["fd00:1::4/127", "fe80::4", "2001:db8::/32"] : []
      const trunkBindings6 = isBoundToTrunks6 ? [sixOf(2), sixOf(4)].map((address) => ({ address })) : []
      const fast = makeFast({
        stationsPerGuest: 2,
        addressesPerGuest: 2,
        stationsPerTrunk: 3,
        addressesPerTrunk: 3,
        stormPerSecond: 1e9,
        arpPerSecond: 1e9,
        dhcpServer,
        holdSeconds,
        learn,
        lock,
        bindings: [
          ...bindings.map(({ uid }) => ({ uid, mac: Mac.parse(macOf(1)), ip: networkOf(addressOf(1)) })),
          ...bindings6.map(({ address, uid }) => ({ uid, ip: networkOf(address) }))
        ],
        trunkBindings: [
          ...trunkBindings.map(() => ({ mac: Mac.parse(macOf(2)), ip: networkOf(addressOf(2)) })),
          { ip: networkOf("192.0.2.0/24") },
          ...trunkNetworks6.map((text) => ({ ip: networkOf(text) }))
        ]
      })
      const slow = new Reference({
        ageSeconds: 300,
        stationsMax: 2,
        addressesMax: 2,
        ...(dhcpServer === "any" ? {} : { serverUid: dhcpServer }),
        holdSeconds,
        learn,
        lock,
        bindings: [...bindings, ...bindings6],
        trunkStationsMax: 3,
        trunkAddressesMax: 3,
        trunkBindings: [...trunkBindings, ...trunkBindings6]
      })
      let now = 1000
      const open = (port: number, uid: number, isTrunk: boolean) => {
        fast.uid[port] = uid
        fast.trunk[port] = Number(isTrunk)
        fast.dhcpServers[port] = Number(dhcpServer === "any" || dhcpServer === uid)
        slow.uids.set(port, uid)
        if (isTrunk) slow.trunks.add(port)
        else slow.trunks.delete(port)
      }
      for (let port = 1; port < PORTS; port++) open(port, 1000 + (port & 1), trunks.includes(port))
      for (const s of steps) {
        slow.now = now
        const receive = (frame: Uint8Array, port: number) => fast.receive(frame, port, now * 1000)
        const from = macOf(s.station)
        const claimed = addressOf(s.ip)
        let got: number = Reason.PASS
        let expected: number = Reason.PASS
        if (s.kind === "ip" || s.kind === "arp") {
          got = receive(s.kind === "ip" ? datagram(s.station, claimed) : request(from, claimed), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: claimed, protocol: s.kind })
        } else if (s.kind === "routed") {
          got = receive(datagram(s.station, "192.0.2.7"), s.port)
          expected = slow.trunks.has(s.port)
            ? slow.guest({ port: s.port, mac: from, address: undefined, protocol: "ip" })
            : Reason.IP4_SRC_OUTSIDE
        } else if (s.kind === "routed6") {
          got = receive(packet6(from, "2001:db8::7"), s.port)
          expected = slow.trunks.has(s.port) && isBoundToTrunks6
            ? slow.guest({ port: s.port, mac: from, address: undefined, protocol: "ip6" })
            : Reason.IP6_SRC_OUTSIDE
        } else if (s.kind === "probe") {
          got = receive(request(from, "0.0.0.0", claimed), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: undefined, asked: claimed, protocol: "arp" })
        } else if (s.kind === "ip6") {
          got = receive(packet6(from, sixOf(s.ip)), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: sixOf(s.ip), protocol: "ip6" })
        } else if (s.kind === "na") {
          const target = sixOf(targetOf(s))
          got = receive(advertise(from, sixOf(s.ip), target), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: sixOf(s.ip), protocol: "ip6", target })
        } else if (s.kind === "ns") {
          got = receive(solicit(from, sixOf(s.ip), sixOf(targetOf(s))), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: sixOf(s.ip), protocol: "ip6" })
        } else if (s.kind === "probe6") {
          const asked = sixOf(s.ip)
          got = receive(solicit(from, "::", asked), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: undefined, asked, protocol: "ip6" })
        } else if (s.kind === "tap-na") {
          receive(advertise(from, "fd00:1::1", sixOf(s.ip)), 0)
          slow.tap(from, sixOf(s.ip))
        } else if (s.kind === "tap-ns") {
          receive(solicit(from, sixOf(s.ip), "fd00:1::1"), 0)
          slow.tap(from, sixOf(s.ip))
        } else if (s.kind === "tap-ip6") {
          receive(packet6(from, sixOf(s.ip)), 0)
          slow.tapSends(from, sixOf(s.ip))
        } else if (s.kind === "tap") {
          receive(datagram(s.station, claimed), 0)
          slow.tapSends(from, claimed)
        } else if (s.kind === "tap-arp") {
          receive(request(from, claimed), 0)
          slow.tap(from, claimed)
        } else if (s.kind === "ask") {
          got = receive(dhcpFrame({ from, hardware: from, xid: s.station, kind: 3 }), s.port)
          expected = slow.guest({ port: s.port, mac: from, address: undefined, protocol: "ip" })
          if (expected === Reason.PASS) slow.dhcpAsks(s.station, from, s.port)
        } else if (s.kind === "ask-as") {
          const name = `vm-${s.ip}`
          got = receive(dhcpFrame({ from, hardware: from, xid: s.station, kind: 3, name }), s.port)
          expected = slow.asksAs({ mac: from, name, port: s.port, xid: s.station })
        } else if (s.kind === "renew") {
          got = receive(dhcpFrame({ from, hardware: from, xid: s.station, kind: 3, client: claimed }), s.port)
          expected = slow.renews({ from: claimed, mac: from, port: s.port, xid: s.station })
        } else if (s.kind === "ack") {
          const yours = addressOf(s.ip)
          receive(dhcpFrame({ from: tapMac, hardware: from, xid: s.station, kind: 5, yours, seconds: 100 }), 0)
          slow.dhcpAcks(s.station, from, yours, 100)
        } else if (s.kind === "guest-ack") {
          const [server, mac, yours] = [addressOf(targetOf(s)), macOf("server" in s ? s.server : 0), claimed]
          const fields = { from: mac, hardware: from, xid: s.station, kind: 5, yours, seconds: 100, server }
          got = receive(dhcpFrame(fields), s.port)
          expected = fast.dhcpServers[s.port] === 0
            ? Reason.DHCP_SERVER
            : slow.guest({ port: s.port, mac, address: server, protocol: "ip" })
          if (expected === Reason.PASS) slow.dhcpAcks(s.station, from, yours, 100, s.port)
        } else if (s.kind === "release") {
          got = receive(dhcpFrame({ from, hardware: from, xid: 9, kind: 7, client: claimed }), s.port)
          expected = slow.givesBack({ from: claimed, given: claimed, mac: from, port: s.port })
        } else if (s.kind === "decline") {
          got = receive(dhcpFrame({ from, hardware: from, xid: 9, kind: 4, requested: claimed }), s.port)
          expected = slow.givesBack({ given: claimed, mac: from, port: s.port })
        } else if (s.kind === "close") {
          Admission.forget(fast.state, s.port, now * 1000)
          slow.close(s.port)
          open(s.port, 1000 + (s.ip & 1), (s.ip & 2) !== 0)
        } else now += Number(s.kind)
        assert.strictEqual(reasonNames[got], reasonNames[expected], JSON.stringify(s))
        assert.deepStrictEqual(dump(fast.state), dumpReference(slow), JSON.stringify(s))
      }
    },
    { timeout: 120_000, fastCheck: { numRuns: 10_000 } }
  )
})
