import { Refusal } from "./Reason.ts"

/**
 * Which ports are open, and whose they are. Port 0 is the tap; guests take the lowest free number.
 *
 * `open` lists the open ports without gaps, so that a flood is one walk over it.
 */
export interface Ports {
  /** Open ports, in `open[0 .. openCount)`. */
  readonly open: Uint16Array
  openCount: number
  /** Where in `open` a port stands, or -1. */
  readonly position: Int32Array
  /** User of each guest's port, unsigned. */
  readonly uid: Uint32Array
  /** 1 for each guest's port that is a trunk: it came in on the trunks' socket. */
  readonly trunk: Uint8Array
  /** Trunks that are open, and how many may be. */
  trunks: number
  readonly trunksMax: number
  /** Guest ports open for each uid that has any. */
  readonly perUid: Map<number, number>
  readonly perUidMax: number
  /** No guest's port below this one is free. */
  lowestFree: number
}

/** @param guestPorts guests at most, trunks among them. */
export const make = (guestPorts: number, perUidMax: number, trunksMax = 0): Ports => ({
  open: new Uint16Array(guestPorts + 1),
  openCount: 0,
  position: new Int32Array(guestPorts + 1).fill(-1),
  uid: new Uint32Array(guestPorts + 1),
  trunk: new Uint8Array(guestPorts + 1),
  trunks: 0,
  trunksMax,
  perUid: new Map(),
  perUidMax,
  lowestFree: 1
})

/** Whether a port is open. */
export const isOpen = (ports: Ports, port: number): boolean => ports.position[port]! >= 0

/** Opens a port by number: the tap's. */
export const open = (ports: Ports, port: number): void => {
  if (isOpen(ports, port)) return
  ports.position[port] = ports.openCount
  ports.open[ports.openCount++] = port
}

/** The port a guest of that user gets; negative, `-1 - refusal`, if it gets none. */
export const admit = (ports: Ports, uid: number, isTrunk = false): number => {
  while (ports.lowestFree < ports.position.length && isOpen(ports, ports.lowestFree)) ports.lowestFree++
  if (ports.lowestFree >= ports.position.length) return -1 - Refusal.CONN_LIMIT
  if (isTrunk && ports.trunks >= ports.trunksMax) return -1 - Refusal.CONN_LIMIT
  const held = ports.perUid.get(uid) ?? 0
  if (held >= ports.perUidMax) return -1 - Refusal.CONN_UID_LIMIT
  const port = ports.lowestFree
  ports.perUid.set(uid, held + 1)
  ports.uid[port] = uid
  ports.trunk[port] = isTrunk ? 1 : 0
  if (isTrunk) ports.trunks++
  open(ports, port)
  return port
}

/** Opens a guest's port by number, as it was in another process; false if there is no such number, or it is open. */
export const reopen = (ports: Ports, port: number, uid: number, isTrunk: boolean): boolean => {
  if (port < 1 || port >= ports.position.length || isOpen(ports, port)) return false
  ports.perUid.set(uid, (ports.perUid.get(uid) ?? 0) + 1)
  ports.uid[port] = uid
  ports.trunk[port] = isTrunk ? 1 : 0
  if (isTrunk) ports.trunks++
  open(ports, port)
  return true
}

/** Closes a port; false if it was not open. */
export const close = (ports: Ports, port: number): boolean => {
  const at = ports.position[port]!
  if (at < 0) return false
  const last = ports.open[--ports.openCount]!
  ports.open[at] = last
  ports.position[last] = at
  ports.position[port] = -1
  if (port === 0) return true
  if (ports.trunk[port] === 1) ports.trunks--
  const uid = ports.uid[port]!
  const held = ports.perUid.get(uid)! - 1
  if (held === 0) ports.perUid.delete(uid)
  else ports.perUid.set(uid, held)
  if (port < ports.lowestFree) ports.lowestFree = port
  return true
}
