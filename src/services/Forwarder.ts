import * as Admission from "../domain/Admission.ts"
import * as Memory from "../domain/AdmissionState.ts"
import type { AdmissionState } from "../domain/AdmissionState.ts"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import type { Counters } from "../domain/Counters.ts"
import * as Count from "../domain/Counters.ts"
import type { CaptureRing } from "../domain/capture/CaptureRing.ts"
import type { Recorder } from "../domain/capture/Recorder.ts"
import * as Recorders from "../domain/capture/Recorder.ts"
import * as Denials from "../domain/DenialWatch.ts"
import type { DenialWatch } from "../domain/DenialWatch.ts"
import * as Backlogs from "../domain/Backlog.ts"
import type { Backlog } from "../domain/Backlog.ts"
import * as Patiences from "../domain/Patience.ts"
import { judge } from "../domain/policy/Judge.ts"
import type { Policy } from "../domain/policy/Policy.ts"
import type { PortControl } from "../domain/PortControl.ts"
import * as Control from "../domain/PortControl.ts"
import type { Ports } from "../domain/Ports.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason, Refusal } from "../domain/Reason.ts"
import * as Route from "../domain/Route.ts"
import * as Stations from "../domain/Stations.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import * as Applied from "./AppliedSettings.ts"
import { EVENT_WIDTH, EventField, EventKind, type FrameExchange } from "./FrameExchange.ts"
import * as FullPorts from "./FullPorts.ts"
import * as Notices from "./Notices.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"
import * as PortLife from "./PortLife.ts"

/** Stations a turn looks at for their age: the whole table within a thousand turns. */
const SWEEP_PER_TURN = 2

/**
 * The forwarding loop: the state of the data plane and one function that moves a batch.
 *
 * Owned by one thread. Plain functions, run per batch; nothing here waits except the exchange's `step`.
 */
export interface Forwarder {
  readonly exchange: FrameExchange
  readonly counters: Counters
  readonly ports: Ports
  readonly control: PortControl
  /** What is remembered of guests: who owns which address. */
  readonly memory: AdmissionState
  readonly backlog: Backlog
  /** Which denials have been told lately. */
  readonly denials: DenialWatch
  readonly notify: (notice: PlaneNotice) => void
  /** Notices so far, and how many of them have been dealt with, if anybody tells. */
  told: number
  readonly heard: Int32Array<ArrayBufferLike> | undefined
  /** Copies frames for whoever captures, if anybody can. */
  readonly recorder: Recorder | undefined
  settings: SwitchSettings
  policy: Policy
  readonly reason: Uint8Array
  readonly tapReason: Uint8Array
  readonly destination: Int32Array
  readonly outlets: Route.Outlets
  /** Set by a wake: the owner of the loop has messages to read. */
  woken: boolean
}

/**
 * @param options.counters as wide as the exchange has ports. @param options.notify is called for what is rare: ports,
 * faults; `heard` says how many were dealt with, see `Notices`. @param options.capture where frames are copied to while
 * somebody captures, by the clock `dateMs`.
 */
export const make = (options: {
  readonly exchange: FrameExchange
  readonly settings: SwitchSettings
  readonly counters: Counters
  readonly notify: (notice: PlaneNotice) => void
  readonly heard?: Int32Array<ArrayBufferLike>
  readonly capture?: { readonly ring: CaptureRing; readonly dateMs: () => number }
}): Forwarder => {
  const { counters, exchange, settings } = options
  const portCount = settings.guestPorts + 1
  const ports = PortSet.make(settings.guestPorts, settings.guestPortsPerUid, settings.trunkPorts ?? 0)
  const backlog = Backlogs.make(portCount, exchange.batch)
  const patience = Patiences.make(portCount)
  const control = Control.make(portCount)
  const memory = Memory.make(settings, ports)
  const forwarder: Forwarder = {
    exchange,
    counters,
    ports,
    control,
    backlog,
    denials: Denials.make(portCount),
    memory,
    notify: (notice) => {
      forwarder.told++
      options.notify(notice)
    },
    told: 0,
    heard: options.heard,
    recorder: options.capture &&
      Recorders.make(options.capture.ring, exchange.batch, exchange.plan, options.capture.dateMs),
    settings,
    policy: Applied.policyFor(settings, ports),
    reason: new Uint8Array(Bounds.batchFrames),
    tapReason: new Uint8Array(Bounds.batchFrames),
    destination: new Int32Array(Bounds.batchFrames),
    outlets: {
      ports,
      apart: { isolate: memory.policy.isolate, control, ports },
      backlog,
      patience,
      counters,
      plan: exchange.plan,
      waitFor: (ingress, egress) => FullPorts.pause(forwarder, ingress, egress)
    },
    woken: false
  }
  return forwarder
}

