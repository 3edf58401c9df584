import { TAP_PORT } from "../domain/Bounds.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import type { PeerProcess } from "./PeerProcesses.ts"
import type { TapLink } from "./FrameExchange.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"
import type { Tap } from "./TapDevice.ts"

/** Who is at the other end of a guest's port. */
export interface Resident {
  readonly port: number
  readonly uid: number
  readonly pid: number
  readonly trunk: boolean
  readonly process: PeerProcess | undefined
  readonly openedMs: number
}

/**
 * Which ports are open and whose they are, as the notices of the data plane tell it: known without asking the
 * forwarding thread, so that it can be shown when that does not answer.
 */
export interface PortDirectory {
  readonly guests: Map<number, Resident>
  /** Told that ports have opened or closed, the tap's included. */
  changed: () => void
  tap: {
    readonly state: "none" | "up" | "lost"
    readonly name: string | undefined
    /** The latest. */
    readonly link: TapLink | undefined
    /** Of the bridge that it is in, if the host speaks from it. */
    readonly bridgeMac: MacAddress | undefined
    readonly sinceMs: number
  }
}

/** @param guests that are there already; who they are is found out by `identify`. */
export const make = (guests: ReadonlyArray<Omit<Resident, "process">> = []): PortDirectory => ({
  guests: new Map(guests.map((guest) => [guest.port, { ...guest, process: undefined }] as const)),
  changed: () => {},
  tap: { state: "none", name: undefined, link: undefined, bridgeMac: undefined, sinceMs: 0 }
})

/** @param find the process that the kernel named, as it is now: it has only just connected. */
export const note = (
  directory: PortDirectory,
  notice: PlaneNotice,
  nowMs: number,
  find: (pid: number) => PeerProcess | undefined
): void => {
  switch (notice.kind) {
    case "opened": {
      const { pid, port, trunk, uid } = notice
      directory.guests.set(port, { port, uid, pid, trunk, process: find(pid), openedMs: nowMs })
      break
    }
    case "closed":
      directory.guests.delete(notice.port)
      break
    case "tap-changed":
      directory.tap = { ...directory.tap, link: { mac: notice.mac, mtuBytes: notice.mtuBytes } }
      return
    case "bridge-changed":
      directory.tap = { ...directory.tap, bridgeMac: notice.mac }
      return
    case "tap-lost":
      directory.tap = { ...directory.tap, state: "lost", sinceMs: nowMs }
      break
    case "refused":
    case "denied":
      return
  }
  directory.changed()
}

/** Looks up the processes of guests that were there from the beginning. */
export const identify = (directory: PortDirectory, find: (pid: number) => PeerProcess | undefined): void => {
  for (const [port, guest] of directory.guests) directory.guests.set(port, { ...guest, process: find(guest.pid) })
}

/** What is known of a tap before it is the switch's: what the switch says of it later is newer. */
export const noteLink = (directory: PortDirectory, { macAddress, mtuBytes }: Pick<Tap, "macAddress" | "mtuBytes">) => {
  directory.tap = { ...directory.tap, link: { mac: macAddress, mtuBytes }, bridgeMac: undefined }
}

/** The tap has been opened, at first or again. */
export const noteTap = (directory: PortDirectory, name: string, nowMs: number): void => {
  directory.tap = { ...directory.tap, state: "up", name, sinceMs: nowMs }
  directory.changed()
}

/** Open ports in their order, the tap's first. */
export const openPorts = (directory: PortDirectory): ReadonlyArray<number> => [
  ...(directory.tap.state === "up" ? [TAP_PORT] : []),
  ...[...directory.guests.keys()].sort((a, b) => a - b)
]
