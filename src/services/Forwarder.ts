import * as Admission from "../domain/Admission.ts"
import * as Memory from "../domain/AdmissionState.ts"
import type { AdmissionState } from "../domain/AdmissionState.ts"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import * as Claims from "../domain/Claims.ts"
import type { Counters } from "../domain/Counters.ts"
import * as Count from "../domain/Counters.ts"
import type { CaptureRing } from "../domain/capture/CaptureRing.ts"
import type { Recorder } from "../domain/capture/Recorder.ts"
import * as Recorders from "../domain/capture/Recorder.ts"
import * as Denials from "../domain/DenialWatch.ts"
import type { DenialWatch } from "../domain/DenialWatch.ts"
import { FLOOD } from "../domain/Destination.ts"
import * as Holds from "../domain/Hold.ts"
import type { Hold } from "../domain/Hold.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import * as Patiences from "../domain/Patience.ts"
import { judge } from "../domain/policy/Judge.ts"
import type { Policy } from "../domain/policy/Policy.ts"
import * as Policies from "../domain/policy/Policy.ts"
import type { PortControl } from "../domain/PortControl.ts"
import * as Control from "../domain/PortControl.ts"
import type { Ports } from "../domain/Ports.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason, Refusal } from "../domain/Reason.ts"
import * as Plan from "../domain/SendPlan.ts"
import * as Route from "../domain/Route.ts"
import * as Stations from "../domain/Stations.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import { Entrance, EVENT_WIDTH, EventKind, type FrameExchange } from "./FrameExchange.ts"
import * as Notices from "./Notices.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"

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
  readonly hold: Hold
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
  readonly egress: Route.Egress
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
  const hold = Holds.make(portCount, exchange.batch)
  const patience = Patiences.make(portCount)
  const control = Control.make(portCount)
  const memory = Memory.make(settings, ports)
  const forwarder: Forwarder = {
    exchange,
    counters,
    ports,
    control,
    hold,
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
    policy: policyFor(settings, ports),
    reason: new Uint8Array(Bounds.batchFrames),
    tapReason: new Uint8Array(Bounds.batchFrames),
    destination: new Int32Array(Bounds.batchFrames),
    egress: {
      ports,
      apart: { isolate: memory.policy.isolate, control, ports },
      hold,
      patience,
      counters,
      plan: exchange.plan,
      waitFor: (ingress, egress) => {
        if (hold.waitsFor[ingress]! >= 0 || !PortSet.isOpen(ports, ingress)) return
        hold.waitsFor[ingress] = egress
        Patiences.begin(patience, ingress, exchange.nowMs)
        exchange.pause(ingress)
      }
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
  exchange.step(offered ? 0 : waitMs(forwarder, timeoutMs))
  if (recorder !== undefined) Recorders.settleSent(recorder, exchange.plan, offered)
  settle(forwarder)
  attend(forwarder)
  // They are judged by what the tap is now.
  if (exchange.events.count > 0) changeTap(forwarder)
  // Frames before other events: a port's last frames come in the step that tells that it has closed.
  if (exchange.batch.count > 0) forward(forwarder)
  if (exchange.events.count > 0) happen(forwarder)
}

/** Joins the tap to the switch, at start and again after it was lost. Returns 0 or an errno. */
export const attachTap = (
  forwarder: Forwarder,
  tap: { readonly handle: number; readonly mac: MacAddress; readonly mtuBytes: number }
): number => {
  const errno = forwarder.exchange.attachTap(tap.handle, tap)
  if (errno !== 0) return errno
  configure(forwarder, { ...forwarder.settings, tapMac: tap.mac, tapMtuBytes: tap.mtuBytes })
  PortSet.open(forwarder.ports, TAP_PORT)
  return 0
}

/**
 * Other settings from now on; no connection ends by it. The sizes of frames, of the tables and the number of ports are
 * those of the start.
 */
export const configure = (forwarder: Forwarder, settings: SwitchSettings): void => {
  forwarder.settings = settings
  forwarder.policy = policyFor(settings, forwarder.ports)
  Admission.configure(forwarder.memory, settings)
  forwarder.egress.apart.isolate = forwarder.memory.policy.isolate
}

/** Another MAC address, or MTU, of the tap: rules L3, F1 and B6, and what it takes, go by the new one. */
const changeTap = (forwarder: Forwarder): void => {
  const { exchange: { events: { count, rows }, nowMs }, memory } = forwarder
  for (let at = 0; at < count * EVENT_WIDTH; at += EVENT_WIDTH) {
    if (rows[at] !== EventKind.TapChanged) continue
    const { tapMac: formerMac, tapMtuBytes: formerMtuBytes } = forwarder.settings
    const [mtuBytes, hi, lo] = [rows[at + 2]!, rows[at + 3]!, rows[at + 4]!]
    const settings = { ...forwarder.settings, tapMac: { hi, lo }, tapMtuBytes: mtuBytes }
    configure(forwarder, settings)
    if (formerMac !== undefined) Claims.hostFormer(memory, formerMac, nowMs)
    forwarder.notify({ kind: "tap-changed", mac: { hi, lo }, mtuBytes, formerMac, formerMtuBytes })
  }
}

/** What the rules read; whoever may run a DHCP server, and trunks, are marked by port. */
const policyFor = (settings: SwitchSettings, ports: Ports): Policy => {
  const policy = Policies.make(settings, settings.policy)
  for (let k = 0; k < ports.openCount; k++) mark(settings, policy, ports, ports.open[k]!)
  return policy
}

const mark = (settings: SwitchSettings, policy: Policy, ports: Ports, port: number): void => {
  const server = settings.policy?.dhcpServer
  policy.trunks[port] = ports.trunk[port]!
  if (port !== TAP_PORT && typeof server === "number") policy.dhcpServers[port] = Number(ports.uid[port] === server)
}

/** Takes the tap out of the switch, if it is still in. */
export const detachTap = (forwarder: Forwarder): void => closePort(forwarder, TAP_PORT)

/** Ends a port: its connection, its stations, what was held for it, and who waited for it. */
export const closePort = (forwarder: Forwarder, port: number): void => {
  const { counters, exchange, hold, memory, ports } = forwarder
  if (!PortSet.close(ports, port)) return
  const dropped = Holds.close(hold, port) + Plan.withdraw(exchange.plan, port)
  counters.values[port * Count.ROW + Count.Column.dropped + Reason.EGRESS_FULL]! += dropped
  resume(forwarder, port)
  Admission.release(memory, port, exchange.nowMs)
  Control.release(forwarder.control, port)
  Denials.release(forwarder.denials, port)
  Patiences.forget(forwarder.egress.patience, port)
  if (port === TAP_PORT) {
    exchange.detachTap()
    return
  }
  exchange.close(port)
  forwarder.notify({ kind: "closed", port, received: counters.values[port * Count.ROW]! })
  Count.retire(counters, port)
}

const waitMs = (forwarder: Forwarder, timeoutMs: number): number => {
  const { exchange, hold } = forwarder
  if (hold.activeCount === 0) return timeoutMs
  let soonest = Infinity
  for (let k = 0; k < hold.activeCount; k++) {
    const port = hold.active[k]!
    // Whoever waits for a port that is being flushed is to be read as soon as that is done.
    if (hold.state[port] === Holds.HoldState.Flushing) return 0
    const overMs = hold.sinceMs[port]! + Bounds.holdMs
    soonest = Math.min(soonest, overMs, hold.triedMs[port]! + Bounds.holdRetryMs)
  }
  const leftMs = Math.max(0, soonest - exchange.nowMs)
  return timeoutMs < 0 ? leftMs : Math.min(timeoutMs, leftMs)
}

/** Counts what the step sent, and deals with what it could not send. Empties the plan. */
export const settle = (forwarder: Forwarder): void => {
  const { counters, egress, exchange, hold } = forwarder
  const { plan } = exchange
  const { values } = counters
  for (let i = 0; i < plan.count; i++) {
    const to = plan.egress[i]!
    const slot = plan.slot[i]!
    const held = slot >= Bounds.batchFrames
    if (plan.failed === 0 || plan.outcome[i] === 0) {
      const row = to * Count.ROW
      values[row + Count.Column.sentFrames]! += 1
      values[row + Count.Column.sentBytes]! += plan.size[i]!
      if (held) Holds.release(hold, to)
    } else if (isFull(plan.outcome[i]!)) {
      if (held) Holds.refuse(hold, to, exchange.nowMs)
      else if (forwarder.destination[slot] === FLOOD) {
        Holds.refuseFlood(hold, to)
        Count.countDrop(counters, to, Reason.EGRESS_FULL)
      } else Route.keepOrDrop(exchange.batch, slot, to, egress, exchange.nowMs)
    } else {
      Count.countDrop(counters, to, to === TAP_PORT ? Reason.TAP_WRITE_ERROR : Reason.EGRESS_FULL)
      if (held) Holds.release(hold, to)
    }
  }
  plan.count = 0
  reopen(forwarder)
}

/** EAGAIN, on Linux and on DragonFly. */
const isFull = (errno: number): boolean => errno === 11 || errno === 35

/** Ports whose flush went through are open again, and their senders are read. */
const reopen = (forwarder: Forwarder): void => {
  const { hold } = forwarder
  for (let k = hold.activeCount - 1; k >= 0; k--) {
    const port = hold.active[k]!
    if (Holds.settle(hold, port)) resume(forwarder, port)
  }
}

/** Held ports are tried again now and then; holds that have lasted their time end, and the senders are read again. */
const attend = (forwarder: Forwarder): void => {
  const { counters, exchange, hold } = forwarder
  for (let k = hold.activeCount - 1; k >= 0; k--) {
    const port = hold.active[k]!
    if (Holds.isOver(hold, port, exchange.nowMs)) {
      const dropped = Holds.congest(hold, port, exchange.nowMs)
      counters.values[port * Count.ROW + Count.Column.dropped + Reason.EGRESS_FULL]! += dropped
      resume(forwarder, port)
    } else if (Holds.isDue(hold, port, exchange.nowMs)) Holds.flush(hold, exchange.plan, exchange.batch, port)
  }
}

/** Reads again all ports that waited for this one. */
const resume = (forwarder: Forwarder, egress: number): void => {
  const { egress: { patience }, exchange, hold, ports } = forwarder
  for (let k = 0; k < ports.openCount; k++) {
    const port = ports.open[k]!
    if (hold.waitsFor[port] !== egress) continue
    hold.waitsFor[port] = -1
    Patiences.end(patience, port, exchange.nowMs)
    exchange.resume(port)
  }
}

const happen = (forwarder: Forwarder): void => {
  const { counters, exchange, hold } = forwarder
  const { count, rows } = exchange.events
  for (let i = 0; i < count; i++) {
    const at = i * EVENT_WIDTH
    const port = rows[at + 1]!
    const detail = rows[at + 2]!
    switch (rows[at]) {
      case EventKind.Connect:
        connect(forwarder, rows.subarray(at, at + EVENT_WIDTH))
        break
      case EventKind.Hangup:
        closePort(forwarder, port)
        break
      case EventKind.Writable:
        Holds.drained(hold, exchange.plan, exchange.batch, port)
        break
      case EventKind.Wake:
        forwarder.woken = true
        break
      case EventKind.TapLost:
        closePort(forwarder, TAP_PORT)
        forwarder.notify({ kind: "tap-lost", errno: detail })
        break
      case EventKind.AcceptError:
        refusal(forwarder, Refusal.CONN_ERROR, 0, 0, detail)
        break
      case EventKind.Ancillary:
        counters.values[port * Count.ROW + Count.Column.ancillary]! += detail
        break
    }
  }
}

/** @param row of the event. */
const connect = (forwarder: Forwarder, row: Int32Array): void => {
  const { exchange, ports } = forwarder
  const handle = row[2]!
  const uid = row[3]! >>> 0
  const gid = row[4]! >>> 0
  const pid = row[5]!
  const trunk = row[1] === Entrance.Trunks
  const port = PortSet.admit(ports, uid, trunk)
  if (port < 0) {
    exchange.refuse(handle)
    refusal(forwarder, (-1 - port) as Refusal, uid, pid, 0)
    return
  }
  const errno = exchange.admit(handle, port)
  if (errno !== 0) {
    PortSet.close(ports, port)
    refusal(forwarder, Refusal.CONN_ERROR, uid, pid, errno)
    return
  }
  mark(forwarder.settings, forwarder.policy, ports, port)
  Admission.join(forwarder.memory, port, exchange.nowMs)
  forwarder.notify({ kind: "opened", port, uid, gid, pid, trunk })
}

const refusal = (forwarder: Forwarder, why: Refusal, uid: number, pid: number, errno: number): void => {
  forwarder.counters.refused[why]! += 1
  forwarder.notify({ kind: "refused", refusal: why, uid, pid, errno })
}

const forward = (forwarder: Forwarder): void => {
  const { counters, destination, egress, exchange, memory, policy, reason, tapReason } = forwarder
  const { batch, nowMs } = exchange
  judge(batch, policy, reason, tapReason)
  Admission.admit(memory, batch, reason, destination, nowMs)
  Route.route(batch, tapReason, egress.apart, destination, reason)
  const denied = Count.countIngress(counters, batch.port, batch.size, reason, batch.count)
  if (denied > 0) tellDenied(forwarder)
  Route.plan(batch, reason, tapReason, destination, egress, nowMs)
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