/** Moves one batch: sends what the last turn planned, waits, receives, judges, admits, routes, counts, plans. */
export const turn = (forwarder: Forwarder, timeoutMs: number): void => {
  const { exchange, heard, recorder, told } = forwarder
  // Before a step: where a rest has ended, the next one may let in as many as wait.
  if (heard !== undefined && Notices.areTooMany(told, heard)) exchange.restListeners()
  const offered = recorder !== undefined
    && Recorders.offerSent(recorder, exchange.batch, exchange.plan, forwarder.ports, exchange)
  // What has been copied is to be shown once it is sent: not when the next frame comes.
  exchange.step(offered ? 0 : FullPorts.waitMs(forwarder, timeoutMs))
  if (recorder !== undefined) Recorders.settleSent(recorder, exchange.plan, offered)
  FullPorts.settle(forwarder)
  FullPorts.attend(forwarder)
  // They are judged by what the tap is now.
  if (exchange.events.count > 0) Applied.changeTap(forwarder)
  // Frames before other events: a port's last frames come in the step that tells that it has closed.
  if (exchange.batch.count > 0) forward(forwarder)
  if (exchange.events.count > 0) happen(forwarder)
}

const happen = (forwarder: Forwarder): void => {
  const { backlog, counters, exchange } = forwarder
  const { count, rows } = exchange.events
  for (let i = 0; i < count; i++) {
    const at = i * EVENT_WIDTH
    const port = rows[at + EventField.port]!
    const detail = rows[at + EventField.detail]!
    switch (rows[at + EventField.kind]) {
      case EventKind.Connect:
        PortLife.connect(forwarder, rows.subarray(at, at + EVENT_WIDTH))
        break
      case EventKind.Hangup:
        PortLife.closePort(forwarder, port)
        break
      case EventKind.Writable:
        Backlogs.drained(backlog, exchange.plan, exchange.batch, port)
        break
      case EventKind.Wake:
        forwarder.woken = true
        break
      case EventKind.TapLost:
        PortLife.closePort(forwarder, TAP_PORT)
        forwarder.notify({ kind: "tap-lost", errno: detail })
        break
      case EventKind.AcceptError:
        PortLife.refusal(forwarder, Refusal.CONN_ERROR, 0, 0, detail)
        break
      case EventKind.Ancillary:
        counters.values[port * Count.ROW + Count.Column.ancillary]! += detail
        break
    }
  }
}

const forward = (forwarder: Forwarder): void => {
  const { counters, destination, exchange, memory, outlets, policy, reason, tapReason } = forwarder
  const { batch, nowMs } = exchange
  judge(batch, policy, reason, tapReason)
  Admission.admit(memory, batch, reason, destination, nowMs)
  Route.route(batch, tapReason, outlets.apart, destination, reason)
  const denied = Count.countIngress(counters, batch.port, batch.size, reason, batch.count)
  if (denied > 0) tellDenied(forwarder)
  Route.plan(batch, reason, tapReason, destination, outlets, nowMs)
  if (forwarder.recorder !== undefined) Recorders.recordReceived(forwarder.recorder, batch, forwarder, exchange)
  Stations.sweep(memory, SWEEP_PER_TURN)
}

/** Tells of what this batch was denied, unless that has been told lately. */
const tellDenied = ({ counters, denials, exchange: { batch, nowMs }, notify, reason }: Forwarder): void => {
  for (let i = 0; i < batch.count; i++) {
    const why = reason[i]!
    if (why === Reason.PASS) continue
    const port = batch.port[i]!
    if (!Denials.isDue(denials, port, why, nowMs)) continue
    const frames = counters.values[port * Count.ROW + Count.Column.denied + why]!
    notify({ kind: "denied", port, reason: why, frames })
  }
}
