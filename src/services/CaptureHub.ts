import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Bounds } from "../domain/Bounds.ts"
import type { CaptureRing } from "../domain/capture/CaptureRing.ts"
import * as Ring from "../domain/capture/CaptureRing.ts"
import { FILTERED_BYTES } from "../domain/capture/Filter.ts"
import { CaptureSubscriber, type CaptureRequest } from "./CaptureSubscriber.ts"
import type { PortLabels } from "./PortLabels.ts"

/** The ring is looked at so often even if nothing is told of it. */
const LOOK_MS = 1000

/** Resolves when there is something to drain, or after a while. */
export const filled = async (ring: CaptureRing, timeoutMs: number): Promise<void> => {
  const { control } = ring
  Atomics.store(control, Ring.SLEEPING, 1)
  // Asked after that: what is shown from now on wakes it.
  if (Ring.isEmpty(ring)) await Atomics.waitAsync(control, Ring.SLEEPING, 1, timeoutMs).value
  Atomics.store(control, Ring.SLEEPING, 0)
}

/**
 * All captures of a switch, in the main thread: takes frames out of the ring, shows them to every subscriber, and tells
 * the forwarding thread what is wanted of it. While every subscriber is full, frames are not even copied, only counted.
 */
export class CaptureHub {
  readonly #subscribers = new Set<CaptureSubscriber>()
  readonly #ring: CaptureRing
  readonly #labels: PortLabels
  readonly #application: string
  readonly #dateMs: () => number
  readonly #some = Effect.unsafeMakeLatch()
  #lastId = 0

  /**
   * @param options.application what a file says that it was written by. @param options.dateMs whole milliseconds of the
   * time of day.
   */
  constructor(options: {
    readonly ring: CaptureRing
    readonly labels: PortLabels
    readonly application: string
    readonly dateMs: () => number
  }) {
    this.#ring = options.ring
    this.#labels = options.labels
    this.#application = options.application
    this.#dateMs = options.dateMs
  }

  /** Empties the ring now and then while there are captures, for ever. */
  readonly run: Effect.Effect<never> = Effect.forever(
    this.#some.await.pipe(
      Effect.zipRight(Effect.promise(() => filled(this.#ring, LOOK_MS))),
      Effect.zipRight(Effect.sync(() => this.drain())),
      Effect.zipRight(Effect.sleep(Bounds.captureDrainMs))
    )
  )

  /** Begins a capture; undefined if there are too many. It goes on until `close`. */
  open(request: CaptureRequest): CaptureSubscriber | undefined {
    const others = [...this.#subscribers].filter(({ request: { uid } }) => uid !== undefined)
    const own = others.filter(({ request: { uid } }) => uid === request.uid)
    const { captures, capturesPerUid } = Bounds
    if (this.#subscribers.size >= captures) return undefined
    if (request.uid !== undefined && (own.length >= capturesPerUid || others.length >= captures - capturesPerUid)) {
      return undefined
    }
    // What lies in the ring was before.
    this.drain()
    const subscriber = new CaptureSubscriber({
      id: ++this.#lastId,
      request,
      ring: this.#ring,
      labels: this.#labels,
      application: this.#application,
      dateMs: this.#dateMs
    })
    this.#subscribers.add(subscriber)
    this.#want()
    return subscriber
  }

  close(subscriber: CaptureSubscriber): void {
    this.#subscribers.delete(subscriber)
    this.#want()
  }

  /** Ends the capture of that number once all is shown to it that has come until now; false if there is none. */
  end(id: number, uid: number | undefined): boolean {
    const subscriber = [...this.#subscribers].find((subscriber) => subscriber.id === id)
    if (subscriber === undefined || uid !== undefined && subscriber.request.uid !== uid) return false
    this.drain()
    subscriber.end()
    this.#pace()
    return true
  }

  /** What a subscriber is sent, until its capture ends. */
  stream(subscriber: CaptureSubscriber): Stream.Stream<Uint8Array> {
    const take = Effect.tap(subscriber.take, () => Effect.sync(() => this.#pace()))
    return Stream.repeatEffectOption(take)
  }

  /** Shows every subscriber what the ring holds. */
  drain(): void {
    Ring.drain(this.#ring, (record) => {
      for (const subscriber of this.#subscribers) subscriber.offer(record)
    })
    for (const subscriber of this.#subscribers) subscriber.wake()
    this.#pace()
  }

  /** What is wanted of each port. */
  #want(): void {
    // In one go: for those who capture already nothing may be missing meanwhile.
    const interest = new Uint8Array(this.#ring.interest.length)
    for (const { request: { denied, port } } of this.#subscribers) {
      const { DENIED, RECEIVED, SENT } = Ring.Interest
      if (port === undefined) for (let at = 0; at < interest.length; at++) interest[at]! |= denied ? DENIED : RECEIVED
      else interest[port]! |= denied ? DENIED : RECEIVED | SENT
    }
    this.#ring.interest.set(interest)
    if (this.#subscribers.size === 0) this.#some.unsafeClose()
    else this.#some.unsafeOpen()
    this.#pace()
  }

  /** Whether frames are to be copied, and how much of each. */
  #pace(): void {
    const subscribers = [...this.#subscribers].filter(({ isEnded }) => !isEnded)
    const { COPY, COUNT, OFF, SENT } = Ring.Mode
    const sent = subscribers.some(({ request }) => request.port !== undefined && !request.denied) ? SENT : 0
    const snapBytes = subscribers.map(({ request }) =>
      Math.max(request.snapBytes, request.filter === undefined ? 0 : FILTERED_BYTES))
    const mode = subscribers.length === 0 ? OFF : (subscribers.every(({ isFull }) => isFull) ? COUNT : COPY) | sent
    Ring.setMode(this.#ring, mode, Math.max(0, ...snapBytes))
  }
}
