import { FLOOD } from "../Destination.ts"
import { TAP_PORT } from "../Bounds.ts"
import type { FrameBatch } from "../FrameBatch.ts"
import { isOpen, type Ports } from "../Ports.ts"
import { Reason } from "../Reason.ts"
import type { SendPlan } from "../SendPlan.ts"
import type { CaptureRing } from "./CaptureRing.ts"
import * as Ring from "./CaptureRing.ts"
import type { WallClock } from "./WallClock.ts"
import * as Wall from "./WallClock.ts"

/**
 * The forwarding thread's part in a capture: copies frames of a batch into the ring, in two passes.
 *
 * What a port sends is copied when its verdict is known. What is sent to a port is copied from the plan before the
 * step that sends it, for after it the slots may hold other frames; whatever the port did not take is then withdrawn,
 * and copied anew when it is tried again. While nobody captures both cost one look at a number.
 */
export interface Recorder {
  readonly ring: CaptureRing
  /** The arena of the batch, in words. */
  readonly arena: Uint32Array<ArrayBufferLike>
  readonly clock: WallClock
  /** Per entry of the plan: 1 if the ring had no room for it. All 0 but between the two passes. */
  readonly unfit: Uint8Array
  /** Whole milliseconds of the time of day. */
  readonly dateMs: () => number
}

export const make = (ring: CaptureRing, batch: FrameBatch, plan: SendPlan, dateMs: () => number): Recorder => ({
  ring,
  arena: new Uint32Array(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length >>> 2),
  clock: Wall.make(),
  unfit: new Uint8Array(plan.egress.length),
  dateMs
})

/** The monotonic clock, read once for the whole batch; asked only while somebody captures: its number is allocated. */
export interface Moment {
  readonly nowMs: number
}

/** What the passes have made of a batch. */
export interface Judged {
  readonly ports: Ports
  readonly reason: Uint8Array
  readonly tapReason: Uint8Array
  readonly destination: Int32Array
}

/** Copies what has been received and judged. @param moment when it was received. */
export const recordReceived = (recorder: Recorder, batch: FrameBatch, judged: Judged, moment: Moment): void => {
  const { arena, ring } = recorder
  const mode = Ring.mode(ring)
  if ((mode & (Ring.Mode.COPY | Ring.Mode.COUNT)) === 0) return
  const { destination, ports, reason, tapReason } = judged
  const tapIsOpen = isOpen(ports, TAP_PORT)
  if ((mode & Ring.Mode.COPY) !== 0) readClock(recorder, moment)
  for (let i = 0; i < batch.count; i++) {
    const port = batch.port[i]!
    const wanted = ring.interest[port]! & (Ring.Interest.DENIED | Ring.Interest.RECEIVED)
    if (wanted === 0) continue
    const floods = reason[i] === Reason.PASS && destination[i] === FLOOD
    const kept = floods && tapIsOpen && port !== TAP_PORT ? tapReason[i]! : Reason.PASS
    if (wanted === Ring.Interest.DENIED && reason[i] === Reason.PASS && kept === Reason.PASS) continue
    const { entry } = ring
    entry.kind = Ring.RecordKind.INBOUND
    entry.port = port
    entry.reason = reason[i]!
    entry.tapReason = kept
    if ((mode & Ring.Mode.COUNT) !== 0) {
      Ring.miss(ring)
      continue
    }
    entry.other = reason[i] === Reason.PASS ? destination[i]! : FLOOD
    entry.uid = ports.uid[port]!
    entry.originalBytes = batch.size[i]!
    const bytes = Math.min(batch.size[i]!, batch.slotBytes)
    if (!Ring.write(ring, arena, (i * batch.slotBytes) >>> 2, bytes)) Ring.miss(ring)
  }
  Ring.publish(ring)
}

/** Copies what is about to be sent. Returns whether there is any, which `settleSent` is to be told of soon. */
export const offerSent = (
  recorder: Recorder,
  batch: FrameBatch,
  plan: SendPlan,
  ports: Ports,
  moment: Moment
): boolean => {
  const { arena, ring, unfit } = recorder
  if (Ring.mode(ring) !== (Ring.Mode.COPY | Ring.Mode.SENT) || plan.count === 0) return false
  const { entry } = ring
  readClock(recorder, moment)
  entry.kind = Ring.RecordKind.OUTBOUND
  entry.reason = Reason.PASS
  entry.tapReason = Reason.PASS
  let offered = false
  for (let i = 0; i < plan.count; i++) {
    const port = plan.egress[i]!
    if ((ring.interest[port]! & Ring.Interest.SENT) === 0) continue
    const slot = plan.slot[i]!
    entry.port = port
    entry.other = batch.port[slot]!
    entry.uid = ports.uid[port]!
    entry.originalBytes = plan.size[i]!
    entry.tag = i
    if (!Ring.write(ring, arena, (slot * batch.slotBytes) >>> 2, plan.size[i]!)) unfit[i] = 1
    offered = true
  }
  return offered
}

/** The plan has been sent, or not: only what was taken is shown, or missed. */
export const settleSent = (recorder: Recorder, plan: SendPlan, offered: boolean): void => {
  const { ring, unfit } = recorder
  const counts = Ring.mode(ring) === (Ring.Mode.COUNT | Ring.Mode.SENT)
  if (!offered && !counts) return
  if (offered && plan.failed > 0) Ring.withdraw(ring, plan.outcome)
  const { entry } = ring
  entry.kind = Ring.RecordKind.OUTBOUND
  for (let i = 0; i < plan.count; i++) {
    entry.port = plan.egress[i]!
    const isMissed = offered ? unfit[i] === 1 : (ring.interest[entry.port]! & Ring.Interest.SENT) !== 0
    const isSent = plan.failed === 0 || plan.outcome[i] === 0
    if (isMissed && isSent) Ring.miss(ring)
    unfit[i] = 0
  }
  if (offered) Ring.publish(ring)
}

const readClock = ({ clock, dateMs, ring }: Recorder, { nowMs }: Moment): void => {
  Wall.read(clock, dateMs(), nowMs)
  ring.entry.seconds = clock.seconds
  ring.entry.nanoseconds = clock.nanoseconds
}
