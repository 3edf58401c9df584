import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Admission from "../../src/domain/Admission.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Snoop from "../../src/domain/policy/DhcpSnoop.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { neighbours, T0 } from "./admissionNeighbours.ts"
import {
  address6Of,
  addressOf,
  advertise,
  datagram,
  dhcpFrame,
  dump,
  HOST,
  macOf,
  makeFast,
  packet6,
  PORTS,
  request,
  solicit,
  tapMac
} from "./admissionWorld.ts"
import { address, arp, ARP, ethernet, mac } from "./frames.ts"
import { networkOf } from "./networkOf.ts"

const RUNS = { fastCheck: { numRuns: 10_000 } }

const frame = fc.oneof(
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([m, a]) => datagram(m, addressOf(a))),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([m, a]) => request(macOf(m), addressOf(a))),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 })).map(([m, xid]) =>
    dhcpFrame({ from: macOf(m), hardware: macOf(m), xid, kind: 1 })
  ),
  fc.constantFrom(datagram(1, HOST), request(macOf(1), HOST), request(tapMac, addressOf(1)), datagram(1, "192.0.2.1"))
)
const traffic = fc.array(fc.tuple(frame, fc.nat({ max: PORTS - 1 }), fc.nat({ max: 3000 })), { maxLength: 25 })

/** Tables are made once, and emptied for each run: the last promise is that closing does that. */
const trunkBindings = [{ ip: networkOf("192.0.2.0/24") }]
const tight = makeFast({
  stationsPerGuest: 2,
  addressesPerGuest: 3,
  stationsPerTrunk: 4,
  addressesPerTrunk: 5,
  holdSeconds: 0,
  trunkBindings
})
const wide = makeFast({ holdSeconds: 0, trunkBindings })
/** One port of three. */
const TRUNK = 3

const anew = (fast: ReturnType<typeof makeFast>) => {
  fast.uid.set([0, 1001, 1002, 1003])
  fast.trunk[TRUNK] = 1
  fast.state.ratedUid.fill(-1)
  for (let port = 0; port < PORTS; port++) {
    Admission.forget(fast.state, port, T0)
    Admission.join(fast.state, port, T0)
  }
  return fast
}

describe("whatever guests and trunks send", () => {
  it.prop("a frame that is denied leaves every table as it was", [traffic], ([frames]) => {
    const fast = anew(tight)
    let nowMs = T0
    for (const [octets, port, ms] of frames) {
      nowMs += ms
      const before = dump(fast.state)
      const pending = Snoop.rowsOf(fast.state.snoop).join()
      if (fast.receive(octets, port, nowMs) === Reason.PASS) continue
      assert.deepStrictEqual(dump(fast.state), before)
      assert.strictEqual(Snoop.rowsOf(fast.state.snoop).join(), pending)
    }
  }, RUNS)

  it.prop("no port owns more than its caps", [traffic], ([frames]) => {
    const fast = anew(tight)
    let nowMs = T0
    for (const [octets, port, ms] of frames) {
      nowMs += ms
      fast.receive(octets, port, nowMs)
      for (let guest = 1; guest < PORTS; guest++) {
        assert.isAtMost(fast.state.stations.portCount[guest]!, guest === TRUNK ? 4 : 2)
        assert.isAtMost(fast.state.claims.portCount[guest]!, guest === TRUNK ? 5 : 3)
      }
    }
  }, RUNS)

  it.prop("what passes from a guest claims neither the host's MAC nor its address", [traffic], ([frames]) => {
    const fast = anew(wide)
    for (const [octets, port] of frames) {
      if (port === 0 || fast.receive(octets, port, T0) !== Reason.PASS) continue
      assert.notDeepEqual(octets.slice(6, 12), mac(tapMac))
      const at = octets[12] === 8 && octets[13] === 6 ? 28 : 26
      assert.notDeepEqual(octets.slice(at, at + 4), address(HOST))
    }
  }, RUNS)

  it.prop("a unicast frame goes to the port that owns its destination, if one does", [traffic], ([frames]) => {
    const fast = anew(wide)
    const owner = new Map<string, number>()
    let nowMs = T0
    for (const [octets, port, ms] of frames) {
      nowMs += ms
      const target = octets.slice(0, 6).join()
      const expected = owner.get(target)
      if (fast.receive(octets, port, nowMs) !== Reason.PASS) continue
      if ((octets[0]! & 1) === 0 && target !== mac(tapMac).join() && expected !== undefined) {
        assert.strictEqual(fast.destination[0], expected)
      }
      owner.set(octets.slice(6, 12).join(), port)
    }
  }, RUNS)

  it.prop("a port that closes leaves nothing of its own behind", [traffic], ([frames]) => {
    const fast = anew(wide)
    let nowMs = T0
    for (const [octets, port, ms] of frames) fast.receive(octets, port, nowMs += ms)
    for (let port = 0; port < PORTS; port++) Admission.forget(fast.state, port, nowMs)
    assert.deepStrictEqual(dump(fast.state), { stations: [], claims: [] })
    assert.strictEqual(fast.state.snoop.pending.count, 0)
    assert.strictEqual(fast.state.stations.count + fast.state.claims.count, 0)
  }, RUNS)
})

