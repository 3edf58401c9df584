import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/domain/Admission.ts"
import { IPV4_WORD } from "../../src/domain/Network.ts"
import * as Owners from "../../src/domain/OwnerTable.ts"
import { Field } from "../../src/domain/OwnerTable.ts"
import { Reason } from "../../src/domain/Reason.ts"
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
  request,
  settingsWith,
  solicit,
  tapMac
} from "./admissionWorld.ts"
import { mac } from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import { address6, icmp6 } from "./policyFrames6.ts"

const T0 = 1_000_000
const BEHIND = "02:00:00:00:00:99"

/** Three guests of different users. */
const guests = (policy: Parameters<typeof makeFast>[0] = {}) => {
  const fast = makeFast(policy)
  fast.uid.set([0, 1001, 1002, 1003])
  const lease = (port: number, n: number, seconds: number, nowMs = T0) => {
    const hardware = macOf(port)
    const asks = dhcpFrame({ from: hardware, hardware, xid: n, kind: 3 })
    assert.strictEqual(fast.receive(asks, port, nowMs), Reason.PASS)
    const acks = dhcpFrame({ from: tapMac, hardware, xid: n, kind: 5, yours: addressOf(n), seconds })
    assert.strictEqual(fast.receive(acks, 0, nowMs), Reason.PASS)
  }
  const use = (port: number, n: number, nowMs = T0) => fast.receive(request(macOf(port), addressOf(n)), port, nowMs)
  return { ...fast, lease, use }
}

describe("an address that is bound", () => {
  it("stays its user's, whoever behind the tap speaks for it", () => {
    const { receive, use } = guests({ bindings: [{ uid: 1001, ip: networkOf(addressOf(5)) }] })
    receive(request(BEHIND, addressOf(5)), 0, T0)
    assert.strictEqual(use(1, 5), Reason.PASS)
    receive(request(BEHIND, addressOf(5)), 0, T0 + 1000)
    assert.strictEqual(use(1, 5, T0 + 2000), Reason.PASS)
  })

  it("stays the trunks', whoever behind the tap speaks for it", () => {
    const { receive, trunk, use } = guests({ trunkBindings: [{ ip: networkOf(addressOf(5)) }] })
    trunk[1] = 1
    receive(request(BEHIND, addressOf(5)), 0, T0)
    assert.strictEqual(use(1, 5), Reason.PASS)
  })

  it("stays its user's when the host leases it to somebody else", () => {
    const { lease, use } = guests({ bindings: [{ uid: 1001, ip: networkOf(addressOf(5)) }] })
    lease(2, 5, 3600)
    assert.strictEqual(use(2, 5), Reason.STATIC_MISMATCH)
    assert.strictEqual(use(1, 5), Reason.PASS)
  })

  it("is its user's from the moment of the binding, whoever behind the tap had it", () => {
    const { receive, state, use } = guests()
    receive(request(BEHIND, addressOf(5)), 0, T0)
    assert.strictEqual(use(1, 5), Reason.ARP_SPA_CONFLICT)
    Admission.configure(state, settingsWith({ bindings: [{ uid: 1001, ip: networkOf(addressOf(5)) }] }))
    assert.strictEqual(use(1, 5), Reason.PASS)
  })
})

/** A global address, another, and two of the link alone. */
const [BOUND, OTHER, LINK, OTHER_LINK] = ["fd00:1::5", "fd00:1::6", "fe80::5", "fe80::6"] as const
const bound = (uid: number, text: string) => ({ uid, ip: networkOf(text) })

