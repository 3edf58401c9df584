import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Bounds } from "../domain/Bounds.ts"
import type { CaptureRecord, CaptureRing, Misses } from "../domain/capture/CaptureRing.ts"
import * as Ring from "../domain/capture/CaptureRing.ts"
import type { Filter } from "../domain/capture/Filter.ts"
import { packetBytes, PacketChunk } from "../domain/capture/PacketChunk.ts"
import { NEXT_GUESTS_MAX } from "../domain/capture/PcapngBlock.ts"
import * as Writer from "../domain/capture/PcapngWriter.ts"
import { verdictText } from "../domain/capture/Verdict.ts"
import { Reason } from "../domain/Reason.ts"
import type { PortLabels } from "./PortLabels.ts"

/** What one who captures wants. */
export interface CaptureRequest {
  /** Undefined: what all ports send; else also what is sent to that one. */
  readonly port: number | undefined
  /** Only what is denied, or kept from the host. */
  readonly denied: boolean
  readonly filter: Filter | undefined
  /** After so many frames it ends. */
  readonly framesMax: number
  /** Octets of each frame. */
  readonly snapBytes: number
  /** Sees only frames of ports of this user; undefined: of all. */
  readonly uid: number | undefined
}

/** One port, or one after another of its guests, in the file. */
interface Interface {
  readonly number: number
  readonly port: number
  /** Who was there when it was announced. */
  readonly holder: unknown
  delivered: number
  missed: number
}

const CHUNK_BYTES = 65_536
/** Verdicts that are kept as they are written. */
const VERDICTS_MAX = 4096
const encoder = new TextEncoder()

/**
 * One capture: what it wants, and what waits for it as pcapng, bounded. What comes while that is full is missed, and
 * the next frame that is not says how much.
 */
export class CaptureSubscriber {
  readonly id: number
  readonly request: CaptureRequest
  /** It takes no more until it has read half of what waits. */
  isFull = false
  readonly #ring: CaptureRing
  readonly #labels: PortLabels
  readonly #application: string
  readonly #dateMs: () => number
  readonly #queue: Array<Uint8Array> = []
  #chunk = new PacketChunk(CHUNK_BYTES)
  #queuedBytes = 0
  readonly #interfaces: Array<Interface> = []
  readonly #latest = new Map<number, Interface>()
  readonly #verdicts = new Map<number, Uint8Array>()
  /** The ring's counts of missed frames by port when this began, and of those it would have had as last seen. */
  readonly #missedAtStart: ReadonlyArray<number>
  #missedSeen: number
  /** Missed since the last frame that was delivered. */
  #gap = 0
  #delivered = 0
  #isEnded = false
  #resume: (() => void) | undefined

