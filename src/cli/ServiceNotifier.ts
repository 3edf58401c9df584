import type { Binding } from "../adapters/native/Binding.ts"

// How a service manager learns how far the switch is, sd_notify(3): one datagram each to the socket in NOTIFY_SOCKET.

/** Long enough for a manager that is busy; after that the switch goes on without having said it. */
const waitMs = 1000

/** Tells the service manager; nothing happens where there is none. */
export interface ServiceNotifier {
  /** A connect succeeds from now on. @param text what the manager shows beside the service. */
  readonly ready: (text: string) => void
  /** What was set anew is being read; to be followed by `ready`. */
  readonly reloading: () => void
  /** Another process has the switch now, and the manager's attention. */
  readonly succeeded: (pid: number) => void
  /** Where the manager listens, undefined where there is none. */
  readonly path: () => string | undefined
  /** Tells the manager of the process that this one succeeds, where none was named. */
  readonly inherit: (path: string | undefined) => void
  /** The end has begun. */
  readonly stopping: () => void
}

/** The notifier that the environment names. Takes the name out of the environment. */
export const takeNotifier = (environment: NodeJS.ProcessEnv, addon: () => Binding): ServiceNotifier => {
  const named = environment["NOTIFY_SOCKET"]
  let path = named === "" ? undefined : named
  delete environment["NOTIFY_SOCKET"]
  const tell = (...lines: ReadonlyArray<string>): void => {
    if (path === undefined) return
    addon().sendDatagram(path, lines.join("\n"), waitMs)
  }
  return {
    // The process is named because it may be a copy in the background.
    ready: (text) => tell("READY=1", `STATUS=${text}`, `MAINPID=${process.pid}`),
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    succeeded: (pid) => pid > 0 ? tell(`MAINPID=${pid}`) : undefined,
    path: () => path,
    inherit: (inherited) => {
      path ??= inherited
    },
    stopping: () => tell("STOPPING=1")
  }
}
