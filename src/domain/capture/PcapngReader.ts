import { Bounds } from "../Bounds.ts"
import type { CapturedFrame, CaptureFault, CaptureReader, Direction, OctetSource } from "./CapturedFrame.ts"
import { ETHERNET, faultAt, linkFault } from "./CapturedFrame.ts"
import { BlockType, BYTE_ORDER, DirectionFlag, FRAME_BYTES, INTERFACES_MAX, Option, padded } from "./PcapngBlock.ts"

/** Octets of a block that is read whole: a frame and generous comments. Others are skipped at any length. */
const BLOCK_BYTES_MAX = Bounds.captureSnapBytesMax + 65_536
const SKIP_BYTES = 65_536
const DEFAULT_RESOLUTION = 6
const SECOND_NS = 1_000_000_000n

interface Interface {
  readonly name: string | undefined
  readonly linkType: number
  readonly snapBytes: number
  readonly fcsBytes: number
  /** Nanoseconds since 1970 of a time stamp. */
  readonly timeNs: (ticks: bigint) => bigint
}

interface Block {
  readonly type: number
  readonly body: DataView
}

const viewOf = (octets: Uint8Array): DataView => new DataView(octets.buffer, octets.byteOffset, octets.length)
const octetsOf = (view: DataView, from: number, to: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + from, to - from)

/** @param magic the first four octets, read already. Undefined if it is not of this format. */
export const open = (magic: Uint8Array, source: OctetSource): CaptureReader | CaptureFault | undefined => {
  if (viewOf(magic).getUint32(0) !== BlockType.SECTION_HEADER) return undefined
  const reader = new PcapngReader(source)
  const fault = reader.begin()
  return fault ?? { interfaces: reader.interfaces, next: () => reader.next() }
}

class PcapngReader {
  readonly interfaces: Array<Interface> = []
  readonly #source: OctetSource
  #little = true
  /** Octets read so far. */
  #at = 4
  /** Where the interfaces of this section begin. */
  #sectionStart = 0

  constructor(source: OctetSource) {
    this.#source = source
  }

  /** Reads the rest of the first section's header. */
  begin(): CaptureFault | undefined {
    return this.#section()
  }

  next(): CapturedFrame | CaptureFault | undefined {
    for (;;) {
      const block = this.#block()
      if (block === undefined || "fault" in block) return block
      const { body, type } = block
      switch (type) {
        case BlockType.INTERFACE: {
          const fault = this.#interface(body)
          if (fault !== undefined) return fault
          break
        }
        case BlockType.ENHANCED_PACKET:
          return this.#packet(body, 20, body.byteLength >= 4 ? body.getUint32(0, this.#little) : 0)
        case BlockType.PACKET:
          return this.#packet(body, 20, body.byteLength >= 2 ? body.getUint16(0, this.#little) : 0)
        case BlockType.SIMPLE_PACKET:
          return this.#simplePacket(body)
      }
    }
  }

