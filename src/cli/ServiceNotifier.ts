import type { Binding } from "../adapters/native/Binding.ts"
import type { DescriptorStore } from "../services/DescriptorStore.ts"

// How a service manager learns how far the switch is, and what it is to keep open for the next process, sd_notify(3):
// one datagram each to the socket in NOTIFY_SOCKET.

/** Long enough for a manager that is busy; after that the switch goes on without having said it. */
const waitMs = 1000

/** Nobody waits so long for what can be said again. */
const keepWaitMs = 10

/** Tells the service manager; nothing happens where there is none. */
export interface ServiceNotifier {
  /** A connect succeeds from now on. @param text what the manager shows beside the service. */
  readonly ready: (text: string) => void
  /** What was set anew is being read; to be followed by `ready`. */
  readonly reloading: () => void
  /** Another process has the switch now, and the manager's attention. */
  readonly handedOver: (pid: number) => void
  /** Where the manager listens, undefined where there is none. */
  readonly path: () => string | undefined
  /** Its store of open files, undefined where there is none. */
  readonly store: () => DescriptorStore | undefined
  /** Tells the manager of the process that this one succeeds, where none was named. @param storeMax of its store. */
  readonly inherit: (path: string | undefined, storeMax: number) => void
  /** The end has begun. */
  readonly stopping: () => void
}

/** The notifier that the environment names. Takes the names out of the environment. */
export const takeNotifier = (environment: NodeJS.ProcessEnv, addon: () => Binding): ServiceNotifier => {
  const { FDSTORE: room = "", NOTIFY_SOCKET: named } = environment
  let path = named === "" ? undefined : named
  let storeMax = /^[1-9][0-9]{0,5}$/.test(room) ? Number(room) : 0
  for (const name of ["NOTIFY_SOCKET", "FDSTORE"]) delete environment[name]
  const tell = (...lines: ReadonlyArray<string>): void => {
    if (path === undefined) return
    addon().sendDatagram(path, lines.join("\n"), waitMs)
  }
  const full = new Set(["EAGAIN", "EWOULDBLOCK", "ENOBUFS"])
  const store = (path: string): DescriptorStore => ({
    countMax: storeMax,
    keep: (name, handle) => {
      const result = addon().sendDatagram(path, `FDSTORE=1\nFDNAME=${name}`, keepWaitMs, handle)
      return result >= 0 || !full.has(addon().errnoName(-result))
    },
    drop: (name) => tell("FDSTOREREMOVE=1", `FDNAME=${name}`),
    settle: () => {
      addon().notifyBarrier(path, waitMs)
    },
    discard: (handle) => addon().closeFd(handle)
  })
  return {
    // The process is named because it may be a copy in the background.
    ready: (text) => tell("READY=1", `STATUS=${text}`, `MAINPID=${process.pid}`),
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    handedOver: (pid) => pid > 0 ? tell(`MAINPID=${pid}`) : undefined,
    path: () => path,
    store: () => path === undefined || storeMax === 0 ? undefined : store(path),
    inherit: (inherited, inheritedMax) => {
      path ??= inherited
      storeMax = Math.max(storeMax, inheritedMax)
    },
    stopping: () => tell("STOPPING=1")
  }
}
