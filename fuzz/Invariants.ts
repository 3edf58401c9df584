import { isTrunk } from "../src/domain/AdmissionState.ts"
import { Bounds, TAP_PORT } from "../src/domain/Bounds.ts"
import * as Counters from "../src/domain/Counters.ts"
import type { Backlog } from "../src/domain/Backlog.ts"
import { BacklogState } from "../src/domain/Backlog.ts"
import * as Owners from "../src/domain/OwnerTable.ts"
import type { OwnerTable } from "../src/domain/OwnerTable.ts"
import { defaults } from "../src/domain/policy/PolicySettings.ts"
import * as PortSet from "../src/domain/Ports.ts"
import { REASON_COUNT } from "../src/domain/Reason.ts"
import type { Forwarder } from "../src/services/Forwarder.ts"
import { Finding } from "./Target.ts"

const must = (holds: boolean, promise: string): void => {
  if (!holds) throw new Finding(promise)
}

/** What holds whenever the loop is at rest. */
export const check = (forwarder: Forwarder): void => {
  checkSums(forwarder)
  checkPorts(forwarder)
  checkMemory(forwarder)
  checkBacklog(forwarder.backlog)
  checkWaiting(forwarder)
}

const checkSums = ({ backlog, counters }: Forwarder): void => {
  const { Column, ROW } = Counters
  const { values } = counters
  for (let row = 0; row < counters.rows; row++) {
    const base = row * ROW
    let denied = 0
    let dropped = 0
    for (let reason = 0; reason < REASON_COUNT; reason++) {
      denied += values[base + Column.denied + reason]!
      dropped += values[base + Column.dropped + reason]!
    }
    const received = values[base + Column.receivedFrames]! - values[base + Column.forwardedFrames]!
    must(received === denied, `row ${row} received ${received + denied} frames more than it accounts for`)
    const offered = values[base + Column.offeredFrames]! - values[base + Column.sentFrames]! - dropped
    const kept = row < backlog.count.length ? backlog.count[row]! : 0
    must(offered === kept, `row ${row} was offered ${offered} frames that are neither sent, dropped nor kept (${kept})`)
  }
}

const checkPorts = ({ ports, settings }: Forwarder): void => {
  let guests = 0
  for (let k = 0; k < ports.openCount; k++) {
    must(ports.position[ports.open[k]!] === k, "the list of open ports has a gap")
    if (ports.open[k] !== TAP_PORT) guests++
  }
  must(guests <= settings.guestPorts, "more guests than ports")
  let counted = 0
  for (const held of ports.perUid.values()) {
    must(held > 0 && held <= settings.guestPortsPerUid, "more ports of one uid than it may have")
    counted += held
  }
  must(counted === guests, "ports of uids and ports of guests differ")
}

/** Everything that a port may own, whatever the operator has asked for since the start. */
const checkOwners = (
  { memory, ports }: Forwarder,
  table: OwnerTable,
  caps: { readonly guest: number; readonly trunk: number; readonly tap: number }
): void => {
  let count = 0
  for (let port = 0; port < table.portCount.length; port++) {
    const owned = table.portCount[port]!
    count += owned
    must(owned === 0 || PortSet.isOpen(ports, port), "a closed port owns something")
    const cap = port === TAP_PORT ? caps.tap : isTrunk(memory, port) ? caps.trunk : caps.guest
    must(owned <= cap, "a port owns more than it may")
    let listed = 0
    for (let fact = table.oldest[port]!; fact >= 0 && listed <= owned; fact = Owners.next(table, fact)) {
      must(Owners.get(table, fact, Owners.Field.port) === port, "a port's list has another's fact")
      const key = [0, 1, 2, 3].map((word) => Owners.get(table, fact, word)) as [number, number, number, number]
      must(Owners.find(table, ...key) === fact, "a fact cannot be found")
      listed++
    }
    must(listed === owned, "a port's list and its count differ")
  }
  must(count === table.count && count <= table.capacity, "more facts than there may be")
}

const checkMemory = (forwarder: Forwarder): void => {
  const { memory } = forwarder
  // A policy that allows less takes nothing away.
  const stations = Math.max(defaults(memory.secure).stationsPerGuest, memory.policy.stationsPerGuest)
  const addresses = Math.max(Bounds.addressesPerGuest, memory.policy.addressesPerGuest)
  const { addressesOfTap, addressesPerTrunk, stationsOfTap, stationsPerTrunk } = Bounds
  checkOwners(forwarder, memory.stations, { guest: stations, trunk: stationsPerTrunk, tap: stationsOfTap })
  checkOwners(forwarder, memory.claims, { guest: addresses, trunk: addressesPerTrunk, tap: addressesOfTap })
  must(memory.secure || memory.claims.count === 0, "a bridge remembers addresses")
  must(memory.held.facts.count <= Bounds.heldIdentities, "more is kept for those that left than may be")
  must(memory.snoop.pending.count <= Bounds.pendingDhcp, "more requests wait than may")
}

const checkBacklog = (backlog: Backlog): void => {
  let active = 0
  let troubled = 0
  let kept = 0
  for (let port = 0; port < backlog.state.length; port++) {
    const state = backlog.state[port]!
    const isActive = state === BacklogState.Stalled || state === BacklogState.Flushing
    active += Number(isActive)
    const at = backlog.position[port]!
    must(isActive ? backlog.active[at] === port : at < 0, "the list of active ports has a gap, or one too many")
    troubled += Number(state !== BacklogState.Open) + backlog.noFlood[port]!
    kept += backlog.count[port]!
    must(backlog.count[port]! <= Bounds.keptFramesPerPort, "more frames kept for a port than may be")
    must(state !== BacklogState.Open || backlog.count[port] === 0, "frames are kept for an open port")
  }
  must(active === backlog.activeCount && troubled === backlog.troubled, "ports in trouble are miscounted")
  must(kept + backlog.freeCount === Bounds.backlogFrames, "a kept slot was lost or freed twice")
}

/** Nobody waits but for an open port that is still stalled. */
const checkWaiting = ({ backlog, ports }: Forwarder): void => {
  for (let port = 0; port < backlog.waitsFor.length; port++) {
    const egress = backlog.waitsFor[port]!
    if (egress < 0 || !PortSet.isOpen(ports, port)) continue
    const state = backlog.state[egress]
    must(
      PortSet.isOpen(ports, egress) && (state === BacklogState.Stalled || state === BacklogState.Flushing),
      `port ${port} waits for port ${egress}, which is not stalled`
    )
  }
}