describe("an IPv6 address that is bound", () => {
  const world = (policy: Parameters<typeof makeFast>[0] = {}) => {
    const fast = guests(policy)
    const use6 = (port: number, text: string, nowMs = T0) => fast.receive(packet6(macOf(port), text), port, nowMs)
    return { ...fast, use6 }
  }

  const ways = ["fcfs", "dhcp", "static"] as const
  it.each(ways)("may be used by its user, and by nobody else, under --learn %s", (learn) => {
    const { use6 } = world({ learn, bindings: [bound(1001, BOUND), bound(1001, LINK)] })
    for (const text of [BOUND, LINK]) {
      assert.strictEqual(use6(2, text), Reason.STATIC_MISMATCH)
      assert.strictEqual(use6(1, text), Reason.PASS)
      assert.strictEqual(use6(2, text), Reason.STATIC_MISMATCH)
    }
    assert.strictEqual(use6(1, OTHER), Reason.STATIC_MISMATCH)
    assert.strictEqual(use6(1, OTHER_LINK), Reason.STATIC_MISMATCH)
  })

  it("may be answered for by its user, and by nobody else", () => {
    const { receive } = world({ bindings: [bound(1001, BOUND)] })
    const answer = (port: number, source: string) => receive(advertise(macOf(port), source, BOUND), port, T0)
    assert.strictEqual(answer(2, OTHER), Reason.STATIC_MISMATCH)
    assert.strictEqual(answer(1, LINK), Reason.PASS)
    assert.strictEqual(receive(advertise(macOf(1), LINK, OTHER), 1, T0), Reason.STATIC_MISMATCH)
  })

  it("is its user's only one of its kind: of the link, or not, or of IPv4", () => {
    const { use, use6 } = world({ bindings: [bound(1001, BOUND), bound(1002, LINK), bound(1003, addressOf(5))] })
    assert.strictEqual(use6(1, OTHER), Reason.STATIC_MISMATCH)
    assert.strictEqual(use6(1, OTHER_LINK), Reason.PASS)
    assert.strictEqual(use(1, 1), Reason.PASS)
    assert.strictEqual(use6(2, "fe80::7"), Reason.STATIC_MISMATCH)
    assert.strictEqual(use6(2, OTHER), Reason.PASS)
    assert.strictEqual(use(2, 2), Reason.PASS)
    assert.strictEqual(use(3, 3), Reason.STATIC_MISMATCH)
    assert.strictEqual(use6(3, "fe80::7"), Reason.PASS)
    assert.strictEqual(use6(3, "fd00:1::7"), Reason.PASS)
  })

  it("opens neither the other kinds under --learn static, nor under dhcp", () => {
    const of = { bindings: [bound(1001, BOUND)] }
    for (const [learn, denied] of [["static", Reason.STATIC_MISMATCH], ["dhcp", Reason.IP_LIMIT]] as const) {
      const { use, use6 } = world({ ...of, learn })
      assert.strictEqual(use6(1, BOUND), Reason.PASS)
      assert.strictEqual(use6(1, LINK), denied)
      assert.strictEqual(use(1, 1), denied)
    }
  })

  it("is of several that its user has", () => {
    const { use6 } = world({ learn: "static", bindings: [bound(1001, BOUND), bound(1001, OTHER), bound(1002, LINK)] })
    assert.deepStrictEqual([use6(1, BOUND), use6(1, OTHER), use6(2, LINK)], [Reason.PASS, Reason.PASS, Reason.PASS])
    assert.strictEqual(use6(1, "fd00:1::7"), Reason.STATIC_MISMATCH)
  })

  it("stays its user's, whoever behind the tap speaks for it", () => {
    const { receive, use6 } = world({ bindings: [bound(1001, BOUND), bound(1001, LINK)] })
    const speak = (nowMs: number) => {
      receive(advertise(BEHIND, OTHER_LINK, BOUND), 0, nowMs)
      receive(solicit(BEHIND, LINK, OTHER), 0, nowMs)
    }
    speak(T0)
    assert.deepStrictEqual([use6(1, BOUND), use6(1, LINK)], [Reason.PASS, Reason.PASS])
    speak(T0 + 1000)
    assert.deepStrictEqual([use6(1, BOUND, T0 + 2000), use6(1, LINK, T0 + 2000)], [Reason.PASS, Reason.PASS])
  })

  it("does not make the host's own addresses anybody's", () => {
    const { use6 } = world({ bindings: [bound(1001, "fd00:1::1"), bound(1001, "fe80::ff:fe00:1")] })
    assert.strictEqual(use6(1, "fd00:1::1"), Reason.IP6_SRC_HOST)
    assert.strictEqual(use6(1, "fe80::ff:fe00:1"), Reason.IP6_SRC_HOST)
  })

  it("passes no more than others without --ipv6", () => {
    const { use, use6 } = world({ ipv6: undefined, bindings: [bound(1001, BOUND)] })
    assert.strictEqual(use6(1, BOUND), Reason.IP6_DISABLED)
    assert.strictEqual(use(1, 1), Reason.PASS)
  })

  it("is its user's from the moment of the binding, whoever had it, here or behind the tap", () => {
    const { receive, state, use6 } = world()
    assert.strictEqual(use6(2, BOUND), Reason.PASS)
    assert.strictEqual(use6(1, "fd00:1::7"), Reason.PASS)
    receive(advertise(BEHIND, OTHER_LINK, LINK), 0, T0)
    assert.deepStrictEqual([use6(1, BOUND), use6(1, LINK)], [Reason.IP6_SRC_CONFLICT, Reason.IP6_SRC_CONFLICT])
    Admission.configure(state, settingsWith({ bindings: [bound(1001, BOUND), bound(1001, LINK)] }))
    assert.deepStrictEqual(dump(state).claims.map((claim) => claim.split(" ")[0]), [])
    assert.deepStrictEqual([use6(1, BOUND), use6(1, LINK)], [Reason.PASS, Reason.PASS])
    assert.strictEqual(use6(2, BOUND), Reason.STATIC_MISMATCH)
    Admission.configure(state, settingsWith({}))
    assert.strictEqual(use6(1, "fd00:1::7"), Reason.PASS)
  })

  it("is its user's from then on also when it is kept for another, whose port has closed", () => {
    const { state, use6 } = world()
    assert.strictEqual(use6(2, BOUND), Reason.PASS)
    Admission.forget(state, 2, T0)
    assert.strictEqual(use6(1, BOUND), Reason.IP6_SRC_CONFLICT)
    Admission.configure(state, settingsWith({ bindings: [bound(1001, BOUND)] }))
    assert.strictEqual(use6(1, BOUND), Reason.PASS)
  })
})

