import { Bounds } from "../domain/Bounds.ts"
import { isStoredName } from "../services/DescriptorStore.ts"

// What a service manager hands over: sockets that it listens on, sd_listen_fds(3), and open files that it has kept
// for us, sd_pid_notify_with_fds(3). They are descriptors from 3 on, their number in LISTEN_FDS, their names in
// LISTEN_FDNAMES, and for whom they are in LISTEN_PID.

const firstDescriptor = 3

/** More than any service manager passes; what is above is not a number of descriptors. */
const descriptorsMax = 2 * Bounds.guestPortsMax

/** An open file that was kept, and as what. */
export interface StoredDescriptor {
  readonly fd: number
  readonly name: string
}

export interface HandedOver {
  /** Undefined where there is none. */
  readonly sockets: ReadonlyArray<number> | undefined
  readonly stored: ReadonlyArray<StoredDescriptor>
}

const nothing: HandedOver = { sockets: undefined, stored: [] }

/**
 * The descriptors that are for this process. Takes the variables out of the environment, so that nothing started later
 * believes that they are for it.
 */
export const takeDescriptors = (environment: NodeJS.ProcessEnv, pid: number): HandedOver => {
  const { LISTEN_FDNAMES: named = "", LISTEN_FDS: count, LISTEN_PID: addressee } = environment
  if (addressee !== undefined && addressee !== String(pid)) return nothing
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete environment[name]
  if (addressee === undefined || count === undefined || !/^[1-9][0-9]{0,4}$/.test(count)) return nothing
  const names = named.split(":")
  const all = Array.from({ length: Math.min(Number(count), descriptorsMax) }, (_, i): StoredDescriptor => ({
    fd: firstDescriptor + i,
    name: names[i] ?? ""
  }))
  const sockets = all.filter(({ name }) => !isStoredName(name)).map(({ fd }) => fd)
  return {
    sockets: sockets.length === 0 ? undefined : sockets,
    stored: all.filter(({ name }) => isStoredName(name))
  }
}
