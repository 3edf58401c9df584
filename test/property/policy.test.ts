import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as FrameBatch from "../../src/domain/FrameBatch.ts"
import * as Prefix from "../../src/domain/Prefix.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { judge } from "../../src/domain/policy/Judge.ts"
import * as Policy from "../../src/domain/policy/Policy.ts"
import { rules } from "../../src/domain/policy/Rules.ts"
import { address, addressOf, BROADCAST, dhcp, ethernet, ipv4, udp } from "./frames.ts"
import { arrival, frame, secureArrival } from "./policyArbitrary.ts"
import { expected } from "./policyReference.ts"
import * as world from "./policyWorld.ts"

const runs = (numRuns: number) => ({ fastCheck: { numRuns } })
const number = (octets: Uint8Array): number => new DataView(octets.buffer, octets.byteOffset).getUint32(0)

describe("judging", () => {
  it.prop("agrees with the slow tables of the explanation, whatever lies behind the frame", [arrival], ([arrived]) => {
    const { allowances, octets, port, settings } = arrived
    const inWords = expected(octets, port === world.TAP_PORT, settings, allowances, port === world.TRUNK_PORT)
    for (const filler of [0x00, 0xff]) {
      const { reason, tapReason } = world.judged(octets, port, settings, filler, allowances)
      assert.deepStrictEqual({ reason: reasonNames[reason], tapReason: reasonNames[tapReason] }, inWords)
    }
  }, runs(20_000))

  it("meets every rule, and frames that pass, in the frames that properties run over", () => {
    const met = new Set<number>()
    for (const { allowances, octets, port, settings } of fc.sample(arrival, { numRuns: 20_000, seed: 826 })) {
      const { reason, tapReason } = world.judged(octets, port, settings, 0, allowances)
      met.add(reason).add(tapReason)
    }
    const missed = rules.filter(({ reason }) => !met.has(reason)).map(({ id }) => id)
    assert.deepStrictEqual(missed, [])
    assert.isTrue(met.has(Reason.PASS))
  })

  const batches = fc.array(
    fc.record({ octets: frame(world.secure.prefix), port: fc.constantFrom(0, 1, 2) }),
    { minLength: 1, maxLength: Bounds.batchFrames }
  )

  it.prop("gives each frame of a batch what it gets alone, and changes nothing else", [batches], ([arrivals]) => {
    const batch = FrameBatch.make(world.secure.frameBytesMax)
    for (const { octets, port } of arrivals) FrameBatch.append(batch, octets, port)
    const before = batch.bytes.slice(0, batch.count * batch.slotBytes)
    const reason = new Uint8Array(Bounds.batchFrames).fill(255)
    const tapReason = new Uint8Array(Bounds.batchFrames).fill(255)
    judge(batch, Policy.make(world.secure), reason, tapReason)
    for (const [i, { octets, port }] of arrivals.entries()) {
      assert.deepStrictEqual({ reason: reason[i]!, tapReason: tapReason[i]! }, world.judged(octets, port))
    }
    assert.isTrue(reason.subarray(arrivals.length).every((value) => value === 255))
    assert.isTrue(tapReason.subarray(arrivals.length).every((value) => value === 255))
    assert.strictEqual(Buffer.compare(before, batch.bytes.subarray(0, before.length)), 0)
  }, runs(100))

  it.prop("denies a frame that was cut, though a policy allows longer ones", [fc.nat(8000)], ([more]) => {
    const settings = { ...world.secure, frameBytesMax: 16_384 }
    const payload = world.datagram({ payload: new Uint8Array(160 + more) })
    const batch = FrameBatch.make(200)
    FrameBatch.append(batch, world.packet({ payload }), 1)
    const reason = Uint8Array.of(255)
    judge(batch, Policy.make(settings), reason, new Uint8Array(1))
    assert.strictEqual(reason[0], Reason.OVERSIZE)
  })
})