  /** @param options.dateMs whole milliseconds of the time of day: when it ended. */
  constructor(options: {
    readonly id: number
    readonly request: CaptureRequest
    readonly ring: CaptureRing
    readonly labels: PortLabels
    readonly application: string
    readonly dateMs: () => number
  }) {
    this.id = options.id
    this.request = options.request
    this.#ring = options.ring
    this.#labels = options.labels
    this.#application = options.application
    this.#dateMs = options.dateMs
    const { port } = this.request
    this.#missedAtStart = this.#missedByPort()
    this.#missedSeen = this.#wanted(port === undefined ? Ring.missed(this.#ring) : Ring.missedAt(this.#ring, port))
    this.#append(Writer.sectionHeader(this.#application))
    for (const open of port === undefined ? this.#labels.open() : [port]) this.#announce(open)
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Looks at a frame, and queues it if it is wanted. */
  offer(record: CaptureRecord): void {
    const { denied, filter, framesMax, port, snapBytes, uid } = this.request
    if (this.#isEnded) return
    if (port === undefined ? record.kind === Ring.RecordKind.OUTBOUND : record.port !== port) return
    const missed = this.#wanted(port === undefined ? record.missed : record.missedAtPort)
    this.#gap += (missed - this.#missedSeen) >>> 0
    this.#missedSeen = missed
    if (uid !== undefined && record.uid !== uid) return
    if (denied && record.reason === Reason.PASS && record.tapReason === Reason.PASS) return
    if (filter !== undefined && !filter.matches(record.octets, record.originalBytes)) return
    const on = this.#interfaceOf(record.port)
    const octets = record.octets.subarray(0, snapBytes)
    const comments = [this.#verdict(record)]
    if (this.#gap > 0) comments.unshift(encoder.encode(`${this.#gap} missed before this one`))
    if (this.isFull || this.#queuedBytes + packetBytes(octets, comments) > Bounds.captureQueueBytes) {
      this.isFull = true
      on.missed++
      this.#gap++
      return
    }
    this.#makeRoom(packetBytes(octets, comments))
    const before = this.#chunk.octets.length
    const { nanoseconds, originalBytes, seconds } = record
    const outbound = record.kind === Ring.RecordKind.OUTBOUND
    this.#chunk.appendPacket({ interfaceNumber: on.number, seconds, nanoseconds, originalBytes, outbound }, octets,
      comments)
    this.#queuedBytes += this.#chunk.octets.length - before
    this.#gap = 0
    on.delivered++
    if (++this.#delivered >= framesMax) this.end()
  }

  /** Says how each interface has fared; what waits can still be taken. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { port } = this.request
    for (const [at, missed] of this.#missedByPort().entries()) {
      const unseen = (missed - this.#missedAtStart[at]!) >>> 0
      if (unseen > 0 && (port === undefined || at === port)) this.#interfaceOf(at).missed += unseen
    }
    const timeNs = BigInt(this.#dateMs()) * 1_000_000n
    for (const { delivered, missed, number } of this.#interfaces) {
      this.#append(Writer.statisticsBlock({ interfaceNumber: number, timeNs, delivered, missed }))
    }
    this.wake()
  }

  /** Lets whoever takes know that there may be something. */
  wake(): void {
    this.#resume?.()
    this.#resume = undefined
  }

  /** What waits, some of it at least; waits until there is any. None at the end. One may take at a time. */
  readonly take: Effect.Effect<Uint8Array, Option.Option<never>> = Effect.suspend(() => {
    if (this.#queue.length === 0 && this.#chunk.octets.length > 0) this.#closeChunk()
    const next = this.#queue.shift()
    if (next !== undefined) {
      this.#queuedBytes -= next.length
      if (this.#queuedBytes * 2 <= Bounds.captureQueueBytes) this.isFull = false
      return Effect.succeed(next)
    }
    if (this.#isEnded) return Effect.fail(Option.none())
    return Effect.zipRight(
      Effect.async<void>((resume) => {
        this.#resume = () => resume(Effect.void)
      }),
      this.take
    )
  })

  #verdict(record: CaptureRecord): Uint8Array {
    const { kind, other, reason, tapReason } = record
    const key = (((other + 1) * 2 + kind) * 128 + reason) * 128 + tapReason
    const known = this.#verdicts.get(key)
    if (known !== undefined) return known
    const text = encoder.encode(verdictText(record, this.#labels.name))
    if (this.#verdicts.size >= VERDICTS_MAX) this.#verdicts.clear()
    this.#verdicts.set(key, text)
    return text
  }

  /** How many of missed frames this one would have looked at; wraps as each does. The filter is not asked of them. */
  #wanted([passed, denied, sent]: Misses): number {
    if (this.request.denied) return denied
    return (this.request.port === undefined ? passed + denied : passed + denied + sent) >>> 0
  }

  #missedByPort(): ReadonlyArray<number> {
    return Array.from(this.#ring.interest, (_, port) => this.#wanted(Ring.missedAt(this.#ring, port)))
  }

  #interfaceOf(port: number): Interface {
    const known = this.#latest.get(port)
    const holder = this.#labels.holder(port)
    if (known === undefined) return this.#announce(port)
    const isSame = holder === undefined || holder === known.holder
    // Beyond that the next guest goes on as the one before.
    const nextGuests = this.#interfaces.length - this.#latest.size
    return isSame || nextGuests >= NEXT_GUESTS_MAX ? known : this.#announce(port)
  }

  #announce(port: number): Interface {
    const { describe, holder, name } = this.#labels
    const made = { number: this.#interfaces.length, port, holder: holder(port), delivered: 0, missed: 0 }
    this.#interfaces.push(made)
    this.#latest.set(port, made)
    this.#append(Writer.interfaceBlock(name(port), describe(port), this.request.snapBytes))
    return made
  }

  #append(block: Uint8Array): void {
    this.#makeRoom(block.length)
    this.#chunk.appendBlock(block)
    this.#queuedBytes += block.length
  }

  #makeRoom(bytes: number): void {
    if (this.#chunk.room < bytes) this.#closeChunk()
  }

  #closeChunk(): void {
    this.#queue.push(this.#chunk.octets)
    this.#chunk = new PacketChunk(CHUNK_BYTES)
  }
}
