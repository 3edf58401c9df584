/** Frames that are nearly honest, and frames that are nothing: what properties of the policy run over. */
import * as fc from "effect/FastCheck"
import { TAP_PORT } from "../../src/domain/Bounds.ts"
import { fromOctets } from "../../src/domain/MacAddress.ts"
import * as Prefix from "../../src/domain/Prefix.ts"
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import { address, addressOf, BROADCAST, concat, mac } from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import * as six from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

/** A change of a frame. It gives a new one and keeps to what is there. */
type Change = (frame: Uint8Array) => Uint8Array

const overwrite = (frame: Uint8Array, at: number, octets: Uint8Array): Uint8Array => {
  const copy = frame.slice()
  if (at < copy.length) copy.set(octets.subarray(0, copy.length - at), at)
  return copy
}

/** Prefixes at both ends and in the middle; the host first, last and inside. */
const secures: ReadonlyArray<SwitchSettings> = [
  world.secure,
  world.settings(0),
  world.settings(1),
  world.settings(8),
  world.settings(29),
  world.settings(30),
  world.settings(31),
  world.settings(32),
  world.settings(0, { hostAddress: address("255.255.255.255") }),
  world.settings(24, { hostAddress: address("200.1.0.254") }),
  world.settings(31, { hostAddress: address("10.1.0.0") }),
  { ...world.secure, tapMtuBytes: 1400 },
  { ...world.secure, tapMac: undefined },
  { ...world.secure, bridgeMac: fromOctets(world.bridgeMac) },
  world.noPrefix
]

const bridges = secures.map((settings): SwitchSettings => ({ ...settings, secure: false }))

/** Four times out of five secure: `-U` has little to decide. */
export const settings: fc.Arbitrary<SwitchSettings> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...secures) },
  { weight: 1, arbitrary: fc.constantFrom(...bridges) }
)

export const port: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(1, world.GUEST_PORT, 255, 256, 16_384) },
  { weight: 1, arbitrary: fc.constant(world.TRUNK_PORT) },
  { weight: 1, arbitrary: fc.constant(TAP_PORT) }
)

/** Addresses that rules distinguish, those next to them, and any. */
const addresses = (prefix: Prefix.Prefix | undefined): fc.Arbitrary<Uint8Array> => {
  const { mask, network, address: host } = prefix ?? Prefix.make(0x0a010001, 24)
  const last = (network | ~mask) >>> 0
  const reserved = [0, 0xffffffff, 0x7f000001, 0x80000000, 0xe0000001, 0xf0000000]
  const special = [host, network, last, 0x0a010002, ...reserved]
  return fc.oneof(
    fc.constantFrom(...special.flatMap((a) => [a, (a + 1) >>> 0, (a - 1) >>> 0])).map(addressOf),
    fc.nat(0xffffffff).map((a) => addressOf((network | (a & ~mask)) >>> 0)),
    fc.nat(0xffffffff).map(addressOf)
  )
}

const macs = fc.constantFrom(
  world.guestMac,
  world.otherMac,
  world.tapMac,
  world.bridgeMac,
  world.groupMac,
  world.nobodyMac,
  BROADCAST,
  mac("01:80:c2:00:00:0e"),
  mac("01:80:c2:00:00:10"),
  mac("02:00:00:aa:bb:cd")
)

const types = fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9300, 0x8035, 0x05ff, 0x0600, 0x0000)
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)

const atByte = (at: fc.Arbitrary<number>, octets: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Change> =>
  fc.tuple(at, octets).map(([at, octets]) => (frame) => overwrite(frame, at, octets))

/** Where fields lie in frames without options: link, ARP and IPv4, then ports and DHCP. */
const inHeaders = fc.oneof(
  fc.nat(63),
  fc.constantFrom(12, 14, 16, 17, 20, 21, 23, 34, 35, 36, 37, 38, 39, 42, 43, 44, 46),
  fc.integer({ min: 64, max: 300 })
)
/** Fields of BOOTP that rules read, and its options. */
const inDhcp = fc.constantFrom(42, 43, 44, 66, 69, 70, 75, 278, 281, 282, 283, 285, 286)
const octet = fc.oneof(
  fc.nat(255),
  fc.constantFrom(0, 1, 2, 5, 6, 9, 17, 0x20, 0x45, 0x46, 0x4f, 67, 68, 82, 148, 255)
)
const flags = fc.constantFrom(0x2000, 0x2001, 1, 2, 0x1fff, 0x3fff, 0x4000, 0x8000, 0x1ffc)

/** Puts options into an IPv4 header, with its lengths made right. */
const withOptions = (options: Uint8Array): Change => (frame) => {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return frame
  const total = ((frame[16]! << 8) | frame[17]!) + options.length
  const longer = concat(frame.slice(0, 34), options, frame.slice(34))
  longer[14] = 0x45 + options.length / 4
  longer.set(u16(total & 0xffff), 16)
  return longer
}

/** Leaves an IPv4 packet only so many octets of data, with its length made right. */
const withData = (size: number): Change => (frame) => {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return frame
  const total = (frame[14]! & 15) * 4 + size
  return total + 14 > frame.length ? frame : overwrite(frame.slice(0, total + 14), 16, u16(total))
}

const optionOctets = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 131, 148), { minLength: 4, maxLength: 40 })
  .map((octets) => Uint8Array.from(octets.slice(0, octets.length - octets.length % 4)))

