import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"
import { address, BROADCAST, mac } from "../test/property/frames.ts"
import * as six from "../test/property/policyFrames6.ts"
import * as world from "../test/property/policyWorld.ts"

/**
 * Changes of a frame in place. `at` is where it begins in `input`, `size` its octets; each change gives back the new
 * size. Half of them know where fields lie, so that what they leave is still taken for a packet.
 */
export interface Frame {
  readonly input: Uint8Array
  readonly at: number
  readonly bytesMax: number
}

type Change = (frame: Frame, size: number, random: SeededRandom, donor: Uint8Array) => number

const INTERESTING = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 20, 32, 43, 44, 50, 51, 58, 59, 60, 64,
  67, 68, 69, 82, 96, 127, 128, 133, 134, 135, 136, 137, 148, 224, 239, 240, 254, 255)

/** Types, ports, lengths and fragment fields that somebody compares with, and those next to them. */
const WORDS = Uint16Array.of(0, 1, 2, 5, 7, 8, 20, 28, 52, 66, 67, 68, 69, 236, 240, 244, 546, 547, 0x05dc, 0x05ff,
  0x0600, 0x0800, 0x0806, 0x1fff, 0x2000, 0x2001, 0x3fff, 0x4000, 0x7fff, 0x8000, 0x8035, 0x8100, 0x86dd, 0x88a8,
  0x9100, 0x9200, 0x9300, 0x1ffc, 0x6382, 0x5363, 0xfffe, 0xffff)

const ADDRESSES = [
  world.host, world.guest, world.other, world.nobody, world.everybody, world.subnetBroadcast, world.remote, world.group,
  address("10.1.0.0"), address("10.1.0.7"), address("10.1.1.1"), address("127.0.0.1"), address("240.0.0.1"),
  address("0.0.0.1"), address("200.1.0.254"), address("200.1.0.255"), address("223.255.255.255")
]

const MACS = [
  world.guestMac, world.otherMac, world.tapMac, world.bridgeMac, world.groupMac, world.nobodyMac, BROADCAST,
  mac("01:80:c2:00:00:0f"), mac("01:80:c2:00:00:10"), mac("33:33:00:00:00:01"), mac("00:00:00:00:00:01")
]

/** Where lengths, kinds, flags and ports lie: link, ARP, IPv4 with and without options, DHCP, IPv6 and what follows. */
const FIELDS = Uint16Array.of(0, 5, 6, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 28, 30, 34, 35, 36, 37, 38,
  39, 40, 42, 43, 44, 46, 47, 48, 54, 55, 56, 57, 58, 59, 62, 66, 70, 75, 78, 79, 86, 87, 278, 279, 281, 282, 283, 285)

/** Where addresses of IPv4 and MAC addresses lie: link, ARP, IPv4, DHCP, options of neighbour discovery. */
const ADDRESS_FIELDS = Uint8Array.of(26, 28, 30, 38, 66)
const MAC_FIELDS = Uint8Array.of(0, 0, 6, 6, 22, 32, 70, 80)

const ADDRESSES6 = [
  six.host6, six.guest6, six.other6, six.nobody6, six.guestLinkLocal, six.hostLinkLocal,
  six.bridgeLinkLocal, six.allNodes,
  ...["::1", "fe80::1", "fec0::1", "2001:db8::1", "fd00:1:0:1::", "ff02::1:ff00:3", "fd00:1::"].map(six.address6)
]

/** Where addresses of IPv6 lie: source, destination, target of neighbour discovery, target behind a fragment header. */
const ADDRESS6_FIELDS = Uint8Array.of(22, 22, 38, 62, 70)

const EXTENSIONS: ReadonlyArray<readonly [number, six.Extension]> = [
  [60, six.extension()],
  [60, six.extension(1)],
  [60, six.extension(31)],
  [0, six.extension()],
  [43, six.extension(2, 2, 1)],
  [43, six.extension(2, 0, 1)],
  [51, six.authentication()],
  [51, six.authentication(0)],
  [44, six.fragmentHeader(0, true)],
  [44, six.fragmentHeader(0, false)],
  [44, six.fragmentHeader(8, true)],
  [135, six.extension()]
]

const pick = <A>(from: ArrayLike<A>, random: SeededRandom): A => from[random.below(from.length)]!

const put = ({ at, input }: Frame, size: number, offset: number, octets: ArrayLike<number>): void => {
  for (let i = 0; i < octets.length && offset + i < size; i++) input[at + offset + i] = octets[i]!
}

const get16 = ({ at, input }: Frame, offset: number): number => (input[at + offset]! << 8) | input[at + offset + 1]!

const put16 = (frame: Frame, size: number, offset: number, value: number): void => {
  if (offset + 1 >= size) return
  frame.input[frame.at + offset] = value >>> 8
  frame.input[frame.at + offset + 1] = value & 255
}

