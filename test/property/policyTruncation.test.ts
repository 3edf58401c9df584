import { assert, describe, it } from "@effect/vitest"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import * as Policy from "../../src/domain/policy/Policy.ts"
import { concat, patched } from "./frames.ts"
import { honest6, ipv6On, packet6, solicitation } from "./policyFrames6.ts"
import { expected } from "./policyReference.ts"
import * as world from "./policyWorld.ts"

const FILLERS = [0x00, 0xff, 0x45]
const policies = [world.secure, world.bridge].map((settings) => ({ settings, policy: Policy.make(settings) }))
const IPV4_BYTES_MIN = 34

const isIpv4 = (frame: Uint8Array): boolean => frame[12] === 8 && frame[13] === 0
const endOfIpv4 = (frame: Uint8Array): number => 14 + (frame[16]! << 8 | frame[17]!)

/** What should become of the first `size` octets of an honest frame, said in words of sizes alone. */
const expectedOfCut = (frame: Uint8Array, size: number): number => {
  if (size < 14) return Reason.RUNT
  if (isIpv4(frame)) return size < endOfIpv4(frame) ? Reason.IP4_MALFORMED : Reason.PASS
  return size < 42 ? Reason.ARP_MALFORMED : Reason.PASS
}

describe("a frame cut at any octet", () => {
  for (const [name, frame] of Object.entries(world.honest)) {
    it(`${name}: says why, whatever lies behind it, and is not read beyond its end`, () => {
      for (let size = 0; size <= frame.length; size++) {
        const cut = frame.slice(0, size)
        const fillers = [...FILLERS, frame[size] ?? 0]
        for (const { policy, settings } of policies) {
          for (const port of [world.GUEST_PORT, world.TAP_PORT]) {
            const inWords = expected(cut, port === world.TAP_PORT, settings)
            for (const filler of fillers) {
              const batch = world.placed(cut, port, settings.frameBytesMax, filler)
              const verdict = world.judgePlaced(batch, policy)
              assert.strictEqual(reasonNames[verdict.reason], inWords.reason, `${size} octets`)
              assert.strictEqual(reasonNames[verdict.tapReason], inWords.tapReason, `${size} octets`)
            }
          }
        }
        assert.strictEqual(world.judged(cut).reason, expectedOfCut(frame, size), `${size} octets`)
      }
    })
  }

  it("is never read at or beyond its size", () => {
    for (const frame of Object.values(world.honest)) {
      for (let size = 0; size <= Math.min(frame.length, 400); size++) {
        for (const { policy, settings } of policies) {
          const batch = world.placed(frame.slice(0, size), world.GUEST_PORT, settings.frameBytesMax, 0)
          world.judgePlaced(world.guarded(batch, size), policy)
        }
      }
    }
  })

  it("is not read beyond the end of its IPv4 packet when there is a trailer", () => {
    const policy = Policy.make(world.secure)
    for (const frame of Object.values(world.honest).filter(isIpv4)) {
      const long = concat(frame.slice(0, endOfIpv4(frame)), new Uint8Array(600)).slice(0, 1514)
      const batch = world.placed(long, world.GUEST_PORT, world.secure.frameBytesMax, 0)
      const limitBytes = Math.max(IPV4_BYTES_MIN, endOfIpv4(frame))
      assert.strictEqual(world.judgePlaced(world.guarded(batch, limitBytes), policy).reason, Reason.PASS)
    }
  })

  it("would be caught reading beyond: the guard throws on the octet at its limit, and no earlier", () => {
    const policy = Policy.make(world.secure)
    const frame = world.packet({})
    const batch = world.placed(frame, world.GUEST_PORT, world.secure.frameBytesMax, 0)
    const last = endOfIpv4(frame) - world.datagram({}).length + 5
    assert.throws(() => world.judgePlaced(world.guarded(batch, last), policy), RangeError)
    assert.strictEqual(world.judgePlaced(world.guarded(batch, last + 1), policy).reason, Reason.PASS)
  })
})

/** A length field, where it lies, and what one less and one more should lead to. */
interface LengthField {
  readonly field: string
  readonly frame: Uint8Array
  readonly at: number
  readonly step?: number
  readonly less: number
  readonly more: number
}

const { honest } = world
const { ARP_MALFORMED, IP4_MALFORMED, IP4_OPTION_DENIED, L4_MALFORMED, DHCP_MALFORMED, PASS } = Reason
const ihl = (frame: Uint8Array): number => (frame[14]! & 15) * 4

