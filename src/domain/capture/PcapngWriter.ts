import { type Direction, ETHERNET } from "./CapturedFrame.ts"
import { BlockType, BYTE_ORDER, DirectionFlag, FRAME_BYTES, Option, padded } from "./PcapngBlock.ts"

// Blocks of a capture in pcapng, least octet first, with time stamps in nanoseconds. Each function gives the octets
// of one block; whoever writes them keeps their order: the header, then interfaces before their frames.

const NANOSECONDS = 9
/** That the length of the section is not known. */
const UNKNOWN = -1n
/** Options have a length of 16 bits; comments are cut before that. */
const OPTION_BYTES_MAX = 65_532

type OptionEntry = readonly [code: number, content: Uint8Array]

const encode = (text: string): Uint8Array => new TextEncoder().encode(text).subarray(0, OPTION_BYTES_MAX)

const u32 = (value: number): Uint8Array => {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, value, true)
  return octets
}

/** A block of a type, whose body is filled by `fill` and then followed by options. */
const block = (
  type: number,
  headBytes: number,
  options: ReadonlyArray<OptionEntry>,
  fill: (view: DataView, octets: Uint8Array) => void
): Uint8Array => {
  const optionBytes = options.reduce((sum, [, content]) => sum + 4 + padded(content.length), 0)
  const bytes = FRAME_BYTES + headBytes + (options.length === 0 ? 0 : optionBytes + 4)
  const octets = new Uint8Array(bytes)
  const view = new DataView(octets.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, bytes, true)
  view.setUint32(bytes - 4, bytes, true)
  fill(new DataView(octets.buffer, 8, headBytes), octets.subarray(8, 8 + headBytes))
  let at = 8 + headBytes
  for (const [code, content] of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, content.length, true)
    octets.set(content, at + 4)
    at += 4 + padded(content.length)
  }
  return octets
}

/** The beginning of a file. @param application what writes it. */
export const sectionHeader = (application?: string): Uint8Array =>
  block(BlockType.SECTION_HEADER, 16, application === undefined ? [] : [[Option.APPLICATION, encode(application)]], (
    view
  ) => {
    view.setUint32(0, BYTE_ORDER, true)
    view.setUint16(4, 1, true)
    view.setBigInt64(8, UNKNOWN, true)
  })

/**
 * An Ethernet interface. The first has number 0, the next 1 and so on.
 *
 * @param snapBytes octets of a frame at most; libpcap wants it equal for all of a file. 0: no limit.
 */
export const interfaceBlock = (name: string, description?: string, snapBytes = 0): Uint8Array => {
  const options: Array<OptionEntry> = [[Option.INTERFACE_NAME, encode(name)]]
  if (description !== undefined) options.push([Option.INTERFACE_DESCRIPTION, encode(description)])
  options.push([Option.TIME_RESOLUTION, Uint8Array.of(NANOSECONDS)])
  return block(BlockType.INTERFACE, 8, options, (view) => {
    view.setUint16(0, ETHERNET, true)
    view.setUint32(4, snapBytes, true)
  })
}

const u64 = (value: number): Uint8Array => {
  const octets = new Uint8Array(8)
  new DataView(octets.buffer).setBigUint64(0, BigInt(value), true)
  return octets
}

/** How an interface has fared until a time: frames written, and frames missed. The last one of each counts. */
export const statisticsBlock = (statistics: {
  readonly interfaceNumber: number
  readonly timeNs: bigint
  readonly delivered: number
  readonly missed: number
}): Uint8Array => {
  const { delivered, interfaceNumber, missed, timeNs } = statistics
  const options: ReadonlyArray<OptionEntry> = [
    [Option.DROPPED_FRAMES, u64(missed)],
    [Option.DELIVERED_FRAMES, u64(delivered)]
  ]
  return block(BlockType.STATISTICS, 12, options, (view) => {
    view.setUint32(0, interfaceNumber, true)
    view.setUint32(4, Number(timeNs >> 32n), true)
    view.setUint32(8, Number(timeNs & 0xffffffffn), true)
  })
}

/** One frame as it was seen on an interface. */
export interface WrittenFrame {
  readonly interfaceNumber: number
  readonly timeNs: bigint
  readonly octets: Uint8Array
  readonly originalBytes: number
  readonly direction: Direction
  readonly comment: string | undefined
}

export const packetBlock = (frame: WrittenFrame): Uint8Array => {
  const { comment, direction, interfaceNumber, octets, originalBytes, timeNs } = frame
  const options: Array<OptionEntry> = []
  if (comment !== undefined) options.push([Option.COMMENT, encode(comment)])
  if (direction !== undefined) {
    const flag = direction === "inbound" ? DirectionFlag.INBOUND : DirectionFlag.OUTBOUND
    options.push([Option.PACKET_FLAGS, u32(flag)])
  }
  return block(BlockType.ENHANCED_PACKET, 20 + padded(octets.length), options, (view, body) => {
    view.setUint32(0, interfaceNumber, true)
    view.setUint32(4, Number((timeNs >> 32n) & 0xffffffffn), true)
    view.setUint32(8, Number(timeNs & 0xffffffffn), true)
    view.setUint32(12, octets.length, true)
    view.setUint32(16, originalBytes, true)
    body.set(octets, 20)
  })
}