/** One of the places of a field, or any; near the beginning more often. */
const place = (size: number, random: SeededRandom): number => {
  const where = random.below(4)
  if (where < 2) return Math.min(pick(FIELDS, random), Math.max(0, size - 1))
  return where === 2 ? random.below(Math.min(size, 64)) : random.below(size)
}

const overwrite: ReadonlyArray<Change> = [
  (frame, size, random) => {
    if (size > 0) frame.input[frame.at + place(size, random)]! ^= 1 << random.below(8)
    return size
  },
  (frame, size, random) => {
    put(frame, size, place(size, random), [pick(INTERESTING, random)])
    return size
  },
  (frame, size, random) => {
    put(frame, size, place(size, random), [random.below(256)])
    return size
  },
  (frame, size, random) => {
    put16(frame, size, place(size, random), pick(WORDS, random))
    return size
  },
  (frame, size, random) => {
    const offset = place(size, random)
    const by = pick([-8, -4, -1, 1, 4, 8], random)
    if (offset + 1 < size) put16(frame, size, offset, (get16(frame, offset) + by) & 0xffff)
    return size
  },
  (frame, size, random) => {
    const offset = place(size, random)
    if (offset < size) frame.input[frame.at + offset]! += random.below(33) - 16
    return size
  },
  (frame, size, random) => {
    put(frame, size, pick(ADDRESS_FIELDS, random), pick(ADDRESSES, random))
    return size
  },
  (frame, size, random) => {
    put(frame, size, pick(MAC_FIELDS, random), pick(MACS, random))
    return size
  },
  // A part of another input, at the same place or elsewhere.
  (frame, size, random, donor) => {
    const from = random.below(donor.length)
    const to = random.chance(0.5) ? from - 2 : random.below(size)
    if (to >= 0) put(frame, size, to, donor.subarray(from, from + 1 + random.below(32)))
    return size
  }
]

const move = ({ at, bytesMax, input }: Frame, size: number, offset: number, by: number): number => {
  const grown = Math.min(bytesMax, size + by)
  if (offset > size || grown <= offset) return size
  if (by > 0) input.copyWithin(at + offset + by, at + offset, at + size - Math.max(0, size + by - bytesMax))
  else input.copyWithin(at + offset, at + offset - by, at + size)
  return grown
}

const reshape: ReadonlyArray<Change> = [
  (_, size, random) => random.below(size + 1),
  (_, size, random) => Math.max(0, size - 1 - random.below(8)),
  ({ at, bytesMax, input }, size, random) => {
    const to = random.chance(0.5)
      ? Math.min(bytesMax, size + 1 + random.below(16))
      : Math.min(bytesMax, pick([60, 342, 590, 600, 601, 1414, 1418, 1514, 1518, 1519], random))
    if (to > size) input.fill(random.below(256), at + size, at + to)
    return Math.max(to, size)
  },
  (frame, size, random) => {
    const by = 1 + random.below(12)
    const offset = Math.min(size, place(size + 1, random))
    const grown = move(frame, size, offset, by)
    put(frame, grown, offset, Array.from({ length: by }, () => pick(INTERESTING, random)))
    return grown
  },
  (frame, size, random) => {
    const by = Math.min(1 + random.below(12), size)
    return move(frame, size, random.below(size - by + 1), -by)
  }
]

const IPV6 = 0x86dd

const type = (frame: Frame): number => get16(frame, 12)

/** Lengths made right, or wrong by a little: each is drawn for itself. */
const repairIpv4 = (frame: Frame, size: number, random: SeededRandom): void => {
  const { at, input } = frame
  if (random.chance(0.7)) input[at + 14] = 0x40 | Math.max(5, input[at + 14]! & 15)
  if (random.chance(0.7)) put16(frame, size, 16, size - 14)
  if (random.chance(0.7)) put(frame, size, 26, world.guest)
  const data = 14 + (input[at + 14]! & 15) * 4
  if (input[at + 23] !== 17 || data + 8 > size) return
  if (random.chance(0.7)) put16(frame, size, data + 4, get16(frame, 16) - (data - 14))
  if (get16(frame, data + 2) !== 67) return
  if (random.chance(0.7)) put(frame, size, data + 8, [1, 1, 6])
  if (random.chance(0.7)) put(frame, size, data + 32, [0, 0, 0, 0])
  if (random.chance(0.7)) put(frame, size, data + 36, input.subarray(at + 6, at + 12))
  if (random.chance(0.7)) put(frame, size, data + 244, [0x63, 0x82, 0x53, 0x63])
}