const change = (prefix: Prefix.Prefix | undefined): fc.Arbitrary<Change> =>
  fc.oneof(
    atByte(inHeaders, octet.map((value) => Uint8Array.of(value))),
    fc.tuple(inHeaders, fc.constantFrom(-1, 1, -16, 16)).map(([at, step]): Change => (frame) =>
      at < frame.length ? overwrite(frame, at, Uint8Array.of((frame[at]! + step) & 255)) : frame),
    fc.noBias(fc.nat(1600)).map((size): Change => (frame) => frame.slice(0, size % (frame.length + 1))),
    fc.nat(40).map(withData),
    fc.tuple(fc.nat(1600), fc.nat(255)).map(([more, value]): Change => (frame) =>
      concat(frame, new Uint8Array(more % Math.max(1, 1530 - frame.length)).fill(value))),
    atByte(fc.constantFrom(26, 28, 30, 38), addresses(prefix)),
    atByte(fc.constantFrom(26, 28), addresses(prefix)),
    atByte(fc.constantFrom(0, 6, 22, 32, 70), macs),
    atByte(fc.constant(12), types.map(u16)),
    atByte(fc.constant(20), flags.map(u16)),
    atByte(fc.constantFrom(34, 36), fc.constantFrom(67, 68, 66, 69).map(u16)),
    atByte(inDhcp, octet.map((value) => Uint8Array.of(value))),
    atByte(fc.constant(34), fc.constantFrom(5, 9).map((type) => Uint8Array.of(type))),
    atByte(fc.constant(282), optionOctets.map((octets) => octets.map((o) => o === 131 ? 82 : o))),
    atByte(fc.constant(282), fc.oneof(identifier, fc.tuple(identifier, identifier).map((two) => concat(...two)))),
    optionOctets.map(withOptions)
  )

/** A DHCP client identifier: a MAC, or nearly one. */
const identifier = fc.tuple(fc.constantFrom(7, 7, 7, 6, 1), fc.constantFrom(1, 1, 1, 0), macs)
  .map(([size, type, mac]) => Uint8Array.of(61, size, type, ...mac))

const inHeaders6 = fc.oneof(fc.nat(100), fc.constantFrom(14, 18, 19, 20, 21, 54, 55, 56, 57))
const optionOctets6 = fc.array(fc.constantFrom(0, 1, 2, 3, 14), { minLength: 1, maxLength: 16 })
  .map((octets) => Uint8Array.from(octets))
const nextHeader = fc.constantFrom(0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 135)
const messageType = fc.constantFrom(128, 130, 133, 134, 135, 136, 137, 143)
const addresses6 = fc.oneof(
  fc.constantFrom(six.host6, six.guest6, six.hostLinkLocal, six.guestLinkLocal, six.nobody6, six.allNodes),
  fc.constant(six.bridgeLinkLocal),
  fc.constantFrom("::1", "fe80::1", "fec0::1", "2001:db8::1", "fd00:1:0:1::", "ff02::1:ff00:3").map(six.address6),
  fc.constantFrom("2001:db8::7", "2001:db9::", "::ffff:c000:209").map(six.address6),
  fc.uint8Array({ minLength: 16, maxLength: 16 })
)

/** Puts an extension header in front of what an IPv6 packet carries, with its lengths made right. */
const withExtension = (type: number, header: six.Extension): Change => (frame) => {
  if (frame.length < 54 || frame[12] !== 0x86) return frame
  const octets = header(frame[20]!)
  const longer = concat(frame.slice(0, 54), octets, frame.slice(54))
  longer[20] = type
  longer.set(u16((((frame[18]! << 8) | frame[19]!) + octets.length) & 0xffff), 18)
  return longer
}

/** Leaves an IPv6 packet only so many octets of payload, with its length made right. */
const withPayload = (size: number): Change => (frame) =>
  frame.length < 54 + size || frame[12] !== 0x86 ? frame : overwrite(frame.slice(0, 54 + size), 18, u16(size))

const extensions = fc.oneof(
  fc.nat(34).map((units) => [60, six.extension(units)] as const),
  fc.nat(3).map((units) => [0, six.extension(units)] as const),
  fc.nat(5).map((type) => [43, six.extension(2, type, 1)] as const),
  fc.nat(6).map((units) => [51, six.authentication(units)] as const),
  fc.tuple(fc.constantFrom(0, 8), fc.boolean()).map(([at, more]) => [44, six.fragmentHeader(at, more)] as const)
).map(([type, header]) => withExtension(type, header))

