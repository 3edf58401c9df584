import { assert, describe, it } from "@effect/vitest"
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { Bounds, TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { frame, make, markOf } from "./switchWorld.ts"

/** Guests that never read. */
const STUCK = 15
/** The host's own station. */
const HOST = 99

/** So long a port that sends to several may wait in as many milliseconds. */
const waitMsMost = (ms: number) => Bounds.waitMs * (1 + ms / Bounds.waitPeriodMs) + Bounds.stallMs

/** Guests of a pure bridge, station `i + 1` behind guest `i`, all of whose buffers the host has filled. */
const world = (stuck: number) => {
  const made = make({ secure: false })
  const guests: Array<SimGuest> = []
  for (let i = 0; i <= stuck; i++) guests.push(made.guest())
  guests.forEach((guest, i) => made.send(guest, frame(255, i + 1)))
  for (const guest of guests) guest.received()
  made.host!.taken()
  const waits = (port: number) => made.forwarder.backlog.waitsFor[port]! >= 0
  const fromHost = (to: number, mark = 0, size = 1514) => made.host!.inject(frame(to, HOST, mark, size))
  const dropped = (port: number) =>
    made.forwarder.counters.values[port * Counters.ROW + Counters.Column.dropped + Reason.EGRESS_FULL]!
  return { ...made, guests, waits, fromHost, dropped }
}

/** Marks of the next frames of a guest that reads so many at most. */
const take = (guest: SimGuest, frames: number): ReadonlyArray<number> => {
  const taken: Array<number> = []
  for (let next = guest.receive(); next !== undefined; next = guest.receive()) {
    taken.push(markOf(next))
    if (taken.length === frames) break
  }
  return taken
}

describe("a port that sends to several", () => {
  it("waits for full ones a twentieth of the time, however many fill up", () => {
    const made = world(STUCK)
    const reader = made.guests[STUCK]!
    let [ms, waited, sent, arrived] = [0, 0, 0, 0]
    // One after the other they fill, are waited for, and never read.
    for (let stuck = 1; stuck <= STUCK; ms++) {
      for (let i = 0; i < 300; i++) made.fromHost(stuck)
      if (made.fromHost(STUCK + 1, 0, 60) === "sent") sent++
      made.pass(1)
      if (made.waits(TAP_PORT)) waited++
      if (made.dropped(stuck) > 0) stuck++
      arrived += reader.received().length
    }
    made.pass(20)
    arrived += reader.received().length
    assert.isAtMost(waited, waitMsMost(ms))
    assert.isAbove(waited, 0)
    assert.strictEqual(arrived, sent)
    made.assertSums()
  })

  it("nor is it one that sends to one, and to all what is for all: if it is the host", () => {
    const made = world(1)
    const [slow, reader] = made.guests as [SimGuest, SimGuest]
    const [ms, each] = [3000, 3]
    let [waited, sent, arrived] = [0, 0, 0]
    for (let at = 0; at < ms; at++) {
      for (let i = 0; i < 60; i++) made.fromHost(1)
      if (at % each === 0 && made.fromHost(255, 0, 60) === "sent") sent++
      made.pass(1)
      if (made.waits(TAP_PORT)) waited++
      take(slow, 20)
      arrived += reader.received().length
    }
    assert.isAtMost(waited, waitMsMost(ms))
    assert.isAtLeast(sent, ms / each - 50)
    assert.isAtLeast(arrived, sent - 10)
    made.assertSums()
  })

  it("nor for one that reads slowly; and waits again when it has not for a while", () => {
    const made = world(1)
    const [slow, reader] = made.guests as [SimGuest, SimGuest]
    const waitedIn = (ms: number): number => {
      let waited = 0
      for (let at = 0; at < ms; at++) {
        for (let i = 0; i < 60; i++) made.fromHost(1)
        made.fromHost(2, 0, 60)
        made.pass(1)
        if (made.waits(TAP_PORT)) waited++
        take(slow, 20)
        reader.received()
      }
      return waited
    }
    assert.isAtMost(waitedIn(3000), waitMsMost(3000))
    for (let at = 0; at < 2 * Bounds.waitPeriodMs; at++) {
      made.pass(1)
      slow.received()
    }
    assert.isAbove(waitedIn(200), Bounds.waitMs / 2)
    made.assertSums()
  })
})

describe("a port that has sent nothing", () => {
  it("does not wait for what was sent by the guest that had its number before", () => {
    const made = world(2)
    const [, leaving, flooder] = made.guests as [SimGuest, SimGuest, SimGuest]
    while (made.dropped(1) === 0) {
      for (let i = 0; i < 50; i++) flooder.send(frame(255, 3, 0, 1514))
      made.settle()
      leaving.received()
      made.host!.taken()
    }
    leaving.send(frame(1, 2, 0, 1514))
    leaving.close()
    made.kernel.guest({ path: "/var/run/vknet", uid: 0, gid: 85, pid: 101 })
    made.settle()
    assert.isAtLeast(made.forwarder.ports.position[2]!, 0)
    assert.strictEqual(made.forwarder.backlog.count[1], 1)
    assert.isFalse(made.waits(2))
    made.assertSums()
  })
})

describe("a port that sends to one other", () => {
  it("waits for it as long as it takes, and loses nothing", () => {
    const made = world(1)
    const [slow, sender] = made.guests as [SimGuest, SimGuest]
    let waited = 0
    let sent = 0
    const arrived: Array<number> = []
    for (let at = 0; at < 1000; at++) {
      while (sent < 60 * at && sender.send(frame(1, 2, (sent + 1) & 0x7fff, 1514)) === "sent") sent++
      made.pass(1)
      if (made.waits(2)) waited++
      if (at % 4 === 0) arrived.push(...take(slow, 200))
    }
    assert.isAbove(waited, 300)
    assert.strictEqual(made.dropped(1), 0)
    assert.deepStrictEqual(arrived, Array.from({ length: arrived.length }, (_, i) => (i + 1) & 0x7fff))
    assert.isAbove(arrived.length, 1000)
  })
})
