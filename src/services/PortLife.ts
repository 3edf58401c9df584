import * as Admission from "../domain/Admission.ts"
import { TAP_PORT } from "../domain/Bounds.ts"
import * as Count from "../domain/Counters.ts"
import * as Denials from "../domain/DenialWatch.ts"
import * as Backlogs from "../domain/Backlog.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import * as Patiences from "../domain/Patience.ts"
import * as Control from "../domain/PortControl.ts"
import * as PortSet from "../domain/Ports.ts"
import { Reason, Refusal } from "../domain/Reason.ts"
import * as Plan from "../domain/SendPlan.ts"
import * as Applied from "./AppliedSettings.ts"
import type { Forwarder } from "./Forwarder.ts"
import { Entrance, EventField } from "./FrameExchange.ts"
import * as FullPorts from "./FullPorts.ts"

/*
 * How a port of the forwarding loop begins and ends: a guest's, a trunk's, the tap's. What is kept of one that has
 * ended, so that nobody takes what it owned, is in `Admission.forget`.
 */

/** Joins the tap to the switch, at start and again after it was lost. Returns 0 or an errno. */
export const attachTap = (
  forwarder: Forwarder,
  tap: { readonly handle: number; readonly mac: MacAddress; readonly mtuBytes: number }
): number => {
  const errno = forwarder.exchange.attachTap(tap.handle, tap)
  if (errno !== 0) return errno
  const { mac: tapMac, mtuBytes: tapMtuBytes } = tap
  Applied.configure(forwarder, { ...forwarder.settings, tapMac, tapMtuBytes, bridgeMac: undefined })
  PortSet.open(forwarder.ports, TAP_PORT)
  return 0
}

/** Takes the tap out of the switch, if it is still in. */
export const detachTap = (forwarder: Forwarder): void => closePort(forwarder, TAP_PORT)

/** Ends a port: its connection, its stations, what was kept for it, and who waited for it. */
export const closePort = (forwarder: Forwarder, port: number): void => {
  const { backlog, counters, exchange, memory, ports } = forwarder
  if (!PortSet.close(ports, port)) return
  const dropped = Backlogs.close(backlog, port) + Plan.withdraw(exchange.plan, port)
  counters.values[port * Count.ROW + Count.Column.dropped + Reason.EGRESS_FULL]! += dropped
  FullPorts.resume(forwarder, port)
  Admission.forget(memory, port, exchange.nowMs)
  Control.forget(forwarder.control, port)
  Denials.forget(forwarder.denials, port)
  Patiences.forget(forwarder.outlets.patience, port)
  if (port === TAP_PORT) {
    exchange.detachTap()
    return
  }
  exchange.close(port)
  forwarder.notify({ kind: "closed", port, received: counters.values[port * Count.ROW]! })
  Count.retire(counters, port)
}

/** Lets a guest in, or refuses it. @param row of the event. */
export const connect = (forwarder: Forwarder, row: Int32Array): void => {
  const { exchange, ports } = forwarder
  const handle = row[EventField.detail]!
  const uid = row[EventField.uid]! >>> 0
  const gid = row[EventField.gid]! >>> 0
  const pid = row[EventField.pid]!
  const trunk = row[EventField.port] === Entrance.Trunks
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
  Applied.mark(forwarder.settings, forwarder.policy, ports, port)
  Admission.join(forwarder.memory, port, exchange.nowMs)
  forwarder.notify({ kind: "opened", port, uid, gid, pid, trunk })
}

/** Counts and tells that somebody was not let in. */
export const refusal = (forwarder: Forwarder, why: Refusal, uid: number, pid: number, errno: number): void => {
  forwarder.counters.refused[why]! += 1
  forwarder.notify({ kind: "refused", refusal: why, uid, pid, errno })
}