const change6: fc.Arbitrary<Change> = fc.oneof(
  atByte(inHeaders6, octet.map((value) => Uint8Array.of(value))),
  fc.noBias(fc.nat(1600)).map((size): Change => (frame) => frame.slice(0, size % (frame.length + 1))),
  fc.nat(48).map(withPayload),
  fc.tuple(fc.nat(1600), fc.nat(255)).map(([more, value]): Change => (frame) =>
    concat(frame, new Uint8Array(more % Math.max(1, 1530 - frame.length)).fill(value))),
  atByte(fc.constantFrom(22, 38, 62), addresses6),
  atByte(fc.constant(62), addresses6),
  atByte(fc.constant(22), addresses6),
  atByte(fc.constantFrom(0, 6, 80), macs),
  atByte(fc.constantFrom(20, 54, 62), nextHeader.map((next) => Uint8Array.of(next))),
  atByte(fc.constantFrom(54, 62), messageType.map((type) => Uint8Array.of(type))),
  atByte(fc.constantFrom(54, 56, 62), fc.constantFrom(546, 547, 545).map(u16)),
  atByte(fc.constantFrom(62, 78), optionOctets6),
  extensions,
  extensions
)

const honest = Object.values(world.honest)

/** Gives an honest frame's sender another address, unless it sends from none. */
const sentFrom = (frame: Uint8Array, sender: Uint8Array): Uint8Array => {
  const at = frame[13] === 6 ? 28 : 26
  return frame.subarray(at, at + 4).every((octet) => octet === 0) ? frame : overwrite(frame, at, sender)
}

const insides = (prefix: Prefix.Prefix | undefined): fc.Arbitrary<Uint8Array> =>
  fc.nat(0xffffffff).map((any) =>
    prefix === undefined ? world.guest : addressOf((prefix.network | (any & ~prefix.mask)) >>> 0)
  )

/** An honest frame from an address of the subnet, changed nought to three times. */
const changed = (prefix: Prefix.Prefix | undefined): fc.Arbitrary<Uint8Array> =>
  fc.tuple(fc.constantFrom(...honest), insides(prefix), fc.array(change(prefix), { maxLength: 3 }))
    .map(([frame, sender, changes]) =>
      changes.reduce((octets, apply) => apply(octets), sentFrom(frame, sender))
    )

/** An honest IPv6 frame, changed nought to three times. */
const changed6: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.constantFrom(...Object.values(six.honest6)),
  fc.array(change6, { maxLength: 3 })
).map(([frame, changes]) => changes.reduce((octets, apply) => apply(octets), frame))

/** Any octets, alone or behind the start of an honest frame. */
const anything: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.constantFrom(...honest, ...Object.values(six.honest6)),
  fc.oneof(fc.constant(0), fc.nat(80)),
  fc.uint8Array({ maxLength: 200 })
).map(([frame, kept, octets]) => concat(frame.slice(0, kept), octets))

/** One frame, honest or not, for a switch with such a prefix. */
export const frame = (prefix: Prefix.Prefix | undefined): fc.Arbitrary<Uint8Array> =>
  fc.oneof({ weight: 9, arbitrary: changed(prefix) }, { weight: 1, arbitrary: anything })

const allowances: fc.Arbitrary<Allowances> = fc.oneof(
  fc.constant({}),
  fc.record({
    ipv6: fc.constantFrom(0, 1, 33, 64, 96, 127, 128).map((bits) => ({ address: six.host6, bits })),
    allowedEtherTypes: fc.constantFrom([], [0x8035, 0x0600]),
    dhcpServer: fc.constantFrom("tap" as const, "any" as const, undefined),
    trunkBindings: fc.constantFrom<NonNullable<Allowances["trunkBindings"]>>(
      [],
      [{ ip: networkOf("192.0.2.0/24") }],
      [{ mac: { hi: 1, lo: 2 } }, { ip: networkOf("0.0.0.0/0") }],
      [{ ip: networkOf("2001:db8::/32") }, { ip: networkOf("192.0.2.0/24") }],
      [{ ip: networkOf("::/0") }]
    )
  })
)

export interface Case {
  readonly settings: SwitchSettings
  readonly allowances: Allowances
  readonly port: number
  readonly octets: Uint8Array
}

/** One frame for a switch with such settings: as often of IPv6 as not, where that passes. */
const frameFor = (settings: SwitchSettings, { ipv6 }: Allowances): fc.Arbitrary<Uint8Array> =>
  ipv6 === undefined ? frame(settings.prefix) : fc.oneof(frame(settings.prefix), changed6, changed6)

const cases = (
  settings: fc.Arbitrary<SwitchSettings>,
  port: fc.Arbitrary<number>
): fc.Arbitrary<Case> =>
  fc.tuple(settings, allowances).chain(([settings, allowances]) =>
    fc.record({
      settings: fc.constant(settings),
      allowances: fc.constant(allowances),
      port,
      octets: frameFor(settings, allowances)
    })
  )

/** A frame that came in on a port of a switch. */
export const arrival: fc.Arbitrary<Case> = cases(settings, port)

/** A frame that a guest sends in secure mode. */
export const secureArrival: fc.Arbitrary<Case> = cases(fc.constantFrom(...secures), fc.constant(world.GUEST_PORT))