describe("secure mode", () => {
  /** The one exception, in words of its own: UDP 68 to 67 from 0.0.0.0 to everybody, whole. */
  const isDhcp = (octets: Uint8Array): boolean => {
    const at = 14 + (octets[14]! & 15) * 4
    return octets[23] === 17 && ((octets[20]! & 0x3f) | octets[21]!) === 0 &&
      octets.slice(26, 34).join() === "0,0,0,0,255,255,255,255" &&
      octets.slice(at, at + 4).join() === "0,68,0,67"
  }
  const isMembership = (octets: Uint8Array): boolean =>
    octets[23] === 2 && [0x12, 0x16, 0x17, 0x22].includes(octets[14 + (octets[14]! & 15) * 4]!) &&
    octets[30]! >= 224 && octets[30]! < 240
  const mayPass = (octets: Uint8Array, prefix: Prefix.Prefix | undefined): boolean => {
    const source = number(octets.slice(26, 30))
    if (source === 0) return isDhcp(octets) || isMembership(octets)
    return prefix !== undefined && Prefix.contains(prefix, source) && source !== prefix.address
  }

  it.prop(
    "lets no IPv4 of a guest through whose source is the host's or outside the subnet, but DHCP and reports of groups",
    [secureArrival],
    ([{ allowances, octets, port, settings }]) => {
      const { reason } = world.judged(octets, port, settings, 0, allowances)
      if (reason === Reason.PASS && octets[12] === 8 && octets[13] === 0) {
        assert.isTrue(mayPass(octets, settings.prefix))
      }
    },
    runs(5000)
  )

  const anyAddress = fc.nat(0xffffffff)
  const bits = fc.integer({ min: 0, max: 32 })

  it.prop(
    "lets a source through exactly if a guest of the subnet can have it",
    [anyAddress, anyAddress, bits],
    ([host, any, bits]) => {
      const hostAddress = addressOf(host)
      const settings = world.settings(bits, { hostAddress })
      const prefix = Prefix.make(host, bits)
      const last = prefix.network + 2 ** (32 - bits) - 1
      const inside = (prefix.network | (any & ~prefix.mask)) >>> 0
      for (const source of [any, inside, host, prefix.network, last, last + 1, prefix.network - 1]) {
        if (source <= 0 || source > 0xffffffff) continue
        const text = Prefix.formatAddress(source)
        const can = source >= prefix.network && source <= last && source !== host &&
          (bits >= 31 || (source !== prefix.network && source !== last)) && !/^(0|127|22[4-9]|2[3-5].)\./.test(text)
        const octets = world.packet({ source: addressOf(source), destination: address("224.0.0.9") })
        const lands = source === number(address("224.0.0.9"))
        assert.strictEqual(world.judged(octets, 1, settings).reason === Reason.PASS, can && !lands)
        const arp = world.arpFrame({ sender: addressOf(source) })
        assert.strictEqual(world.judged(arp, 1, settings).reason === Reason.PASS, can)
      }
    },
    runs(2000)
  )

  it.prop("lets no ARP of a guest through in another's MAC or the host's address", [secureArrival], ([arrived]) => {
    const { allowances, octets, port, settings } = arrived
    const { reason } = world.judged(octets, port, settings, 0, allowances)
    if (reason === Reason.PASS && octets[12] === 8 && octets[13] === 6) {
      assert.strictEqual(octets.slice(22, 28).join(), octets.slice(6, 12).join())
      assert.notStrictEqual(number(octets.slice(28, 32)), settings.prefix?.address)
    }
  }, runs(3000))

  it.prop("lets no IPv6 of a guest through as the host or a router", [secureArrival], ([arrived]) => {
    const { allowances, octets, port, settings } = arrived
    const { reason } = world.judged(octets, port, settings, 0, allowances)
    if (reason !== Reason.PASS || octets[12] !== 0x86) return
    const source = octets.slice(22, 38).join()
    assert.notStrictEqual(source, allowances.ipv6?.address.join())
    if (octets[20] !== 58) return
    assert.notInclude([134, 137], octets[54])
    if (octets[54] !== 136 || octets[78] !== 2) return
    assert.strictEqual(octets.slice(80, 86).join(), octets.slice(6, 12).join())
  }, runs(10_000))

  it("keeps every IPv4 protocol but ICMP, TCP, UDP and reports of groups from the tap, and from it alone", () => {
    const contents = new Map([[1, world.echo], [6, world.segment({})], [17, world.datagram({})]])
    for (let protocol = 0; protocol < 256; protocol++) {
      const content = contents.get(protocol)
      const octets = world.packet({ protocol, payload: content ?? new Uint8Array(40) })
      const tapReason = content === undefined ? Reason.IP4_PROTO_DENIED : Reason.PASS
      assert.deepStrictEqual(world.judged(octets), { reason: Reason.PASS, tapReason }, `protocol ${protocol}`)
    }
  })

  const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 })

  it.prop("lets a guest with any MAC ask by DHCP and answer by ARP", [anyMac], ([any]) => {
    const source = any.slice()
    source[0]! &= 0xfe
    if (source.every((octet) => octet === 0)) return
    const endpoints = { source: world.nobody, destination: world.everybody }
    const payload = udp({
      ...endpoints,
      sourcePort: 68,
      destinationPort: 67,
      payload: dhcp({ hardwareAddress: source })
    })
    const request = ethernet({
      destination: BROADCAST,
      source,
      type: 0x0800,
      payload: ipv4({ ...endpoints, protocol: 17, payload })
    })
    assert.deepStrictEqual(world.judged(request), { reason: Reason.PASS, tapReason: Reason.PASS })
    const reply = world.arpFrame({ op: 2, to: world.otherMac, targetMac: world.otherMac, senderMac: source })
    reply.set(source, 6)
    assert.deepStrictEqual(world.judged(reply), { reason: Reason.PASS, tapReason: Reason.PASS })
  }, runs(500))
})

describe("-U", () => {
  const unicast = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((octets) => {
    const source = octets.slice()
    source[0] = (source[0]! & 0xfe) | 0x04
    return source
  })
  const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 })
  const type = fc.oneof(fc.nat(0xffff), fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0, 0x8035))

  it.prop(
    "lets any frame with sane addresses through, whatever its type and content, up to the tap's MTU",
    [anyMac, unicast, type, fc.integer({ min: 14, max: 1518 }), fc.nat(255), fc.boolean()],
    ([destination, source, type, size, octet, fromTap]) => {
      const payload = new Uint8Array(size - 14).fill(octet)
      const octets = ethernet({ destination, source, type, payload })
      const isReserved = octets.slice(0, 5).join() === "1,128,194,0,0" && octets[5]! < 16
      const verdict = world.judged(octets, fromTap ? world.TAP_PORT : 1, world.bridge)
      const isTagged = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300].includes(type)
      const fits = fromTap || size <= 1514 + (isTagged ? 4 : 0)
      assert.deepStrictEqual(
        verdict,
        isReserved
          ? { reason: Reason.DST_MAC_RESERVED, tapReason: Reason.PASS }
          : { reason: Reason.PASS, tapReason: fits ? Reason.PASS : Reason.EGRESS_MTU }
      )
    },
    runs(3000)
  )
})
