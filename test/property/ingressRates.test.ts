import { assert, describe, it } from "@effect/vitest"
import { Bounds } from "../../src/domain/Bounds.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { neighbours, T0 } from "./admissionNeighbours.ts"
import { address6Of, addressOf, advertise, datagram, HOST, macOf, request, solicit } from "./admissionWorld.ts"
import { address, arp, ARP, ethernet, mac } from "./frames.ts"

describe("the rates of a port", () => {
  it("new stations and addresses, ARP, and floods have their rates, and get them back with time", () => {
    const { accepted, receive } = neighbours({ stationsPerGuest: 1000, addressesPerGuest: 1000 })
    const hex = (octet: number) => octet.toString(16).padStart(2, "0")
    const at = (n: number) => request(`52:54:00:02:${hex(n >> 8)}:${hex(n & 255)}`, "0.0.0.0")
    // Two facts are known already.
    for (let n = 2; n < 2 * Bounds.learnPerSecond; n++) accepted(at(n), 1)
    assert.strictEqual(receive(at(999), 1, T0), Reason.LEARN_RATE)
    accepted(at(999), 1, T0 + 1000)
    for (let n = 1; n < 2 * Bounds.arpPerSecond; n++) accepted(request(macOf(2), addressOf(2)), 2)
    assert.strictEqual(receive(request(macOf(2), addressOf(2)), 2, T0), Reason.ARP_RATE)
    for (let n = 0; n < 2 * Bounds.stormPerSecondSecure; n++) {
      receive(datagram(3, addressOf(3)), 3, T0)
    }
    assert.strictEqual(receive(datagram(3, addressOf(3)), 3, T0), Reason.STORM_RATE)
    accepted(datagram(3, addressOf(3)), 3, T0 + 10)
  })

  it("whoever answers ARP is not silenced by whoever asks: answers to one station are charged to nobody", () => {
    const { accepted, receive } = neighbours()
    const answer = (to: string) =>
      ethernet({
        destination: mac(to),
        source: mac(macOf(2)),
        type: ARP,
        payload: arp({
          op: 2,
          sender: address(addressOf(2)),
          senderMac: mac(macOf(2)),
          target: address(addressOf(1)),
          targetMac: mac(macOf(1))
        })
      })
    const toAll = answer("ff:ff:ff:ff:ff:ff")
    for (let n = 0; n < 4 * Bounds.arpPerSecond; n++) accepted(answer(macOf(1)), 2)
    // Answers that all get have a rate of their own.
    for (let n = 0; n < 2 * Bounds.arpPerSecond; n++) accepted(toAll, 2)
    assert.strictEqual(receive(toAll, 2, T0), Reason.ARP_RATE)
    for (let n = 1; n < 2 * Bounds.arpPerSecond; n++) accepted(request(macOf(2), addressOf(2)), 2)
    assert.strictEqual(receive(request(macOf(2), addressOf(2)), 2, T0), Reason.ARP_RATE)
    accepted(answer(macOf(1)), 2)
    accepted(toAll, 2, T0 + 10)
  })

  it("whoever answers IPv6's search for duplicates, which is to all, is asked no faster than by ARP", () => {
    const { accepted, receive } = neighbours()
    const search = solicit(macOf(1), "::", address6Of(2), macOf(2))
    for (let n = 1; n < 2 * Bounds.arpPerSecond; n++) accepted(search, 1)
    assert.strictEqual(receive(search, 1, T0), Reason.ARP_RATE)
    assert.strictEqual(receive(request(macOf(1), addressOf(1)), 1, T0), Reason.ARP_RATE)
    accepted(solicit(macOf(1), address6Of(1), address6Of(2), macOf(2)), 1)
    accepted(search, 1, T0 + 10)
  })

  it("whoever answers the searches for duplicates of many guests has as much to say to all as before", () => {
    const { accepted, receive } = neighbours({ stormPerSecond: 10 })
    const answer = advertise(macOf(2), address6Of(2), address6Of(2), "33:33:00:00:00:01")
    for (let n = 0; n < 2 * Bounds.arpPerSecond; n++) accepted(answer, 2)
    assert.strictEqual(receive(answer, 2, T0), Reason.ARP_RATE)
    for (let n = 1; n < 20; n++) accepted(request(macOf(2), addressOf(2)), 2)
    assert.strictEqual(receive(request(macOf(2), addressOf(2)), 2, T0), Reason.STORM_RATE)
    accepted(answer, 2, T0 + 10)
  })

  it("whom others make ask for all that there is can still ask for the host", () => {
    const { accepted, receive } = neighbours()
    const ask = (target: string) => request(macOf(2), addressOf(2), target)
    for (let n = 1; n < 2 * Bounds.arpPerSecond; n++) accepted(ask(`10.1.0.${100 + n % 100}`), 2)
    assert.strictEqual(receive(ask("10.1.0.100"), 2, T0), Reason.ARP_RATE)
    for (let n = 0; n < 2 * Bounds.hostAsksPerSecond; n++) accepted(ask(HOST), 2)
    assert.strictEqual(receive(ask(HOST), 2, T0), Reason.ARP_RATE)
    accepted(ask("10.1.0.100"), 2, T0 + 10)
    assert.strictEqual(receive(ask("10.1.0.100"), 2, T0 + 10), Reason.ARP_RATE)
    accepted(ask(HOST), 2, T0 + 100)
  })

  it("so it can over IPv6, and where what it says to all is over its rate, but not in another's name", () => {
    const { accepted, receive } = neighbours({ stormPerSecond: 10 })
    const ask = (target: string) => solicit(macOf(2), address6Of(2), target)
    for (let n = 1; n < 20; n++) accepted(ask(address6Of(4)), 2)
    assert.strictEqual(receive(ask(address6Of(4)), 2, T0), Reason.STORM_RATE)
    for (const target of ["fd00:1::1", "fe80::ff:fe00:1"]) accepted(ask(target), 2)
    accepted(request(macOf(2), addressOf(2), HOST), 2)
    assert.strictEqual(receive(solicit(macOf(2), "::", "fd00:1::1"), 2, T0), Reason.STORM_RATE)
    assert.strictEqual(receive(request(macOf(2), addressOf(1), HOST), 2, T0), Reason.ARP_SPA_CONFLICT)
  })

  it("whoever answers one who is gone has as much to say to all as before", () => {
    const { accepted, receive } = neighbours({ stormPerSecond: 10 })
    const answer = datagram(2, addressOf(2))
    for (let n = 0; n < 20; n++) accepted(answer, 2)
    assert.strictEqual(receive(answer, 2, T0), Reason.STORM_RATE)
    for (let n = 1; n < 20; n++) accepted(request(macOf(2), addressOf(2)), 2)
    assert.strictEqual(receive(request(macOf(2), addressOf(2)), 2, T0), Reason.STORM_RATE)
  })
})
