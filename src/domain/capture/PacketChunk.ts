import { BlockType, DirectionFlag, Option, padded } from "./PcapngBlock.ts"

/** Octets of a packet's block besides frame and comments: block, body, flags and end of options. */
const FIXED_BYTES = 12 + 20 + 8 + 4

/** 2^32 as nanoseconds of time stamps are cut in two. */
const WORD = 0x1_0000_0000

/** A frame to be appended. */
export interface PacketHead {
  readonly interfaceNumber: number
  /** Since 1970. */
  readonly seconds: number
  readonly nanoseconds: number
  readonly originalBytes: number
  readonly outbound: boolean
}

/** Octets that one packet takes at most. */
export const packetBytes = (octets: Uint8Array, comments: ReadonlyArray<Uint8Array>): number =>
  comments.reduce((sum, comment) => sum + 4 + padded(comment.length), FIXED_BYTES + padded(octets.length))

/**
 * Blocks of pcapng, one behind the other in one buffer that is made once: what `PcapngWriter` does for single blocks,
 * for many frames a second.
 */
export class PacketChunk {
  readonly #octets: Uint8Array
  readonly #view: DataView
  #length = 0

  constructor(bytes: number) {
    this.#octets = new Uint8Array(bytes)
    this.#view = new DataView(this.#octets.buffer)
  }

  get room(): number {
    return this.#octets.length - this.#length
  }

  /** What has been appended so far. */
  get octets(): Uint8Array {
    return this.#octets.subarray(0, this.#length)
  }

  /** A finished block. There must be room. */
  appendBlock(block: Uint8Array): void {
    this.#octets.set(block, this.#length)
    this.#length += block.length
  }

  /** A frame, its comments in UTF-8. There must be room for `packetBytes`. */
  appendPacket(head: PacketHead, octets: Uint8Array, comments: ReadonlyArray<Uint8Array>): void {
    const start = this.#length
    const view = this.#view
    // 10^9 is 2^9 times 5^9: seconds below 2^32 times 5^9 are whole numbers that a 64-bit float holds.
    const scaled = head.seconds * 1_953_125
    const high = Math.floor(scaled / 0x80_0000)
    const low = (scaled % 0x80_0000) * 512 + head.nanoseconds
    view.setUint32(start, BlockType.ENHANCED_PACKET, true)
    view.setUint32(start + 8, head.interfaceNumber, true)
    view.setUint32(start + 12, high + Math.floor(low / WORD), true)
    view.setUint32(start + 16, low % WORD, true)
    view.setUint32(start + 20, octets.length, true)
    view.setUint32(start + 24, head.originalBytes, true)
    this.#octets.set(octets, start + 28)
    let at = start + 28 + padded(octets.length)
    for (const comment of comments) {
      this.#option(at, Option.COMMENT, comment.length)
      this.#octets.set(comment, at + 4)
      at += 4 + padded(comment.length)
    }
    this.#option(at, Option.PACKET_FLAGS, 4)
    view.setUint32(at + 4, head.outbound ? DirectionFlag.OUTBOUND : DirectionFlag.INBOUND, true)
    at += 8
    this.#option(at, Option.END, 0)
    at += 8
    view.setUint32(start + 4, at - start, true)
    view.setUint32(at - 4, at - start, true)
    this.#length = at
  }

  #option(at: number, code: number, bytes: number): void {
    this.#view.setUint16(at, code, true)
    this.#view.setUint16(at + 2, bytes, true)
  }
}