describe("what a closed port had", () => {
  it("is kept for its user, also where a MAC address looks like an IPv6 address that another had", () => {
    const { receive, state } = guests()
    const [station, lookalike] = ["52:54:80:fe:01:00", "fe80:5452:0:1::"]
    const take = (port: number) => receive(request(station, "0.0.0.0"), port, T0)
    assert.strictEqual(take(1), Reason.PASS)
    assert.strictEqual(receive(packet6(macOf(2), lookalike), 2, T0), Reason.PASS)
    Admission.forget(state, 1, T0)
    Admission.forget(state, 2, T0)
    assert.strictEqual(take(2), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(take(1), Reason.PASS)
  })
})

describe("an address of a host behind the tap", () => {
  const later = (second: number) => T0 + second * 1000

  it("stays its own while it sends from it, though it says nothing by ARP", () => {
    const { receive, state, use } = guests()
    receive(request(BEHIND, addressOf(5)), 0, T0)
    for (const second of [250, 500, 750]) receive(datagram(9, addressOf(5)), 0, later(second))
    assert.strictEqual(use(1, 5, later(1050)), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(use(1, 5, later(1051)), Reason.PASS)
    receive(datagram(9, addressOf(5)), 0, later(1052))
    assert.deepStrictEqual(dump(state).claims, [`${addressOf(5)} 1 claim ${T0 / 1000 + 1051} 0 0`])
  })

  it("is not its own for nothing but sending from it", () => {
    const { receive, use } = guests()
    receive(datagram(9, addressOf(5)), 0, T0)
    assert.strictEqual(use(1, 5, later(1)), Reason.PASS)
  })

  it("stays its own over IPv6, and is that of a router who advertises itself", () => {
    const { receive } = guests()
    const taken = (source: string, second: number) => receive(packet6(macOf(1), source), 1, later(second))
    receive(advertise(BEHIND, address6Of(5), address6Of(5)), 0, T0)
    receive(icmp6(134, new Uint8Array(12), { from: mac(BEHIND), source: address6("fe80::5") }), 0, T0)
    for (const second of [250, 500]) {
      receive(packet6(BEHIND, address6Of(5)), 0, later(second))
      receive(packet6(BEHIND, "fe80::5"), 0, later(second))
    }
    for (const source of [address6Of(5), "fe80::5"]) {
      assert.strictEqual(taken(source, 800), Reason.IP6_SRC_CONFLICT)
      assert.strictEqual(taken(source, 801), Reason.PASS)
    }
  })
})

describe("a lease that has ended", () => {
  it("is a claim from its holder's next use on: nobody else can take it then", () => {
    const { lease, state, use } = guests()
    lease(1, 5, 60)
    assert.strictEqual(use(1, 5, T0 + 61_000), Reason.PASS)
    assert.strictEqual(use(2, 5, T0 + 62_000), Reason.ARP_SPA_CONFLICT)
    assert.deepStrictEqual(dump(state).claims, [`${addressOf(5)} 1 claim ${T0 / 1000 + 61} 0 0`])
  })

  it("is anybody's before that", () => {
    const { lease, use } = guests()
    lease(1, 5, 60)
    assert.strictEqual(use(2, 5, T0 + 61_000), Reason.PASS)
    assert.strictEqual(use(1, 5, T0 + 62_000), Reason.ARP_SPA_CONFLICT)
  })

  it("is nobody's under --learn dhcp, its holder's neither", () => {
    const { lease, use } = guests({ learn: "dhcp" })
    lease(1, 5, 60)
    assert.strictEqual(use(1, 5, T0 + 59_000), Reason.PASS)
    assert.strictEqual(use(1, 5, T0 + 61_000), Reason.IP_LIMIT)
    lease(1, 5, 60, T0 + 62_000)
    assert.strictEqual(use(1, 5, T0 + 63_000), Reason.PASS)
  })

  it("goes on at its holder's though that is at its cap", () => {
    const { lease, use } = guests({ addressesPerGuest: 1 })
    lease(1, 5, 60)
    assert.strictEqual(use(1, 5, T0 + 61_000), Reason.PASS)
  })
})

describe("a lease that has ended, and was used later than a claim that holds", () => {
  const full = () => {
    const fast = guests({ addressesPerGuest: 2 })
    fast.lease(1, 5, 60)
    assert.strictEqual(fast.use(1, 6, T0 + 10_000), Reason.PASS)
    assert.strictEqual(fast.use(1, 5, T0 + 50_000), Reason.PASS)
    return fast
  }
  const held = ({ state }: ReturnType<typeof guests>) => dump(state).claims.map((claim) => claim.split(" ")[0])

  it("makes room for another address", () => {
    const fast = full()
    assert.strictEqual(fast.use(1, 7, T0 + 59_000), Reason.IP_LIMIT)
    assert.strictEqual(fast.use(1, 7, T0 + 60_000), Reason.PASS)
    assert.deepStrictEqual(held(fast), [addressOf(6), addressOf(7)])
  })

  it("and for another lease", () => {
    const fast = full()
    fast.lease(1, 7, 60, T0 + 60_000)
    assert.deepStrictEqual(held(fast), [addressOf(6), addressOf(7)])
  })
})

describe("a lease that is not used", () => {
  it("makes no room for another address, and does not keep unused claims from making it", () => {
    const { lease, state, use } = guests({ addressesPerGuest: 2 })
    lease(1, 5, 3600)
    assert.strictEqual(use(1, 6, T0 + 1000), Reason.PASS)
    assert.strictEqual(use(1, 7, T0 + 2000), Reason.IP_LIMIT)
    assert.strictEqual(use(1, 7, T0 + 310_000), Reason.PASS)
    assert.deepStrictEqual(dump(state).claims.map((claim) => claim.split(" ")[0]), [addressOf(5), addressOf(7)])
  })
})

describe("what a silent guest has", () => {
  const DAY = 86_400
  const later = (seconds: number) => T0 + seconds * 1000

  it("is its own while it is locked: nobody comes to another address by it", () => {
    const { receive, use } = guests({ lock: true })
    assert.strictEqual(use(1, 1), Reason.PASS)
    assert.strictEqual(receive(request(macOf(2), addressOf(1)), 2, later(301)), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(receive(request(macOf(1), "0.0.0.0"), 2, later(301)), Reason.SRC_MAC_CONFLICT)
    assert.strictEqual(use(1, 7, later(302)), Reason.IP_LIMIT)
    assert.strictEqual(use(1, 1, later(302)), Reason.PASS)
  })

  it("is its own for its lease, the MAC address that this was given to as well", () => {
    const { lease, receive, use } = guests()
    lease(1, 5, 600)
    const takes = (seconds: number) => [
      receive(request(macOf(1), "0.0.0.0"), 2, later(seconds)),
      use(2, 5, later(seconds))
    ]
    assert.deepStrictEqual(takes(599), [Reason.SRC_MAC_CONFLICT, Reason.ARP_SPA_CONFLICT])
    assert.deepStrictEqual(takes(600), [Reason.PASS, Reason.PASS])
  })

  it("is its own for a lease however long, if it is used once a week; else for a week", () => {
    const { lease, state, use } = guests({ learn: "dhcp" })
    lease(1, 5, 0xffff)
    // As long as a lease can be.
    Owners.set(state.claims, Owners.find(state.claims, 0, 0, IPV4_WORD, 0x0a010007), Field.until, 2 ** 30)
    for (const day of [6, 12, 18, 25]) assert.strictEqual(use(1, 5, later(day * DAY)), Reason.PASS)
    assert.strictEqual(use(2, 5, later(32 * DAY)), Reason.ARP_SPA_CONFLICT)
    assert.strictEqual(use(1, 5, later(32 * DAY + 1)), Reason.IP_LIMIT)
  })

  it("is not given up for what it answers from: the address that it answers for is its own", () => {
    const fast = guests({ addressesPerGuest: 3 })
    const from = (n: number, seconds: number) => fast.receive(packet6(macOf(1), address6Of(n)), 1, later(seconds))
    assert.deepStrictEqual([from(1, 0), from(2, 301), from(3, 301)], [Reason.PASS, Reason.PASS, Reason.PASS])
    // A new source, and the one address that is not used any more as the target.
    const answer = advertise(macOf(1), address6Of(4), address6Of(1))
    assert.strictEqual(fast.receive(answer, 1, later(302)), Reason.IP_LIMIT)
    assert.strictEqual(fast.receive(packet6(macOf(2), address6Of(2)), 2, later(302)), Reason.IP6_SRC_CONFLICT)
  })
})

describe("a locked port", () => {
  const other = (fast: ReturnType<typeof guests>, nowMs: number) => [
    fast.receive(request(macOf(4), "0.0.0.0"), 1, nowMs),
    fast.use(1, 5, nowMs)
  ]
  const LIMITS = [Reason.MAC_LIMIT, Reason.IP_LIMIT]

  it("gives nothing back for which it would get another", () => {
    const fast = guests({ lock: true })
    assert.strictEqual(fast.use(1, 1), Reason.PASS)
    const hardware = macOf(1)
    for (const back of [{ kind: 7, client: addressOf(1) }, { kind: 4, requested: addressOf(1) }]) {
      assert.strictEqual(fast.receive(dhcpFrame({ from: hardware, hardware, xid: 9, ...back }), 1, T0), Reason.PASS)
      assert.deepStrictEqual(other(fast, T0), LIMITS)
    }
    fast.lease(1, 6, 60)
    fast.receive(dhcpFrame({ from: hardware, hardware, xid: 9, kind: 7, client: addressOf(6) }), 1, T0)
    assert.deepStrictEqual(other(fast, T0), LIMITS)
    fast.lease(2, 6, 60)
    assert.strictEqual(fast.use(1, 6), Reason.ARP_SPA_CONFLICT)
  })

  it("has no others after silence, and goes on with its own", () => {
    const fast = guests({ lock: true })
    assert.strictEqual(fast.use(1, 1), Reason.PASS)
    assert.deepStrictEqual(other(fast, T0 + 301_000), LIMITS)
    assert.strictEqual(fast.use(1, 1, T0 + 301_000), Reason.PASS)
  })

  it("has no other when its lease has ended, but the same, or one that is leased", () => {
    const fast = guests({ lock: true })
    fast.lease(1, 1, 60)
    assert.deepStrictEqual(other(fast, T0 + 61_000), LIMITS)
    assert.strictEqual(fast.use(1, 1, T0 + 61_000), Reason.PASS)
    fast.lease(1, 6, 60, T0 + 62_000)
    assert.strictEqual(fast.use(1, 6, T0 + 62_000), Reason.PASS)
    assert.strictEqual(fast.use(1, 1, T0 + 62_000), Reason.IP_LIMIT)
  })
})
