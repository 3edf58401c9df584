import { constants } from "node:os"
import type { Binding, NativeExchange } from "../../../src/adapters/native/Binding.ts"
import { Bounds } from "../../../src/domain/Bounds.ts"
import * as Batch from "../../../src/domain/FrameBatch.ts"
import * as Plan from "../../../src/domain/SendPlan.ts"
import { EVENT_WIDTH } from "../../../src/services/FrameExchange.ts"

/** One row of events, as words. */
export interface Event {
  readonly kind: number
  readonly port: number
  readonly value: number
  readonly uid: number
  readonly gid: number
  readonly pid: number
}

/** A frame that a step received. */
export interface Received {
  readonly port: number
  readonly size: number
  readonly octets: Uint8Array
}

/** What one step did. */
export interface Outcome {
  readonly frames: ReadonlyArray<Received>
  readonly events: ReadonlyArray<Event>
  readonly failed: number
  readonly elapsedMs: number
}

/** The addon's exchange with its arrays, spoken to in frames. */
export interface TestExchange {
  readonly native: NativeExchange
  readonly batch: Batch.FrameBatch
  readonly nowMs: () => number
  /** Receives only. */
  readonly step: (timeoutMs: number) => Outcome
  /** Steps until nothing more comes, at most `stepsMax` times; all that came. */
  readonly drain: (stepsMax?: number) => { readonly frames: Array<Received>; readonly events: Array<Event> }
  /** Puts octets into a slot without judging them. */
  readonly put: (slot: number, octets: Uint8Array) => void
  /** Sends entries `[slot, egress]` and returns the outcome of each. */
  readonly send: (entries: ReadonlyArray<readonly [slot: number, egress: number]>) => Array<number>
  /** Sends one entry and waits, however long, in one step, as a switch does. */
  readonly ask: (slot: number, egress: number) => Outcome
}

/** errno of this system by symbol. */
export const errno = constants.errno

/** A frame whose first octets tell its number. */
export const numbered = (number: number, size = 60): Uint8Array => {
  const octets = new Uint8Array(size).fill(number & 0xff)
  new DataView(octets.buffer).setUint32(0, number)
  return octets
}

/** The number of a frame made by `numbered`. */
export const numberOf = ({ octets }: Received): number =>
  new DataView(octets.buffer, octets.byteOffset).getUint32(0)

/** Opens an exchange of the addon. Its arrays can be of shared memory, which the addon must not mind. */
export const open = (
  binding: Binding,
  options: {
    readonly listener?: number
    readonly trunkListener?: number
    readonly wake?: number
    readonly portCount?: number
    readonly frameBytesMax?: number
    readonly sendBufferBytes?: number
    readonly eventRows?: number
  }
): TestExchange => {
  const portCount = options.portCount ?? 8
  const batch = Batch.make(options.frameBytesMax ?? 1518)
  const plan = Plan.make(portCount)
  const events = new Int32Array((options.eventRows ?? Bounds.exchangeEvents) * EVENT_WIDTH)
  const state = new Int32Array(new SharedArrayBuffer(8))
  const clock = new Float64Array(1)
  const native = binding.openExchange({
    bytes: batch.bytes,
    size: batch.size,
    port: batch.port,
    planSlot: plan.slot,
    planEgress: plan.egress,
    planOutcome: plan.outcome,
    events,
    state,
    clock
  }, {
    slotBytes: batch.slotBytes,
    frameBytesMax: batch.frameBytesMax,
    batchFrames: Bounds.batchFrames,
    portCount,
    listener: options.listener ?? -1,
    trunkListener: options.trunkListener ?? -1,
    wake: options.wake ?? -1,
    sendBufferBytes: options.sendBufferBytes ?? Bounds.sendBufferBytes
  })
  const run = (planCount: number, timeoutMs: number): Outcome => {
    const started = performance.now()
    const count = native.step(planCount, timeoutMs)
    const elapsedMs = performance.now() - started
    batch.count = count
    return {
      frames: Array.from({ length: count }, (_, slot) => ({
        port: batch.port[slot]!,
        size: batch.size[slot]!,
        octets: Batch.frame(batch, slot).slice()
      })),
      events: Array.from({ length: state[0]! }, (_, row) => {
        const [kind, port, value, uid, gid, pid] = events.subarray(row * EVENT_WIDTH, (row + 1) * EVENT_WIDTH)
        return { kind: kind!, port: port!, value: value!, uid: uid! >>> 0, gid: gid! >>> 0, pid: pid! }
      }),
      failed: state[1]!,
      elapsedMs
    }
  }
  return {
    native,
    batch,
    nowMs: () => clock[0]!,
    step: (timeoutMs) => run(0, timeoutMs),
    drain: (stepsMax = 200) => {
      const frames: Array<Received> = []
      const told: Array<Event> = []
      for (let i = 0; i < stepsMax; i++) {
        const outcome = run(0, 0)
        if (outcome.frames.length === 0 && outcome.events.length === 0) break
        frames.push(...outcome.frames)
        told.push(...outcome.events)
      }
      return { frames, events: told }
    },
    put: (slot, octets) => {
      batch.bytes.set(octets, slot * batch.slotBytes)
      batch.size[slot] = octets.length
    },
    send: (entries) => {
      entries.forEach(([slot, egress], i) => {
        plan.slot[i] = slot
        plan.egress[i] = egress
      })
      run(entries.length, 0)
      return Array.from(plan.outcome.subarray(0, entries.length))
    },
    ask: (slot, egress) => {
      plan.slot[0] = slot
      plan.egress[0] = egress
      return run(1, -1)
    }
  }
}