const repairArp = (frame: Frame, size: number, random: SeededRandom): void => {
  if (random.chance(0.7)) put(frame, size, 14, [0, 1, 8, 0, 6, 4, 0, 1 + random.below(2)])
  if (random.chance(0.7)) put(frame, size, 22, frame.input.subarray(frame.at + 6, frame.at + 12))
  if (random.chance(0.7)) put(frame, size, 28, world.guest)
  if (random.chance(0.7)) put(frame, size, 32, frame.input.subarray(frame.at, frame.at + 6))
}

const repairIpv6 = (frame: Frame, size: number, random: SeededRandom): void => {
  if (random.chance(0.7)) put(frame, size, 14, [0x60])
  if (random.chance(0.7)) put16(frame, size, 18, size - 54)
  if (random.chance(0.5)) put(frame, size, 21, [255])
  if (random.chance(0.7)) put(frame, size, 22, random.chance(0.5) ? six.guest6 : six.guestLinkLocal)
  if (random.chance(0.2)) put(frame, size, 20, [pick([0, 6, 17, 43, 44, 51, 58, 59, 60], random)])
}

/** An extension header in front of what an IPv6 packet carries, with its length made right. */
const extend: Change = (frame, size, random) => {
  const [kind, header] = pick(EXTENSIONS, random)
  const octets = header(frame.input[frame.at + 20]!)
  if (type(frame) !== IPV6 || size < 54 || size + octets.length > frame.bytesMax) return size
  const grown = move(frame, size, 54, octets.length)
  put(frame, grown, 54, octets)
  put(frame, grown, 20, [kind])
  put16(frame, grown, 18, get16(frame, 18) + octets.length)
  return grown
}

/** A few octets more or less at the end, with every length made right: one side of a bound, and the other. */
const resize: Change = (frame, size, random) => {
  const of = type(frame)
  const to = size - 8 + random.below(17)
  if ((of !== 0x0800 && of !== IPV6) || to < 54 || to > frame.bytesMax) return size
  if (to > size) frame.input.fill(random.below(256), frame.at + size, frame.at + to)
  if (of === IPV6) {
    put16(frame, to, 18, to - 54)
    return to
  }
  put16(frame, to, 16, to - 14)
  const data = 14 + (frame.input[frame.at + 14]! & 15) * 4
  if (frame.input[frame.at + 23] === 17) put16(frame, to, data + 4, to - data)
  return to
}

const structure: ReadonlyArray<Change> = [
  extend,
  resize,
  (frame, size, random) => {
    if (type(frame) === IPV6) put(frame, size, pick(ADDRESS6_FIELDS, random), pick(ADDRESSES6, random))
    return size
  },
  (frame, size, random) => {
    if (size < 42) return size
    if (random.chance(0.5)) put(frame, size, 6, world.guestMac)
    if (random.chance(0.3)) put(frame, size, 0, pick(MACS, random))
    const of = type(frame)
    if (of === 0x0800) repairIpv4(frame, size, random)
    else if (of === 0x0806) repairArp(frame, size, random)
    else if (of === IPV6 && size >= 54) repairIpv6(frame, size, random)
    return size
  },
  // Options of IPv4, with both lengths made right.
  (frame, size, random) => {
    const words = 1 + random.below(10)
    if (type(frame) !== 0x0800 || size < 34 || size + words * 4 > frame.bytesMax) return size
    const before = (frame.input[frame.at + 14]! & 15) + words
    if (before > 15) return size
    const grown = move(frame, size, 34, words * 4)
    const octet = (): number => pick([0, 1, 1, 2, 3, 4, 4, 7, 131, 148, 148], random)
    put(frame, grown, 34, Array.from({ length: words * 4 }, octet))
    put(frame, grown, 14, [0x40 | before])
    put16(frame, grown, 16, get16(frame, 16) + words * 4)
    return grown
  },
  (frame, size, random) => {
    const fragment = pick([0, 0x2000, 0x2001, 1, 2, 0x1fff, 0x3fff, 0x4000, 0x1ffc], random)
    if (type(frame) === 0x0800) put16(frame, size, 20, fragment)
    return size
  },
  // Options of DHCP.
  (frame, size, random) => {
    const length = 1 + random.below(24)
    if (size >= 286) put(frame, size, 286, Array.from({ length }, () => pick([0, 0, 1, 2, 3, 53, 82, 255], random)))
    return size
  }
]

const groups: ReadonlyArray<ReadonlyArray<Change>> = [overwrite, overwrite, overwrite, reshape, structure]

/** Changes a frame once to eight times. */
export const mutateFrame = (frame: Frame, size: number, random: SeededRandom, donor: Uint8Array): number => {
  let now = size
  const changes = 1 + random.below(random.chance(0.3) ? 8 : 3)
  for (let i = 0; i < changes; i++) now = pick(pick(groups, random), random)(frame, now, random, donor)
  return now
}
