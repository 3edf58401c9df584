// How a service manager hands over sockets that it listens on already, sd_listen_fds(3): descriptors from 3
// on, their number in LISTEN_FDS, and for whom they are in LISTEN_PID.

const firstDescriptor = 3

/** More than any service manager passes; what is above is not a number of descriptors. */
const descriptorsMax = 1024

/**
 * The descriptors that are for this process, or undefined where none were handed over. Takes the three
 * variables out of the environment, so that nothing started later believes that they are for it.
 */
export const takeDescriptors = (environment: NodeJS.ProcessEnv, pid: number): ReadonlyArray<number> | undefined => {
  const { LISTEN_FDS: count, LISTEN_PID: addressee } = environment
  if (addressee !== undefined && addressee !== String(pid)) return undefined
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete environment[name]
  if (addressee === undefined || count === undefined || !/^[1-9][0-9]{0,3}$/.test(count)) return undefined
  const descriptors = Math.min(Number(count), descriptorsMax)
  return Array.from({ length: descriptors }, (_, i) => firstDescriptor + i)
}
