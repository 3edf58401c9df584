import { Bounds } from "../../domain/Bounds.ts"
import * as Batch from "../../domain/FrameBatch.ts"
import * as Plan from "../../domain/SendPlan.ts"
import { EVENT_WIDTH, type HandoverExchange, type TapLink } from "../../services/FrameExchange.ts"
import type { Binding } from "./Binding.ts"

/** An exchange whose thread can rest, and begin before there is a listener. */
export interface NativeFrameExchange extends HandoverExchange {
  /** Waits for a wake and for nothing else. */
  readonly park: () => void
  /** Accepts from this listener at an {@link Entrance} that has none. 0 or an errno. */
  readonly listen: (entrance: number, listener: number) => number
}

const numbersOf = ({ mac: { hi, lo }, mtuBytes }: TapLink) => [hi, lo, mtuBytes] as const

/**
 * The exchange of a real kernel. Belongs to the thread that opens it.
 *
 * @param options.listener descriptor of the guests' listening socket, or -1; `trunkListener` of the trunks'.
 * @param options.wake the polled end of a wake, or -1. All stay the caller's to close, after `shutdown`.
 */
export const open = (
  binding: Binding,
  options: {
    readonly frameBytesMax: number
    readonly portCount: number
    readonly listener: number
    readonly trunkListener?: number
    readonly wake: number
  }
): NativeFrameExchange => {
  const batch = Batch.make(options.frameBytesMax)
  const plan = Plan.make(options.portCount)
  const events = { rows: new Int32Array(Bounds.exchangeEvents * EVENT_WIDTH), count: 0 }
  const state = new Int32Array(2)
  const clock = new Float64Array(1)
  const native = binding.openExchange({
    bytes: batch.bytes,
    size: batch.size,
    port: batch.port,
    planSlot: plan.slot,
    planEgress: plan.egress,
    planOutcome: plan.outcome,
    events: events.rows,
    state,
    clock
  }, {
    slotBytes: batch.slotBytes,
    frameBytesMax: batch.frameBytesMax,
    batchFrames: Bounds.batchFrames,
    portCount: options.portCount,
    listener: options.listener,
    trunkListener: options.trunkListener ?? -1,
    wake: options.wake,
    sendBufferBytes: Bounds.sendBufferBytes
  })
  const { step } = native
  // Without an accessor: V8 keeps an object literal that has one as a hash table, and looks up every member in it.
  const exchange: { -readonly [Member in keyof NativeFrameExchange]: NativeFrameExchange[Member] } = {
    batch,
    plan,
    events,
    nowMs: clock[0]!,
    step: (timeoutMs) => {
      batch.count = step(plan.count, Math.ceil(timeoutMs))
      events.count = state[0]!
      plan.failed = state[1]!
      exchange.nowMs = clock[0]!
    },
    send: () => {
      native.send(plan.count)
      plan.failed = state[1]!
      exchange.nowMs = clock[0]!
    },
    restTap: native.restTap,
    park: () => native.park(-1),
    listen: native.listen,
    handleOf: native.descriptor,
    admit: native.admit,
    refuse: native.refuse,
    attachTap: (handle, known) => native.attachTap(handle, ...(known === undefined ? [] : numbersOf(known))),
    detachTap: native.detachTap,
    close: native.close,
    pause: native.pause,
    resume: native.resume,
    restListeners: native.restListeners,
    shutdown: native.shutdown
  }
  return exchange
}
