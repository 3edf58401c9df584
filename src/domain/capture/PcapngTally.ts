import { BlockType, FRAME_BYTES, Option, padded } from "./PcapngBlock.ts"

/**
 * Looks at a capture as it passes in pieces, least octet first: cuts it at the ends of blocks, so that it can be ended
 * anywhere and still be a capture, and counts.
 */
export class PcapngTally {
  frames = 0
  /** By interface, as its latest statistics say. */
  readonly #missed = new Map<number, number>()
  #rest: Uint8Array = new Uint8Array(0)

  /** What is known to have been missed. */
  get missed(): number {
    return [...this.#missed.values()].reduce((sum, frames) => sum + frames, 0)
  }

  /** Takes the next piece; returns the blocks that are whole by now. */
  take(piece: Uint8Array): Uint8Array {
    const octets = this.#rest.length === 0 ? piece : joined(this.#rest, piece)
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
    let at = 0
    while (octets.length - at >= FRAME_BYTES) {
      const bytes = Math.max(FRAME_BYTES, view.getUint32(at + 4, true))
      if (octets.length - at < bytes) break
      this.#count(view, at, at + bytes - 4)
      at += bytes
    }
    this.#rest = octets.slice(at)
    return octets.subarray(0, at)
  }

  #count(view: DataView, start: number, end: number): void {
    const type = view.getUint32(start, true)
    if (type === BlockType.ENHANCED_PACKET) this.frames++
    if (type !== BlockType.STATISTICS) return
    for (let at = start + 20; at + 4 <= end;) {
      const code = view.getUint16(at, true)
      const bytes = view.getUint16(at + 2, true)
      if (code === Option.DROPPED_FRAMES && bytes === 8 && at + 12 <= end) {
        this.#missed.set(view.getUint32(start + 8, true), Number(view.getBigUint64(at + 4, true)))
      }
      at += 4 + padded(bytes)
    }
  }
}

const joined = (one: Uint8Array, other: Uint8Array): Uint8Array => {
  const octets = new Uint8Array(one.length + other.length)
  octets.set(one)
  octets.set(other, one.length)
  return octets
}