describe("promises of compatibility", () => {
  it("1: any MAC will do, DHCP from 0.0.0.0 and then the leased address", () => {
    const { accepted } = neighbours()
    const own = "00:01:ab:cd:12:34"
    accepted(dhcpFrame({ from: own, hardware: own, xid: 7, kind: 1 }), 3)
    accepted(dhcpFrame({ from: own, hardware: own, xid: 7, kind: 3 }), 3)
    accepted(dhcpFrame({ from: tapMac, hardware: own, xid: 7, kind: 5, yours: addressOf(9), seconds: 600 }), 0)
    accepted(request(own, addressOf(9)), 3)
  })

  it("2: gratuitous ARP of the owner, and probes that claim nothing, even for the host's address", () => {
    const { accepted, state } = neighbours()
    const gratuitous = (op: number, sender: string) =>
      ethernet({
        destination: mac("ff:ff:ff:ff:ff:ff"),
        source: mac(macOf(1)),
        type: ARP,
        payload: arp({
          op,
          sender: address(sender),
          senderMac: mac(macOf(1)),
          target: address(sender === "0.0.0.0" ? HOST : sender),
          targetMac: mac("ff:ff:ff:ff:ff:ff")
        })
      })
    accepted(gratuitous(1, addressOf(1)), 1)
    accepted(gratuitous(2, addressOf(1)), 1)
    const before = dump(state).claims
    accepted(gratuitous(1, "0.0.0.0"), 1)
    assert.deepStrictEqual(dump(state).claims, before)
  })

  it("3: a restart with the same MAC and address, or a new MAC, works with the first frame", () => {
    const { accepted, state, uid } = neighbours()
    Admission.forget(state, 1, T0)
    uid[3] = 1001
    accepted(request(macOf(1), addressOf(1)), 3)
    Admission.forget(state, 3, T0)
    uid[1] = 1001
    accepted(request(macOf(4), addressOf(1)), 1)
  })

  it("4: a guest may change its address and use several, up to its cap", () => {
    const { accepted, receive } = neighbours()
    for (let n = 1; n < Bounds.addressesPerGuest; n++) accepted(datagram(1, `10.1.0.${100 + n}`), 1)
    assert.strictEqual(receive(datagram(1, "10.1.0.200"), 1, T0), Reason.IP_LIMIT)
  })

  it("5: several MACs behind one port, up to its cap", () => {
    const { accepted, receive } = neighbours()
    const at = (n: number) => request(`52:54:00:01:00:${n.toString(16).padStart(2, "0")}`, "0.0.0.0")
    for (let n = 1; n < Bounds.stationsPerGuestSecure; n++) accepted(at(n), 1)
    assert.strictEqual(receive(at(99), 1, T0), Reason.MAC_LIMIT)
  })

  it("6: a MAC whose port has closed may appear on another port of its user at once, of others after the hold", () => {
    const { accepted, receive, state, uid } = neighbours()
    Admission.forget(state, 1, T0)
    assert.strictEqual(receive(request(macOf(1), "0.0.0.0"), 3, T0), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(receive(request(macOf(5), addressOf(1)), 3, T0), Reason.ARP_SPA_CONFLICT)
    accepted(request(macOf(1), addressOf(1)), 3, T0 + Bounds.identityHoldSeconds * 1000)
    uid[1] = 1003
    Admission.forget(state, 3, T0 + 20_000)
    accepted(request(macOf(1), addressOf(1)), 1, T0 + 20_000)
  })

  it("9: the host may use any source and several addresses", () => {
    const { accepted } = neighbours()
    accepted(datagram(9, "192.0.2.1"), 0)
    accepted(request(macOf(9), addressOf(8)), 0)
    accepted(request(macOf(9), addressOf(7)), 0)
  })
})

describe("ownership", () => {
  it("a neighbour's MAC and address cannot be taken, in any protocol", () => {
    const { receive } = neighbours()
    assert.strictEqual(receive(datagram(2, addressOf(1)), 1, T0), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(receive(datagram(1, addressOf(2)), 1, T0), Reason.IP4_SRC_CONFLICT)
    assert.strictEqual(receive(request(macOf(1), addressOf(2)), 1, T0), Reason.ARP_SPA_CONFLICT)
  })

  it("nor over IPv6; to answer for it is to use it, to ask for it is not", () => {
    const { accepted, receive } = neighbours()
    accepted(packet6(macOf(1), address6Of(1)), 1)
    accepted(advertise(macOf(2), address6Of(2), address6Of(3)), 2)
    assert.strictEqual(receive(packet6(macOf(1), address6Of(2)), 1, T0), Reason.IP6_SRC_CONFLICT)
    assert.strictEqual(receive(packet6(macOf(1), address6Of(3)), 1, T0), Reason.IP6_SRC_CONFLICT)
    assert.strictEqual(receive(solicit(macOf(1), address6Of(2), address6Of(4)), 1, T0), Reason.IP6_SRC_CONFLICT)
    for (const target of [address6Of(2), address6Of(3)]) {
      assert.strictEqual(receive(advertise(macOf(1), address6Of(1), target), 1, T0), Reason.ND_TARGET_CONFLICT)
      accepted(solicit(macOf(1), address6Of(1), target), 1)
      accepted(solicit(macOf(1), "::", target), 1)
    }
    accepted(advertise(macOf(1), address6Of(1), address6Of(1)), 1)
  })

  it("the host's IPv6 addresses, those that the tap advertises, or asks from, are not to be taken", () => {
    const { accepted, receive } = neighbours()
    accepted(packet6(macOf(1), address6Of(1)), 1)
    for (const target of ["fd00:1::1", "fe80::ff:fe00:1"]) {
      assert.strictEqual(receive(advertise(macOf(1), address6Of(1), target), 1, T0), Reason.ND_TARGET_CONFLICT)
      assert.strictEqual(receive(solicit(macOf(1), "::", target), 1, T0), Reason.ND_TARGET_CONFLICT)
      accepted(solicit(macOf(1), address6Of(1), target), 1)
    }
    accepted(advertise(tapMac, "fe80::99", "fd00:1::99"), 0)
    accepted(solicit(tapMac, "fe80::99", address6Of(1)), 0)
    for (const target of ["fd00:1::99", "fe80::99"]) {
      assert.strictEqual(receive(advertise(macOf(1), address6Of(1), target), 1, T0), Reason.ND_TARGET_CONFLICT)
      assert.strictEqual(receive(packet6(macOf(1), target), 1, T0), Reason.IP6_SRC_CONFLICT)
    }
    accepted(packet6(macOf(1), address6Of(1)), 1)
    accepted(advertise(macOf(9), "fe80::99", address6Of(1)), 0)
    assert.strictEqual(receive(packet6(macOf(1), address6Of(1)), 1, T0), Reason.IP6_SRC_CONFLICT)
  })

  it("nobody answers for more addresses than a port may have, also when the one it answers from is forgotten", () => {
    const { accepted, receive } = neighbours({ addressesPerGuest: 3 })
    // The IPv4 address of the station is the first.
    accepted(advertise(macOf(1), "fd00:1::a", "fd00:1::b"), 1)
    assert.strictEqual(receive(advertise(macOf(1), "fd00:1::a", "fd00:1::c"), 1, T0), Reason.IP_LIMIT)
    assert.strictEqual(receive(packet6(macOf(1), "fd00:1::c"), 1, T0), Reason.IP_LIMIT)
    const half = T0 + 200_000
    accepted(request(macOf(1), addressOf(1)), 1, half)
    accepted(packet6(macOf(1), "fd00:1::b"), 1, half)
    assert.strictEqual(receive(advertise(macOf(1), "fd00:1::a", "fd00:1::c"), 1, T0 + 400_000), Reason.IP_LIMIT)
    accepted(packet6(macOf(1), "fd00:1::c"), 1, T0 + 400_000)
  })

  it("a lease beats who came first, and ends with its time", () => {
    const { accepted, receive } = neighbours()
    accepted(request(macOf(1), addressOf(5)), 1)
    accepted(dhcpFrame({ from: macOf(2), hardware: macOf(2), xid: 1, kind: 3 }), 2)
    accepted(dhcpFrame({ from: tapMac, hardware: macOf(2), xid: 1, kind: 5, yours: addressOf(5), seconds: 60 }), 0)
    assert.strictEqual(receive(datagram(1, addressOf(5)), 1, T0), Reason.IP4_SRC_CONFLICT)
    accepted(datagram(2, addressOf(5)), 2)
    accepted(datagram(1, addressOf(5)), 1, T0 + 60_000)
  })

  it("a host behind the tap beats who came first, and leases", () => {
    const { accepted, receive } = neighbours()
    accepted(request(macOf(9), addressOf(1)), 0)
    assert.strictEqual(receive(datagram(1, addressOf(1)), 1, T0), Reason.IP4_SRC_CONFLICT)
  })

  it("locked, the first MAC and address are the only ones; a lease changes the address", () => {
    const { accepted, receive, state } = neighbours({ lock: true })
    assert.strictEqual(receive(request(macOf(4), "0.0.0.0"), 1, T0), Reason.MAC_LIMIT)
    accepted(dhcpFrame({ from: macOf(1), hardware: macOf(1), xid: 1, kind: 7, client: addressOf(1) }), 1)
    assert.strictEqual(receive(datagram(1, addressOf(4)), 1, T0), Reason.IP_LIMIT)
    accepted(dhcpFrame({ from: macOf(1), hardware: macOf(1), xid: 1, kind: 3 }), 1)
    accepted(dhcpFrame({ from: tapMac, hardware: macOf(1), xid: 1, kind: 5, yours: addressOf(4), seconds: 60 }), 0)
    accepted(datagram(1, addressOf(4)), 1)
    assert.strictEqual(receive(datagram(1, addressOf(1)), 1, T0), Reason.IP_LIMIT)
    assert.strictEqual(state.claims.portCount[1], 1)
  })

  it("L10: a station that announces itself by RARP is known, and the frame goes no further", () => {
    const { receive, state } = neighbours()
    const announcement = ethernet({
      destination: mac("ff:ff:ff:ff:ff:ff"),
      source: mac(macOf(6)),
      type: 0x8035,
      payload: arp({
        op: 3,
        sender: address("0.0.0.0"),
        senderMac: mac(macOf(6)),
        target: address("0.0.0.0"),
        targetMac: mac(macOf(6))
      })
    })
    assert.strictEqual(receive(announcement, 1, T0), Reason.ETHERTYPE_DENIED)
    assert.isTrue(dump(state).stations.some((line) => line.startsWith(`${macOf(6)} 1 `)))
  })

  it("a station silent for its age still gets its frames, and may be taken", () => {
    const { accepted, destination, receive } = neighbours()
    const later = T0 + (Bounds.stationAgeSeconds + 1) * 1000
    const toSecond = datagram(1, addressOf(1))
    toSecond.set(mac(macOf(2)))
    accepted(toSecond, 1, later)
    assert.strictEqual(destination[0], 2)
    accepted(request(macOf(2), "0.0.0.0"), 3, later)
    assert.strictEqual(receive(request(macOf(2), "0.0.0.0"), 2, later), Reason.SRC_MAC_CONFLICT)
  })
})
