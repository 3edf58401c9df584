/** Edges of the rules about where a frame goes: on a whole switch, whose counters tell the reason. */
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import * as Counters from "../../src/domain/Counters.ts"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import * as Control from "../../src/domain/PortControl.ts"
import { type Reason, REASON_COUNT, reasonNames } from "../../src/domain/Reason.ts"
import { datagram, macOf, request } from "./admissionWorld.ts"
import { BROADCAST, mac, patched } from "./frames.ts"
import { make } from "./switchWorld.ts"

/** Guests 1 and 2 are one user's, 3 is another's; station n is behind guest n, and station 4 behind guest 1, too. */
class EgressWorld {
  readonly #world: ReturnType<typeof make>
  readonly #guests: ReadonlyArray<SimGuest>

  constructor(policy: Partial<PolicySettings>) {
    this.#world = make({ secure: true, policy: { stormPerSecond: 1e9, arpPerSecond: 1e9, ...policy } })
    this.#guests = [1001, 1001, 1003].map((uid) => this.#world.guest(uid))
    for (const [guest, station] of [[1, 1], [2, 2], [3, 3], [1, 4]] as const) {
      this.#guests[guest - 1]!.send(request(macOf(station), "0.0.0.0"))
      this.#world.settle()
    }
    this.#read()
  }

  /** Sends a datagram to a station, or to all; the reason under which it, or a copy of it, was lost. */
  send(from: number, to: number | "all"): string {
    const before = this.#counted()
    const target = to === "all" ? BROADCAST : mac(macOf(to))
    // RFC 1122, 3.3.6: what goes to all on the link is for all.
    const octets = patched(datagram(from, `10.1.0.${from + 1}`), 0, ...target)
    this.#guests[from - 1]!.send(to === "all" ? patched(octets, 30, 10, 1, 0, 255) : octets)
    this.#world.settle()
    const after = this.#counted()
    return reasonNames.find((_, reason) => after[reason]! > before[reason]!) ?? "PASS"
  }

  /** Sends to all so often; only these guests read meanwhile. The first reason that is no pass, if there is one. */
  flood(from: number, times: number, readers: ReadonlyArray<number>): string {
    for (let n = 0; n < times; n++) {
      const verdict = this.send(from, "all")
      if (verdict !== "PASS") return verdict
      for (const reader of readers) this.#guests[reader - 1]!.received()
      this.#world.host!.taken()
    }
    return "PASS"
  }

  isolate(port: number): void {
    Control.isolate(this.#world.forwarder.control, port, true)
  }

  set tapUp(up: boolean) {
    this.#world.host!.up = up
  }

  #read(): void {
    this.#guests.forEach((guest) => guest.received())
    this.#world.host!.taken()
  }

  #counted(): ReadonlyArray<number> {
    const { counters: { rows, values } } = this.#world.forwarder
    const { Column, ROW } = Counters
    return Array.from({ length: REASON_COUNT }, (_, reason) => {
      let sum = 0
      for (let row = 0; row < rows; row++) {
        sum += values[row * ROW + Column.denied + reason]! + values[row * ROW + Column.dropped + reason]!
      }
      return sum
    })
  }
}

export interface EgressSequence {
  readonly rule: string
  readonly reason: keyof typeof Reason
  readonly field: string
  readonly policy?: Partial<PolicySettings>
  readonly inside: (world: EgressWorld) => string
  readonly outside: (world: EgressWorld) => string
}

export const worldOf = ({ policy = {} }: EgressSequence): EgressWorld => new EgressWorld(policy)

/** More than any guest's socket takes. */
const MORE_THAN_FITS = 20_000

export const egressSequences: ReadonlyArray<EgressSequence> = [
  {
    rule: "F3",
    reason: "HAIRPIN",
    field: "port of the destination",
    inside: (world) => world.send(1, 2),
    outside: (world) => world.send(1, 4)
  },
  {
    rule: "F3",
    reason: "HAIRPIN",
    field: "destination, its own or all",
    inside: (world) => world.send(1, "all"),
    outside: (world) => world.send(1, 1)
  },
  {
    rule: "E1",
    reason: "ISOLATED",
    field: "user of the destination",
    policy: { isolate: "users" },
    inside: (world) => world.send(1, 2),
    outside: (world) => world.send(1, 3)
  },
  {
    rule: "E1",
    reason: "ISOLATED",
    field: "isolate, of a flood",
    inside: (world) => world.send(1, "all"),
    outside: (world) => {
      world.isolate(3)
      return world.send(1, "all")
    }
  },
  {
    rule: "E1",
    reason: "ISOLATED",
    field: "port that an operator isolated",
    inside: (world) => {
      world.isolate(3)
      return world.send(1, 2)
    },
    outside: (world) => {
      world.isolate(2)
      return world.send(1, 2)
    }
  },
  {
    rule: "E3",
    reason: "EGRESS_FULL",
    field: "who reads",
    inside: (world) => world.flood(1, 2000, [2, 3]),
    outside: (world) => world.flood(1, MORE_THAN_FITS, [2])
  },
  {
    rule: "E5",
    reason: "TAP_WRITE_ERROR",
    field: "whether the tap is up",
    inside: (world) => world.send(1, "all"),
    outside: (world) => {
      world.tapUp = false
      return world.send(1, "all")
    }
  }
]
