import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import { FLOOD } from "../../src/domain/Destination.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { advertise, macOf, makeFast, PORTS, request, solicit } from "./admissionWorld.ts"

/*
 * Guests that ask whether an address is free before they use it, as RFC 5227 and RFC 4862 have it, and one that does
 * not want them to have any.
 */

const T0 = 1_000_000
const ADDRESS = "10.1.0.5"
const ADDRESS_6 = "fd00:1::5"

/** What is on the link at times that were arranged, and what everybody hears of it. */
class Link {
  readonly #fast = makeFast({})
  readonly #due: Array<{ readonly atMs: number; readonly act: () => void }> = []
  readonly #hears: Array<(about: string, what: Saying) => void> = []
  nowMs = T0

  constructor() {
    this.#fast.uid.set([0, 1001, 1002, 1003])
  }

  at(atMs: number, act: () => void): void {
    this.#due.push({ atMs, act })
    // Equal times stay in the order of arrangement.
    this.#due.sort((one, other) => one.atMs - other.atMs)
  }

  hear(port: number, hears: (about: string, what: Saying) => void): void {
    this.#hears[port] = hears
  }

  /** Asks for an address, or says whose it is. Whoever else is there hears it, if it goes to all. */
  say(port: number, family: Family, what: Saying): string {
    const frame = family[what](macOf(port))
    const verdict = this.#fast.receive(frame, port, this.nowMs)
    if (verdict === Reason.PASS && this.#fast.destination[0] === FLOOD) {
      for (let other = 1; other < PORTS; other++) if (other !== port) this.#hears[other]?.(family.address, what)
    }
    return reasonNames[verdict]!
  }

  run(untilMs = Infinity): void {
    for (let next = this.#due[0]; next !== undefined && next.atMs <= untilMs; next = this.#due[0]) {
      this.#due.shift()
      this.nowMs = next.atMs
      next.act()
    }
  }
}

type Saying = "question" | "announcement"

interface Family {
  readonly name: string
  readonly address: string
  readonly question: (from: string) => Uint8Array
  readonly announcement: (from: string) => Uint8Array
  /** Milliseconds from the beginning to each question, and from the last one to the announcement. */
  readonly pauses: fc.Arbitrary<ReadonlyArray<number>>
  readonly waitMs: number
}

const families: ReadonlyArray<Family> = [
  {
    name: "ARP",
    address: ADDRESS,
    question: (from) => request(from, "0.0.0.0", ADDRESS),
    announcement: (from) => request(from, ADDRESS, ADDRESS),
    // RFC 5227, 1.1: PROBE_WAIT, then between PROBE_MIN and PROBE_MAX; ANNOUNCE_WAIT.
    pauses: fc.tuple(fc.nat(1000), fc.integer({ min: 1000, max: 2000 }), fc.integer({ min: 1000, max: 2000 })),
    waitMs: 2000
  },
  {
    name: "IPv6",
    address: ADDRESS_6,
    question: (from) => solicit(from, "::", ADDRESS_6),
    announcement: (from) => advertise(from, ADDRESS_6, ADDRESS_6, "33:33:00:00:00:01"),
    // RFC 4862, 5.1 and 5.4.2: MAX_RTR_SOLICITATION_DELAY; RETRANS_TIMER.
    pauses: fc.tuple(fc.nat(1000)),
    waitMs: 1000
  }
]

/** A guest that wants an address, and lets it go when it hears that another wants it or has it. */
class Asker {
  readonly #link: Link
  readonly #port: number
  readonly #family: Family
  #isAsking = false
  /** What it was told when it began to use the address; undefined, it did not. */
  used: string | undefined
  conflicts = 0

  constructor(link: Link, port: number, family: Family) {
    this.#link = link
    this.#port = port
    this.#family = family
    link.hear(port, (about, what) => {
      if (about !== family.address) return
      if (this.#isAsking) {
        this.#isAsking = false
        this.conflicts++
      } else if (this.used === "PASS" && what === "question") {
        link.at(link.nowMs, () => link.say(port, family, "announcement"))
      }
    })
  }

  begin(pauses: ReadonlyArray<number>): void {
    let atMs = this.#link.nowMs
    this.#isAsking = true
    for (const pause of pauses) {
      atMs += pause
      this.#link.at(atMs, () => {
        if (this.#isAsking) this.#link.say(this.#port, this.#family, "question")
      })
    }
    this.#link.at(atMs + this.#family.waitMs, () => {
      if (!this.#isAsking) return
      this.#isAsking = false
      this.used = this.#link.say(this.#port, this.#family, "announcement")
    })
  }
}

