import { TAP_PORT } from "../domain/Bounds.ts"
import type { PeerProcesses } from "./PeerProcesses.ts"
import type { PortDirectory } from "./PortDirectory.ts"
import { openPorts } from "./PortDirectory.ts"

/** What the ports are called in a capture. */
export interface PortLabels {
  /** Ports that are open now, in their order. */
  readonly open: () => ReadonlyArray<number>
  /** `port3`; the tap's name, if a reader of the file can tell by it that it is one, else `host`. */
  readonly name: (port: number) => string
  /** Who is there now, for one who reads the file: `alice (uid 1000), linux.uml (pid 4711)`. */
  readonly describe: (port: number) => string | undefined
  /** Another object, or another name, for another holder; undefined if nobody is known. */
  readonly holder: (port: number) => unknown
}

export const make = (directory: PortDirectory, processes: PeerProcesses["Type"]): PortLabels => ({
  open: () => openPorts(directory),
  name: (port) => {
    if (port !== TAP_PORT) return `port${port}`
    const { name } = directory.tap
    return name !== undefined && /^tap/.test(name) ? name : "host"
  },
  describe: (port) => {
    if (port === TAP_PORT) return directory.tap.name === undefined ? undefined : `the host, by ${directory.tap.name}`
    const guest = directory.guests.get(port)
    if (guest === undefined) return undefined
    const user = processes.userName(guest.uid)
    const command = guest.process && processes.command(guest.process)
    const who = user === undefined ? `uid ${guest.uid}` : `${user} (uid ${guest.uid})`
    return guest.pid === 0 ? who : `${who}, ${command ?? "a process"} (pid ${guest.pid})`
  },
  holder: (port) => port === TAP_PORT ? directory.tap.name : directory.guests.get(port)
})
