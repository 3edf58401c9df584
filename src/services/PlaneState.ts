import * as Admission from "../domain/Admission.ts"
import type { AdmissionSnapshot } from "../domain/AdmissionSnapshot.ts"
import * as AdmissionSnapshots from "../domain/AdmissionSnapshot.ts"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import type { CounterSnapshot } from "../domain/CounterSnapshot.ts"
import * as CounterSnapshots from "../domain/CounterSnapshot.ts"
import * as Count from "../domain/Counters.ts"
import * as Batch from "../domain/FrameBatch.ts"
import * as Backlogs from "../domain/Backlog.ts"
import * as Control from "../domain/PortControl.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason } from "../domain/Reason.ts"
import * as Applied from "./AppliedSettings.ts"
import * as Forwarder from "./Forwarder.ts"
import type { HandoverExchange } from "./FrameExchange.ts"
import * as FullPorts from "./FullPorts.ts"

/** The state of a forwarding loop between two turns. Plain data: it crosses threads and processes. */
export interface PlaneState {
  /** Open guests' ports, and their users. */
  readonly ports: ReadonlyArray<number>
  readonly uid: ReadonlyArray<number>
  /** Those of them that are trunks. */
  readonly trunks: ReadonlyArray<number>
  /** Undefined: it is to be learned anew. */
  readonly knowledge: PlaneKnowledge | undefined
}

/** What a loop has learned and counted. */
export interface PlaneKnowledge {
  readonly admission: AdmissionSnapshot
  readonly counters: CounterSnapshot
  readonly isolated: ReadonlyArray<number>
  readonly pinned: ReadonlyArray<number>
  /** Frames kept for ports that were full, port by port in their order. */
  readonly held: ReadonlyArray<{ readonly egress: number; readonly ingress: number; readonly octets: Uint8Array }>
}

/** A segment is less than a batch; each turn may end early because a port is full. */
const TAP_TURNS_MAX = 64

/**
 * Brings a loop to rest and takes down what it knows: all that it has received it has sent, kept or counted as lost.
 * The loop may go on afterwards as if nothing had been.
 *
 * @param exchange the loop's.
 */
const take = (forwarder: Forwarder.Forwarder, exchange: HandoverExchange): PlaneState => {
  const { backlog, control, counters, memory, ports } = forwarder
  // Frames of a large segment of which some have gone on their way; also if the tap waits for a full port.
  for (let turns = 0; exchange.restTap(true) && turns < TAP_TURNS_MAX; turns++) {
    exchange.resume(TAP_PORT)
    Forwarder.turn(forwarder, 0)
  }
  exchange.send()
  FullPorts.settle(forwarder)
  const open = ports.open.slice(0, ports.openCount)
  const guests = Array.from(open).filter((port) => port !== TAP_PORT)
  const held: Array<PlaneKnowledge["held"][number]> = []
  for (const egress of open) {
    for (let slot = backlog.first[egress]!; slot >= 0; slot = backlog.next[slot]!) {
      held.push({ egress, ingress: exchange.batch.port[slot]!, octets: Batch.frame(exchange.batch, slot).slice() })
    }
  }
  return {
    ports: guests,
    uid: guests.map((port) => ports.uid[port]!),
    trunks: guests.filter((port) => ports.trunk[port] === 1),
    knowledge: {
      admission: AdmissionSnapshots.snapshot(memory, open),
      counters: CounterSnapshots.snapshot(counters, Uint16Array.of(TAP_PORT, ...guests)),
      isolated: guests.filter((port) => control.isolated[port] === 1),
      pinned: guests.filter((port) => control.pinned[port] === 1),
      held
    }
  }
}

/** The same, with the handles of the connections, in the order of `state.ports`. */
export const leave = (
  forwarder: Forwarder.Forwarder,
  exchange: HandoverExchange
): { readonly state: PlaneState; readonly handles: ReadonlyArray<number> } => {
  const state = take(forwarder, exchange)
  return { state, handles: state.ports.map((port) => exchange.handleOf(port)) }
}

/**
 * Goes on with what another loop knew.
 *
 * @param forwarder as made. @param handles of the connections of `state.ports`, in their order; each is the loop's own
 * from now on, or closed. Returns 0 or an errno: the loop is then of no use.
 */
export const give = (forwarder: Forwarder.Forwarder, state: PlaneState, handles: ReadonlyArray<number>): number => {
  const { exchange, ports } = forwarder
  for (let i = 0; i < state.ports.length; i++) {
    const port = state.ports[i]!
    const errno = exchange.admit(handles[i]!, port)
    if (errno !== 0) return errno
    PortSet.reopen(ports, port, state.uid[i]!, state.trunks.includes(port))
  }
  if (state.knowledge !== undefined) know(forwarder, state.knowledge)
  else for (const port of state.ports) Admission.join(forwarder.memory, port, exchange.nowMs)
  // Rules that go by the port's user know the ports now.
  Applied.configure(forwarder, forwarder.settings)
  return 0
}

const know = (forwarder: Forwarder.Forwarder, knowledge: PlaneKnowledge): void => {
  const { control, counters, memory } = forwarder
  AdmissionSnapshots.restore(memory, knowledge.admission)
  CounterSnapshots.restore(counters, knowledge.counters)
  for (const port of knowledge.isolated) Control.isolate(control, port, true)
  for (const port of knowledge.pinned) control.pinned[port] = 1
  for (const { egress, ingress, octets } of knowledge.held) keep(forwarder, egress, ingress, octets)
}

const keep = ({ backlog, counters, exchange }: Forwarder.Forwarder, to: number, from: number, octets: Uint8Array) => {
  const { batch, plan } = exchange
  const fits = octets.length >= Bounds.frameBytesMin && octets.length <= batch.frameBytesMax
  if (fits && Backlogs.adopt(backlog, plan, batch, to, octets, from)) return
  Count.countDrop(counters, to, Reason.EGRESS_FULL)
}