const lengthFields: ReadonlyArray<LengthField> = [
  {
    field: "ARP hardware length",
    frame: honest["ARP request"]!,
    at: 18,
    less: ARP_MALFORMED,
    more: ARP_MALFORMED
  },
  {
    field: "ARP protocol length",
    frame: honest["ARP reply"]!,
    at: 19,
    less: ARP_MALFORMED,
    more: ARP_MALFORMED
  },
  ...Object.entries(honest).filter(([name, frame]) => isIpv4(frame) && !/UDP|TCP|DHCP|BOOTP|ICMP/.test(name))
    .filter(([, frame]) => frame[23] !== 17 && frame.length - 14 - ihl(frame) > 8)
    .map(([name, frame]): LengthField => ({
      field: `total length of ${name}`,
      frame,
      at: 17,
      less: PASS,
      more: IP4_MALFORMED
    })),
  { field: "total length of UDP", frame: honest["UDP"]!, at: 17, less: L4_MALFORMED, more: IP4_MALFORMED },
  {
    field: "total length of padded UDP",
    frame: honest["UDP, padded"]!,
    at: 17,
    less: L4_MALFORMED,
    more: PASS
  },
  { field: "total length of TCP", frame: honest["TCP"]!, at: 17, less: PASS, more: IP4_MALFORMED },
  {
    field: "total length of a TCP header",
    frame: honest["TCP with options"]!,
    at: 17,
    less: L4_MALFORMED,
    more: IP4_MALFORMED
  },
  {
    field: "total length of a first fragment",
    frame: honest["UDP fragment 0"]!,
    at: 17,
    less: IP4_MALFORMED,
    more: IP4_MALFORMED
  },
  {
    field: "total length of a last fragment",
    frame: honest["UDP fragment 2"]!,
    at: 17,
    less: PASS,
    more: IP4_MALFORMED
  },
  {
    field: "total length of no data",
    frame: honest["protocol 255, no data"]!,
    at: 17,
    less: IP4_MALFORMED,
    more: IP4_MALFORMED
  },
  {
    field: "total length of DHCP",
    frame: honest["DHCP"]!,
    at: 17,
    less: L4_MALFORMED,
    more: IP4_MALFORMED
  },
  // One more word of header makes the first word of data options: here 0x13 0x88, an option of 136 octets.
  {
    field: "header length of UDP",
    frame: honest["UDP"]!,
    at: 14,
    less: IP4_MALFORMED,
    more: IP4_MALFORMED
  },
  {
    field: "header length of no data",
    frame: honest["protocol 255, no data"]!,
    at: 14,
    less: IP4_MALFORMED,
    more: IP4_MALFORMED
  },
  {
    field: "header length with options",
    frame: honest["options of nothing"]!,
    at: 14,
    less: L4_MALFORMED,
    more: L4_MALFORMED
  },
  {
    field: "option length",
    frame: honest["IGMP with router alert"]!,
    at: 35,
    less: IP4_OPTION_DENIED,
    more: IP4_MALFORMED
  },
  { field: "UDP length", frame: honest["UDP"]!, at: 39, less: PASS, more: L4_MALFORMED },
  {
    field: "UDP length of nothing",
    frame: honest["UDP, empty"]!,
    at: 39,
    less: L4_MALFORMED,
    more: L4_MALFORMED
  },
  {
    field: "UDP length of BOOTP",
    frame: honest["BOOTP"]!,
    at: 39,
    less: DHCP_MALFORMED,
    more: L4_MALFORMED
  },
  { field: "TCP data offset", frame: honest["TCP"]!, at: 46, step: 16, less: L4_MALFORMED, more: PASS },
  {
    field: "TCP data offset without data",
    frame: honest["TCP with options"]!,
    at: 46,
    step: 16,
    less: PASS,
    more: L4_MALFORMED
  },
  {
    field: "BOOTP hardware length",
    frame: honest["DHCP"]!,
    at: 44,
    less: DHCP_MALFORMED,
    more: DHCP_MALFORMED
  },
  {
    field: "length of the last DHCP option",
    frame: honest["DHCP"]!,
    at: 42 + 240 + 4,
    less: DHCP_MALFORMED,
    more: PASS
  }
]

/** Octets to the end of an IPv6 packet. */
const endOfIpv6 = (frame: Uint8Array): number => 54 + (frame[18]! << 8 | frame[19]!)

