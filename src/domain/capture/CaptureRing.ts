import { Reason } from "../Reason.ts"

/**
 * Frames on their way from the forwarding thread to whoever captures: a ring in shared memory with one writer and one
 * reader, neither of whom ever waits for the other.
 *
 * A record is a head of 32-bit words, see {@link Word}, and then the frame's octets, in cells of eight octets, always
 * in one piece; what is left at the ring's end is padded. A record that does not fit is missed and counted, in all and
 * by port, by what it was ({@link Miss}), for not everybody wants all of that; and the next one tells how many were.
 */
export interface CaptureRing {
  readonly memory: ArrayBufferLike
  readonly control: Int32Array<ArrayBufferLike>
  /** What is wanted of each port: {@link Interest}. The reader sets it. */
  readonly interest: Uint8Array<ArrayBufferLike>
  /** Frames missed, `[port][Miss]`; wraps. The writer counts. */
  readonly missedAt: Uint32Array<ArrayBufferLike>
  readonly words: Uint32Array<ArrayBufferLike>
  readonly bytes: Uint8Array<ArrayBufferLike>
  /** Cells, a power of two. */
  readonly cells: number
  /** What {@link write} writes next. The writer's own. */
  readonly entry: RecordHead
  /** Cells written, shown to the reader or not. The writer's own; wraps. */
  head: number
}

/** What the ring holds of one frame besides its octets. */
export interface RecordHead {
  kind: number
  /** Where it was seen. */
  port: number
  /** Inbound: where to, or -1 for a flood. Outbound: where from. */
  other: number
  /** `Reason`s. */
  reason: number
  tapReason: number
  /** User at the port. */
  uid: number
  /** Octets that the frame has; more than are here if it was cut. */
  originalBytes: number
  /** Since 1970. */
  seconds: number
  nanoseconds: number
  /** The writer's own mark. */
  tag: number
}

/** One frame, as the reader sees it. */
export interface CaptureRecord extends RecordHead {
  /** Frames missed until then, of all ports and of this one. */
  missed: Misses
  missedAtPort: Misses
  /** In the ring: meaningful only while it is visited. */
  octets: Uint8Array<ArrayBufferLike>
}

export const RecordKind = { INBOUND: 0, OUTBOUND: 1, VOID: 2, PAD: 3 } as const

/** What a missed frame was: of a port, and passed; of a port, and denied, or kept from the host; sent to a port. */
export const Miss = { PASSED: 0, DENIED: 1, SENT: 2 } as const
const MISS_KINDS = 3

/** Numbers of missed frames by `Miss`; each wraps at 2^32. */
export type Misses = readonly [passed: number, denied: number, sent: number]

/** What is wanted of a port: what it sends and is denied, all that it sends, what is sent to it. */
export const Interest = { DENIED: 1, RECEIVED: 2, SENT: 4 } as const

/** What the writer does: nothing; copy; only count what it would have copied; and whether any port wants `SENT`. */
export const Mode = { OFF: 0, COPY: 1, COUNT: 2, SENT: 4 } as const

/** Words of `control`, those of each side on a cache line of their own; of `MISSED` one for each `Miss`. */
const HEAD = 0
const MISSED = 1
const TAIL = 16
/** 1 while the reader waits for this word to be notified; {@link publish} does so. */
export const SLEEPING = 17
const MODE = 32
const SNAP = 33
const CONTROL_BYTES = 256

/** Words of a record: its length in cells and its kind, as padding has them, and then what is known of its frame. */
const Word = {
  length: 0,
  kind: 1,
  port: 2,
  other: 3,
  /** `reason` in the lowest octet, `tapReason` above it. */
  reasons: 4,
  uid: 5,
  originalBytes: 6,
  /** Octets that are here. */
  capturedBytes: 7,
  seconds: 8,
  nanoseconds: 9,
  tag: 10,
  /** One for each `Miss`, in all and of the port. */
  missed: 11,
  missedAtPort: 14,
  /** The frame's; a cell begins here. */
  octets: 18
} as const

const dataStart = (portCount: number): number => Math.ceil((CONTROL_BYTES + portCount * (MISS_KINDS * 4 + 1)) / 64) * 64

/** Octets of the memory that `make` needs. @param ringBytes a power of two. */
export const byteLengthFor = (portCount: number, ringBytes: number): number => dataStart(portCount) + ringBytes

/** @param memory `byteLengthFor` octets of zeros, or what another thread has made a ring of. */
export const make = (
  portCount: number,
  ringBytes: number,
  memory: ArrayBufferLike = new SharedArrayBuffer(byteLengthFor(portCount, ringBytes))
): CaptureRing => ({
  memory,
  control: new Int32Array(memory, 0, CONTROL_BYTES / 4),
  missedAt: new Uint32Array(memory, CONTROL_BYTES, portCount * MISS_KINDS),
  interest: new Uint8Array(memory, CONTROL_BYTES + portCount * MISS_KINDS * 4, portCount),
  words: new Uint32Array(memory, dataStart(portCount), ringBytes / 4),
  bytes: new Uint8Array(memory, dataStart(portCount), ringBytes),
  cells: ringBytes / 8,
  entry: {
    kind: 0, port: 0, other: 0, reason: 0, tapReason: 0, uid: 0, originalBytes: 0, seconds: 0, nanoseconds: 0, tag: 0
  },
  head: 0
})

/** What the writer is to do: asked once a batch. */
export const mode = ({ control }: CaptureRing): number => control[MODE]!

/** @param snapBytes octets of each frame that are copied at most. */
export const setMode = ({ control }: CaptureRing, mode: number, snapBytes: number): void => {
  control[SNAP] = snapBytes
  Atomics.store(control, MODE, mode)
}