  #read(count: number): Uint8Array {
    const octets = this.#source.read(count)
    this.#at += octets.length
    return octets
  }

  /** The next block that is of interest, others are skipped; undefined at the end. */
  #block(): Block | CaptureFault | undefined {
    for (;;) {
      const start = this.#at
      const type = this.#read(4)
      if (type.length === 0) return undefined
      if (type.length < 4) return faultAt("a block is cut", start)
      if (viewOf(type).getUint32(0) === BlockType.SECTION_HEADER) {
        const fault = this.#section()
        if (fault !== undefined) return fault
        continue
      }
      const length = this.#read(4)
      if (length.length < 4) return faultAt("a block is cut", start)
      const bytes = viewOf(length).getUint32(0, this.#little)
      if (bytes < FRAME_BYTES || bytes % 4 !== 0) return faultAt(`a block of ${bytes} octets cannot be`, start)
      const number = viewOf(type).getUint32(0, this.#little)
      if (!isRead(number)) {
        if (!this.#skip(bytes - 8)) return faultAt("a block is cut", start)
        continue
      }
      if (bytes > BLOCK_BYTES_MAX) return faultAt(`a block of ${bytes} octets is longer than any`, start)
      const rest = this.#read(bytes - 8)
      if (rest.length < bytes - 8) return faultAt("a block is cut", start)
      const view = viewOf(rest)
      if (view.getUint32(rest.length - 4, this.#little) !== bytes) {
        return faultAt("a block's two lengths are not equal", start)
      }
      return { type: number, body: viewOf(rest.subarray(0, rest.length - 4)) }
    }
  }

  #skip(count: number): boolean {
    for (let left = count; left > 0;) {
      const got = this.#read(Math.min(left, SKIP_BYTES)).length
      if (got === 0) return false
      left -= got
    }
    return true
  }

  /** Reads a section's header behind its type. Each section has its own order of octets and its own interfaces. */
  #section(): CaptureFault | undefined {
    const start = this.#at - 4
    const head = this.#read(8)
    if (head.length < 8) return faultAt("a section's header is cut", start)
    const view = viewOf(head)
    const order = [true, false].find((little) => view.getUint32(4, little) === BYTE_ORDER)
    if (order === undefined) return faultAt("a section's header has no order of octets", start)
    this.#little = order
    const bytes = view.getUint32(0, order)
    if (bytes < 28 || bytes % 4 !== 0) return faultAt(`a section's header of ${bytes} octets cannot be`, start)
    const version = this.#read(4)
    if (version.length < 4) return faultAt("a section's header is cut", start)
    const major = viewOf(version).getUint16(0, order)
    if (major !== 1) return faultAt(`a section of version ${major} is not known`, start)
    if (!this.#skip(bytes - 16)) return faultAt("a section's header is cut", start)
    this.#sectionStart = this.interfaces.length
    return undefined
  }

  #interface(body: DataView): CaptureFault | undefined {
    if (body.byteLength < 8) return faultAt("an interface's block is too short", this.#at)
    if (this.interfaces.length >= INTERFACES_MAX) return faultAt(`more than ${INTERFACES_MAX} interfaces`, this.#at)
    const options = optionsOf(body, 8, this.#little)
    const name = options.get(Option.INTERFACE_NAME)
    this.interfaces.push({
      name: name === undefined ? undefined : text(name),
      linkType: body.getUint16(0, this.#little),
      snapBytes: body.getUint32(4, this.#little),
      fcsBytes: options.get(Option.FCS_BYTES)?.[0] ?? 0,
      timeNs: clock(options, this.#little)
    })
    return undefined
  }

  /** An enhanced packet, or the older packet block, which differ in how they name the interface. */
  #packet(body: DataView, headBytes: number, interfaceId: number): CapturedFrame | CaptureFault {
    if (body.byteLength < headBytes) return faultAt("a packet's block is too short", this.#at)
    const bytes = body.getUint32(12, this.#little)
    if (bytes > body.byteLength - headBytes) return faultAt("a frame is longer than its block", this.#at)
    const options = optionsOf(body, headBytes + padded(bytes), this.#little)
    const flags = options.get(Option.PACKET_FLAGS)
    const ticks = (BigInt(body.getUint32(4, this.#little)) << 32n) | BigInt(body.getUint32(8, this.#little))
    const octets = octetsOf(body, headBytes, headBytes + bytes)
    return this.#frame(interfaceId, ticks, octets, body.getUint32(16, this.#little), {
      flags: flags?.length === 4 ? viewOf(flags).getUint32(0, this.#little) : 0,
      comment: options.get(Option.COMMENT)
    })
  }

  #simplePacket(body: DataView): CapturedFrame | CaptureFault {
    if (body.byteLength < 4) return faultAt("a packet's block is too short", this.#at)
    const original = body.getUint32(0, this.#little)
    const snapBytes = this.interfaces[this.#sectionStart]?.snapBytes ?? 0
    const bytes = Math.min(original, snapBytes === 0 ? original : snapBytes)
    if (bytes > body.byteLength - 4) return faultAt("a frame is longer than its block", this.#at)
    return this.#frame(0, 0n, octetsOf(body, 4, 4 + bytes), original, { flags: 0, comment: undefined })
  }

  #frame(
    interfaceId: number,
    ticks: bigint,
    octets: Uint8Array,
    originalBytes: number,
    { comment, flags }: { readonly flags: number; readonly comment: Uint8Array | undefined }
  ): CapturedFrame | CaptureFault {
    const interfaceIndex = this.#sectionStart + interfaceId
    const on = this.interfaces[interfaceIndex]
    if (on === undefined) return faultAt(`a frame on interface ${interfaceId}, of which nothing is said`, this.#at)
    if (on.linkType !== ETHERNET) return linkFault(on.linkType)
    // The packet's own word on its check sequence, if it has one, is the better one.
    const fcsBytes = (flags >>> 5) & 15 || on.fcsBytes
    const here = originalBytes > octets.length ? octets.length : Math.max(0, octets.length - fcsBytes)
    return {
      octets: octets.slice(0, here),
      originalBytes: Math.max(0, originalBytes - fcsBytes),
      timeNs: on.timeNs(ticks),
      interfaceIndex,
      direction: directionOf(flags),
      comment: comment === undefined ? undefined : text(comment)
    }
  }
}

const isRead = (type: number): boolean =>
  type === BlockType.INTERFACE || type === BlockType.PACKET ||
  type === BlockType.SIMPLE_PACKET || type === BlockType.ENHANCED_PACKET

const directionOf = (flags: number): Direction => {
  const bits = flags & 3
  return bits === DirectionFlag.INBOUND ? "inbound" : bits === DirectionFlag.OUTBOUND ? "outbound" : undefined
}

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)

/** The first option of each kind; what is cut, and what is behind it, is left out. */
const optionsOf = (body: DataView, from: number, little: boolean): ReadonlyMap<number, Uint8Array> => {
  const options = new Map<number, Uint8Array>()
  for (let at = from; at + 4 <= body.byteLength;) {
    const code = body.getUint16(at, little)
    const bytes = body.getUint16(at + 2, little)
    if (code === Option.END || at + 4 + bytes > body.byteLength) break
    if (!options.has(code)) options.set(code, octetsOf(body, at + 4, at + 4 + bytes))
    at += 4 + padded(bytes)
  }
  return options
}

/** How the time stamps of an interface are read. */
const clock = (options: ReadonlyMap<number, Uint8Array>, little: boolean): Interface["timeNs"] => {
  const resolution = options.get(Option.TIME_RESOLUTION)?.[0] ?? DEFAULT_RESOLUTION
  const offset = options.get(Option.TIME_OFFSET)
  const offsetNs = offset?.length === 8 ? viewOf(offset).getBigInt64(0, little) * SECOND_NS : 0n
  const exponent = BigInt(resolution & 127)
  const perSecond = (resolution & 128) === 0 ? 10n ** exponent : 2n ** exponent
  return (ticks) => ticks * SECOND_NS / perSecond + offsetNs
}
