import { Bounds } from "./Bounds.ts"

/**
 * A vector of Ethernet frames that arrived together, and the arena they lie in.
 *
 * The arena is cut into slots of `slotBytes` octets. Frame `i` of a batch lies in slot
 * `i`, which begins at octet `i * slotBytes`, and came in on port `port[i]`. Only
 * slots below `count` are meaningful. Slots from `Bounds.batchFrames` on are never
 * received into: `Backlog` keeps frames there that a full port could not take.
 *
 * Everything is allocated once. The exchange owns slots below `Bounds.batchFrames`
 * and overwrites them at each step; who reads a batch may do so until then.
 */
export interface FrameBatch {
  /** Frame octets, destination address first, no FCS. */
  readonly bytes: Uint8Array<ArrayBufferLike>
  /** The same octets in pairs: addresses are compared sixteen bits at a time. */
  readonly halves: Uint16Array<ArrayBufferLike>
  /** Octets from one slot to the next; a multiple of 64, and an odd one, so that slots spread over cache sets. */
  readonly slotBytes: number
  /** Slots in the arena: the batch's, then those of `Backlog`. */
  readonly slotCount: number
  /** Octets of each frame. More than `frameBytesMax` means that the frame was cut, and by how much is not known. */
  readonly size: Uint16Array<ArrayBufferLike>
  /** Ingress port of each frame. */
  readonly port: Uint16Array<ArrayBufferLike>
  /** Largest frame that is let through, in octets on the wire without FCS. */
  readonly frameBytesMax: number
  /** Frames present, 0 … `Bounds.batchFrames`. */
  count: number
}

/** Octets of a slot that can tell a frame of `frameBytesMax` from a longer one. */
const slotBytesFor = (frameBytesMax: number): number => {
  const lines = Math.ceil((frameBytesMax + 1) / 64)
  return (lines % 2 === 0 ? lines + 1 : lines) * 64
}

/** Allocates an arena for frames of up to `frameBytesMax` octets (14 … `Bounds.frameBytesMax`). */
export const make = (frameBytesMax: number): FrameBatch => {
  const slotBytes = slotBytesFor(frameBytesMax)
  const slotCount = Bounds.batchFrames + Bounds.backlogFrames
  const buffer = new ArrayBuffer(slotBytes * slotCount)
  return {
    bytes: new Uint8Array(buffer),
    halves: new Uint16Array(buffer),
    slotBytes,
    slotCount,
    size: new Uint16Array(slotCount),
    port: new Uint16Array(slotCount),
    frameBytesMax,
    count: 0
  }
}

/** The octets of one slot's frame; a view, valid as long as the slot is. */
export const frame = (batch: FrameBatch, slot: number): Uint8Array<ArrayBufferLike> => {
  const start = slot * batch.slotBytes
  return batch.bytes.subarray(start, start + Math.min(batch.size[slot]!, batch.slotBytes))
}

/**
 * Appends a frame to a batch; false when the batch is full. Longer than a slot, it is
 * cut and known as cut, as the kernel's own adapters do.
 */
export const append = (batch: FrameBatch, octets: Uint8Array, port: number): boolean => {
  if (batch.count >= Bounds.batchFrames) return false
  const slot = batch.count++
  const cut = octets.length > batch.frameBytesMax
  const kept = cut ? octets.subarray(0, batch.frameBytesMax) : octets
  batch.bytes.set(kept, slot * batch.slotBytes)
  batch.size[slot] = cut ? batch.frameBytesMax + 1 : octets.length
  batch.port[slot] = port
  return true
}
