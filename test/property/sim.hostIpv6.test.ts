import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as SimHost from "../../src/adapters/sim/SimHost.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { summed6 } from "./frames6Checksum.ts"
import * as six from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const hostWith = (bits: number, address = 0x0a010001) =>
  SimHost.make({
    mac: Mac.fromOctets(world.tapMac),
    prefix: Prefixes.make(address, 24),
    ipv6: { address: six.host6, bits }
  })

const fields = { to: world.tapMac, destination: six.host6 }

interface Answer {
  readonly to: Uint8Array
  readonly from: Uint8Array
  readonly hopLimit: number
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly type: number
  readonly rest: Uint8Array
}

/** The one answer, whose checksum is right: everything that a test compares. */
const answered = (frame: Uint8Array): Answer | undefined => {
  const [reply, ...more] = hostWith(64).answer(summed6(frame), 0)
  assert.deepStrictEqual(more, [])
  if (reply === undefined) return undefined
  assert.deepStrictEqual(reply, summed6(reply))
  return {
    to: reply.slice(0, 6),
    from: reply.slice(6, 12),
    hopLimit: reply[21]!,
    source: reply.slice(22, 38),
    destination: reply.slice(38, 54),
    type: reply[54]!,
    rest: reply.slice(58)
  }
}

describe("the simulated host and IPv6", () => {
  it("says who has its two addresses, also to one that asks whether they are free", () => {
    for (const target of [six.host6, six.hostLinkLocal]) {
      const told = (flags: number) => Uint8Array.of(flags, 0, 0, 0, ...target, 2, 1, ...world.tapMac)
      const common = { from: world.tapMac, hopLimit: 255, source: target, type: 136 }
      const question = six.solicitation(six.linkLayer(1, world.guestMac), { target })
      assert.deepStrictEqual(answered(question), {
        ...common,
        to: world.guestMac,
        destination: six.guest6,
        rest: told(0x60)
      })
      assert.deepStrictEqual(answered(six.probe(new Uint8Array(0), { target })), {
        ...common,
        to: six.groupMac6,
        destination: six.allNodes,
        rest: told(0x20)
      })
    }
    assert.isUndefined(answered(six.solicitation()))
    assert.isUndefined(answered(six.solicitation(new Uint8Array(0), { target: six.host6, hopLimit: 254 })))
    assert.isUndefined(answered(six.advertisement(new Uint8Array(0), { ...fields, target: six.host6 })))
  })

  it("answers ping at both of its addresses, and at nobody else's", () => {
    for (const destination of [six.host6, six.hostLinkLocal]) {
      const reply = answered(six.echo6({ ...fields, destination }))
      assert.deepInclude(reply, { type: 129, source: destination, destination: six.guest6, rest: new Uint8Array(40) })
    }
    assert.isUndefined(answered(six.echo6({ to: world.tapMac })))
    assert.isUndefined(answered(six.echo6({ ...fields, to: six.groupMac6 })))
    assert.isUndefined(answered(six.echo6({ ...fields, source: six.nobody6 })))
  })

  it("says nothing to a wrong checksum, nor without an IPv6 address; and needs no IPv4 address", () => {
    const ping = summed6(six.echo6(fields))
    assert.lengthOf(hostWith(64, 0).answer(ping, 0), 1)
    ping[58]! ^= 1
    assert.deepStrictEqual(hostWith(64).answer(ping, 0), [])
    ping[58]! ^= 1
    const host = SimHost.make({ mac: Mac.fromOctets(world.tapMac), prefix: Prefixes.make(0x0a010001, 24) })
    assert.deepStrictEqual(host.answer(ping, 0), [])
  })

  const honest = fc.constantFrom(...Object.values(six.honest6), six.echo6(fields))
  it.prop("answers whatever octets come with a list", [honest, fc.nat(100), fc.uint8Array({ maxLength: 80 })], (
    [frame, kept, octets]
  ) => {
    const anything = Uint8Array.of(...frame.slice(0, kept), ...octets)
    assert.isAtMost(hostWith(64).answer(anything, 0).length, 1)
  })
})