describe.each(families)("a search for duplicates by $name", (family) => {
  const { pauses } = family

  it.prop(
    "has its end whatever questions another guest asks back",
    [pauses, fc.array(fc.nat(4000), { minLength: 1, maxLength: 5 })],
    ([waits, echoes]) => {
      const link = new Link()
      const honest = new Asker(link, 1, family)
      const denied: Array<string> = []
      link.hear(2, () => {
        for (const ms of echoes) {
          link.at(link.nowMs + ms, () => {
            if (honest.used === undefined) denied.push(link.say(2, family, "question"))
          })
        }
      })
      honest.begin(waits)
      link.run()
      assert.deepStrictEqual([honest.conflicts, honest.used], [0, "PASS"])
      for (const reason of denied) assert.strictEqual(reason, "PROBE_CONFLICT")
    }
  )

  it.prop("gives the address to exactly one of two that begin at any times", [pauses, pauses, fc.nat(9000)], (
    [waits, others, laterMs]
  ) => {
    const link = new Link()
    const askers = [new Asker(link, 1, family), new Asker(link, 2, family)]
    link.at(T0, () => askers[0]!.begin(waits))
    link.at(T0 + laterMs, () => askers[1]!.begin(others))
    link.run()
    assert.strictEqual(askers.filter(({ used }) => used === "PASS").length, 1)
    // By ARP the other one knows: the first asks again, or announces, while the other asks.
    if (family.name === "ARP") assert.strictEqual(askers.filter(({ used }) => used !== undefined).length, 1)
  })

  it.prop(
    "is not kept from its end by who asks all the time: a second try comes at a better one",
    [pauses, pauses, fc.nat(200_000), fc.constantFrom(100, 333, 1000)],
    ([waits, again, fromMs, everyMs]) => {
      const link = new Link()
      const honest = new Asker(link, 1, family)
      for (let ms = 0; ms < 300_000; ms += everyMs) {
        link.at(T0 + ms, () => {
          if (honest.used === undefined) link.say(2, family, "question")
        })
      }
      link.at(T0 + fromMs, () => honest.begin(waits))
      link.run(T0 + fromMs + 10_000)
      // RFC 2131, 3.1: at least ten seconds until a client begins once more.
      if (honest.used !== "PASS") link.at(link.nowMs + 10_000, () => honest.begin(again))
      link.run()
      assert.strictEqual(honest.used, "PASS")
      assert.isAtMost(honest.conflicts, 1)
    }
  )

  it("is answered by who has been silent for long, and by who has never spoken", () => {
    for (const before of [Bounds.stationAgeSeconds + 1, undefined]) {
      const link = new Link()
      if (before !== undefined) link.say(2, family, "announcement")
      link.nowMs += (before ?? 0) * 1000
      assert.strictEqual(link.say(1, family, "question"), "PASS")
      assert.strictEqual(link.say(2, family, "announcement"), "PASS")
      assert.include(["ARP_SPA_CONFLICT", "IP6_SRC_CONFLICT"], link.say(1, family, "announcement"))
    }
  })
})

describe("addresses that are asked for", () => {
  it("are as many as a port may have, and each for its time alone, whatever else the port asks for", () => {
    const { receive } = makeFast({})
    const ask = (port: number, n: number, nowMs: number) =>
      receive(request(macOf(port), "0.0.0.0", `10.1.0.${n}`), port, nowMs)
    const most = Bounds.addressesPerGuest
    for (let round = 0; round < 5; round++) {
      const nowMs = T0 + round * 2 * (Bounds.probeSeconds + Bounds.probePauseSeconds) * 1000
      for (let n = 0; n < most; n++) assert.strictEqual(ask(1, 10 + n, nowMs), Reason.PASS)
      for (let n = most; n < 3 * most; n++) assert.strictEqual(ask(1, 10 + n, nowMs), Reason.IP_LIMIT)
      const over = nowMs + (Bounds.probeSeconds + 1) * 1000
      for (let n = 0; n < most; n++) assert.strictEqual(ask(1, 10 + n, over), Reason.PROBE_CONFLICT)
      for (let n = most; n < 3 * most; n++) assert.strictEqual(ask(1, 10 + n, over), Reason.IP_LIMIT)
      assert.strictEqual(ask(2, 10 + round, over), Reason.PASS)
      assert.strictEqual(ask(1, 10 + round, over), Reason.PROBE_CONFLICT)
    }
  })
})