describe("an IPv6 frame cut at any octet", () => {
  const policy = Policy.make(world.secure, ipv6On)
  const judgedIn = (batch: ReturnType<typeof world.placed>) => world.judgePlaced(batch, policy)

  for (const [name, frame] of Object.entries(honest6)) {
    it(`${name}: says why, whatever lies behind it, and is not read beyond its end`, () => {
      for (let size = 0; size <= frame.length; size++) {
        const cut = frame.slice(0, size)
        const reason = size < 14 ? Reason.RUNT : size < endOfIpv6(frame) ? Reason.IP6_MALFORMED : PASS
        for (const filler of [...FILLERS, frame[size] ?? 0]) {
          const verdict = judgedIn(world.placed(cut, world.GUEST_PORT, world.secure.frameBytesMax, filler))
          assert.strictEqual(verdict.reason, reason, `${size} octets`)
        }
        assert.strictEqual(expected(cut, false, world.secure, ipv6On).reason, reasonNames[reason])
        judgedIn(world.guarded(world.placed(cut, world.GUEST_PORT, world.secure.frameBytesMax, 0), size))
      }
    })

    it(`${name}: with its payload made shorter by its own word, is judged as the slow tables do`, () => {
      for (let payload = 0; payload <= endOfIpv6(frame) - 54; payload++) {
        const shorter = patched(frame, 18, payload >> 8, payload & 255)
        const inWords = expected(shorter, false, world.secure, ipv6On)
        for (const filler of FILLERS) {
          const verdict = judgedIn(world.placed(shorter, world.GUEST_PORT, world.secure.frameBytesMax, filler))
          assert.strictEqual(reasonNames[verdict.reason], inWords.reason, `${payload} octets`)
        }
        const limit = Math.max(54, 54 + payload)
        judgedIn(world.guarded(world.placed(shorter, world.GUEST_PORT, world.secure.frameBytesMax, 0), limit))
      }
    })
  }

  it("has each of its length fields off by one", () => {
    const { IP6_MALFORMED, ND_LLA_MISMATCH, ND_MALFORMED } = Reason
    const first = honest6["first fragment behind options"]!
    const foreign = solicitation(concat(Uint8Array.of(1, 1), world.otherMac))
    const fields: ReadonlyArray<readonly [string, Uint8Array, number, number, number]> = [
      ["payload of UDP", packet6(), 19, PASS, IP6_MALFORMED],
      ["payload of one octet", honest6["nothing behind"]!, 19, IP6_MALFORMED, IP6_MALFORMED],
      ["payload of padded UDP", honest6["UDP, padded"]!, 19, IP6_MALFORMED, PASS],
      ["options of 256 octets", honest6["options of 256 octets"]!, 55, PASS, IP6_MALFORMED],
      ["authentication", honest6["authentication"]!, 55, PASS, PASS],
      ["options behind a fragment header", first, 71, Reason.IP6_FRAG_DENIED, PASS],
      ["option of a solicitation", solicitation(), 79, ND_MALFORMED, ND_MALFORMED],
      ["option of two units", solicitation(concat(Uint8Array.of(1, 2), world.guestMac, new Uint8Array(8))), 79,
        ND_MALFORMED, ND_MALFORMED],
      ["foreign MAC of two units", foreign, 79, ND_MALFORMED, ND_MALFORMED]
    ]
    for (const [name, frame, at, less, more] of fields) {
      for (const [delta, reason] of [[-1, less], [1, more]] as const) {
        const changed = patched(frame, at, (frame[at]! + delta) & 255)
        const verdict = world.judged(changed, world.GUEST_PORT, world.secure, 0, ipv6On)
        assert.strictEqual(reasonNames[verdict.reason], expected(changed, false, world.secure, ipv6On).reason, name)
        assert.strictEqual(reasonNames[verdict.reason], reasonNames[reason], `${name}, ${delta}`)
      }
    }
    assert.strictEqual(world.judged(foreign, 1, world.secure, 0, ipv6On).reason, ND_LLA_MISMATCH)
  })
})

describe("a length field off by one", () => {
  for (const { at, field, frame, less, more, step = 1 } of lengthFields) {
    it(`${field}: one less ${reasonNames[less]}, one more ${reasonNames[more]}`, () => {
      assert.strictEqual(world.judged(frame).reason, PASS)
      for (const [delta, reason] of [[-step, less], [step, more]] as const) {
        const changed = patched(frame, at, frame[at]! + delta)
        const inWords = expected(changed, false, world.secure).reason
        assert.strictEqual(inWords, reasonNames[reason], `reference, ${delta}`)
        for (const filler of FILLERS) {
          const verdict = world.judged(changed, world.GUEST_PORT, world.secure, filler)
          assert.strictEqual(verdict.reason, reason, `${delta}`)
        }
        const batch = world.placed(changed, world.GUEST_PORT, world.secure.frameBytesMax, 0)
        world.judgePlaced(world.guarded(batch, changed.length), Policy.make(world.secure))
      }
    })
  }
})