/** Frames missed so far. */
export const missed = ({ control }: CaptureRing): Misses => [
  Atomics.load(control, MISSED) >>> 0,
  Atomics.load(control, MISSED + 1) >>> 0,
  Atomics.load(control, MISSED + 2) >>> 0
]

/** Frames of a port missed so far. */
export const missedAt = ({ missedAt }: CaptureRing, port: number): Misses => missesIn(missedAt, port * MISS_KINDS)

const missesIn = (words: Uint32Array<ArrayBufferLike>, at: number): Misses =>
  [words[at]!, words[at + 1]!, words[at + 2]!]

/** Counts the frame of the entry as missed. The writer's. */
export const miss = ({ control, entry, missedAt }: CaptureRing): void => {
  const { kind, port, reason, tapReason } = entry
  const passed = reason === Reason.PASS && tapReason === Reason.PASS
  const miss = kind === RecordKind.OUTBOUND ? Miss.SENT : passed ? Miss.PASSED : Miss.DENIED
  missedAt[port * MISS_KINDS + miss]! += 1
  control[MISSED + miss]! += 1
}

/**
 * Writes the entry and the octets that belong to it, not yet for the reader to see; false if there is no room.
 *
 * @param source the arena that the frame lies in, and the word at which it begins.
 */
export const write = (
  ring: CaptureRing,
  source: Uint32Array<ArrayBufferLike>,
  start: number,
  bytes: number
): boolean => {
  const { cells, control, entry, missedAt, words } = ring
  const captured = Math.min(bytes, control[SNAP]!)
  const payload = ((captured + 7) >>> 3) * 2
  const length = (Word.octets + payload) >>> 1
  const place = ring.head & (cells - 1)
  const pad = cells - place < length ? cells - place : 0
  const used = (ring.head - Atomics.load(control, TAIL)) | 0
  if (used + pad + length > cells) {
    return false
  }
  if (pad > 0) {
    words[place * 2 + Word.length] = pad
    words[place * 2 + Word.kind] = RecordKind.PAD
  }
  const at = pad > 0 ? 0 : place * 2
  words[at + Word.length] = length
  words[at + Word.kind] = entry.kind
  words[at + Word.port] = entry.port
  words[at + Word.other] = entry.other
  words[at + Word.reasons] = entry.reason | (entry.tapReason << 8)
  words[at + Word.uid] = entry.uid
  words[at + Word.originalBytes] = entry.originalBytes
  words[at + Word.capturedBytes] = captured
  words[at + Word.seconds] = entry.seconds
  words[at + Word.nanoseconds] = entry.nanoseconds
  words[at + Word.tag] = entry.tag
  // Outside the loops: V8 would look `Word` up again each time.
  const missedAll = at + Word.missed
  const missedHere = at + Word.missedAtPort
  const row = entry.port * MISS_KINDS
  for (let miss = 0; miss < MISS_KINDS; miss++) {
    words[missedAll + miss] = control[MISSED + miss]!
    words[missedHere + miss] = missedAt[row + miss]!
  }
  const octets = at + Word.octets
  for (let i = 0; i < payload; i++) words[octets + i] = source[start + i]!
  ring.head = (ring.head + pad + length) | 0
  return true
}

/** Withdraws those of the records not yet shown whose tag has something other than 0 in `failed`. */
export const withdraw = (ring: CaptureRing, failed: Uint8Array<ArrayBufferLike>): void => {
  const { cells, control, words } = ring
  for (let at = control[HEAD]!; at !== ring.head;) {
    const record = (at & (cells - 1)) * 2
    const isPad = words[record + Word.kind] === RecordKind.PAD
    if (!isPad && failed[words[record + Word.tag]!] !== 0) words[record + Word.kind] = RecordKind.VOID
    at = (at + words[record + Word.length]!) | 0
  }
}

/** Shows the reader what has been written, and wakes it if it sleeps. */
export const publish = (ring: CaptureRing): void => {
  const { control } = ring
  if (control[HEAD] === ring.head) return
  Atomics.store(control, HEAD, ring.head)
  if (Atomics.load(control, SLEEPING) === 0) return
  Atomics.store(control, SLEEPING, 0)
  Atomics.notify(control, SLEEPING)
}

/** Visits all that the ring holds now, in the order of writing. Each record is free again after its visit. */
export const drain = (ring: CaptureRing, visit: (record: CaptureRecord) => void): void => {
  const { bytes, cells, control, words } = ring
  const head = Atomics.load(control, HEAD)
  for (let tail = control[TAIL]!; tail !== head;) {
    const at = (tail & (cells - 1)) * 2
    const kind = words[at + Word.kind]!
    if (kind === RecordKind.INBOUND || kind === RecordKind.OUTBOUND) {
      const octetsAt = (at + Word.octets) * 4
      visit({
        kind,
        port: words[at + Word.port]!,
        other: words[at + Word.other]! | 0,
        reason: words[at + Word.reasons]! & 0xff,
        tapReason: words[at + Word.reasons]! >>> 8,
        uid: words[at + Word.uid]!,
        originalBytes: words[at + Word.originalBytes]!,
        seconds: words[at + Word.seconds]!,
        nanoseconds: words[at + Word.nanoseconds]!,
        tag: words[at + Word.tag]!,
        missed: missesIn(words, at + Word.missed),
        missedAtPort: missesIn(words, at + Word.missedAtPort),
        octets: bytes.subarray(octetsAt, octetsAt + words[at + Word.capturedBytes]!)
      })
    }
    tail = (tail + words[at + Word.length]!) | 0
    Atomics.store(control, TAIL, tail)
  }
}

/** Whether there is nothing to drain. The reader's. */
export const isEmpty = ({ control }: CaptureRing): boolean => Atomics.load(control, HEAD) === control[TAIL]
