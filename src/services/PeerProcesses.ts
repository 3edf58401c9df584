import * as Context from "effect/Context"

/** A process as one can find it again: its number alone may be another's by then. */
export interface PeerProcess {
  readonly pid: number
  /** When it began, in the kernel's own unit; 0 where that is not told. */
  readonly startedTicks: number
  /** The same in milliseconds since 1970, to the hundredth of a second; undefined where it is not told. */
  readonly startedMs: number | undefined
}

/** Processes and users of the host, for showing who a guest is. Looked up when asked; nothing here waits. */
export class PeerProcesses extends Context.Tag("vknetd/PeerProcesses")<PeerProcesses, {
  /** Undefined for 0, and for a process that has ended. */
  readonly find: (pid: number) => PeerProcess | undefined
  /** The name of what it runs now; undefined if it has ended or that cannot be told. */
  readonly command: (process: PeerProcess) => string | undefined
  readonly userName: (uid: number) => string | undefined
}>() {}
