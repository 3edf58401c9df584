import * as frames from "../test/property/frames.ts"
import * as six from "../test/property/policyFrames6.ts"
import * as world from "../test/property/policyWorld.ts"
import { situations, WITH_IPV6 } from "./Situations.ts"

const { concat, ethernet, mac } = frames

/** A frame to begin with, and where it is judged. */
export interface FrameSeed {
  readonly frame: Uint8Array
  readonly situations: ReadonlyArray<number>
}

const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 255)
const zeros = (size: number): Uint8Array => new Uint8Array(size)

const from = (type: number, payload: Uint8Array, destination = world.otherMac): Uint8Array =>
  ethernet({ destination, source: world.guestMac, type, payload })

/** Frames that no guest of secure mode may send, but a bridge carries. */
const foreign: ReadonlyArray<Uint8Array> = [
  from(0x8100, concat(u16(5), u16(0x0806), zeros(28)), frames.BROADCAST),
  from(0x88a8, concat(u16(5), u16(0x8100), u16(6), u16(0x0800), zeros(40))),
  from(38, concat(Uint8Array.of(0x42, 0x42, 3), zeros(35)), mac("01:80:c2:00:00:00")),
  from(36, concat(Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0), u16(0x0800), zeros(28))),
  from(0x8035, zeros(46), frames.BROADCAST),
  from(0x88b5, zeros(46)),
  zeros(0),
  zeros(13),
  zeros(14)
]

/** What no guest may send where IPv6 passes: RFC 4861, 4.2 and 4.5; RFC 8415, 8. */
const foreign6: ReadonlyArray<Uint8Array> = [
  six.icmp6(134, concat(zeros(12), six.linkLayer(1, world.guestMac)), { destination: six.allNodes, to: six.groupMac6 }),
  six.icmp6(137, concat(zeros(4), six.guest6, six.guest6)),
  six.udpTo(547, 546),
  six.packet6({ chain: [[six.Next.FRAGMENT, six.fragmentHeader(0, true)]], protocol: six.Next.ICMP })
]

const everywhere = situations.map((_, i) => i)

/** An honest frame of every kind, and the kinds that are denied whole. */
export const frameSeeds: ReadonlyArray<FrameSeed> = [
  ...Object.values(world.honest).map((frame) => ({ frame, situations: [0] })),
  ...[...Object.values(six.honest6), ...foreign6].map((frame) => ({ frame, situations: [WITH_IPV6] })),
  ...foreign.map((frame) => ({ frame, situations: [0] })),
  ...[world.honest["UDP"]!, six.honest6["UDP"]!].map((frame) => ({ frame, situations: everywhere }))
]
