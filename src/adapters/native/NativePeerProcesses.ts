import * as fs from "node:fs"
import { PeerProcesses } from "../../services/PeerProcesses.ts"
import type { Binding } from "./Binding.ts"

/** What proc_pid_stat(5) tells of a process. Its second field is in parentheses and may hold any character. */
const read = (pid: number): { readonly command: string; readonly startedTicks: number } | undefined => {
  if (pid <= 0) return undefined
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    const end = stat.lastIndexOf(")")
    // The first field behind the parentheses is the third, the start the twenty-second.
    const startedTicks = Number(stat.slice(end + 2).split(" ")[22 - 3])
    return { command: stat.slice(stat.indexOf("(") + 1, end), startedTicks }
  } catch {
    return undefined
  }
}

/** Clock ticks of proc(5) a second: a constant of Linux's interface, whatever the kernel's own clock does. */
const ticksPerSecond = 100

const readStat = (): string => fs.readFileSync("/proc/stat", "utf8")

const bootedIn = (stat: () => string): number | undefined => {
  try {
    const seconds = /^btime (\d+)$/m.exec(stat())?.[1]
    return seconds === undefined ? undefined : Number(seconds) * 1000
  } catch {
    return undefined
  }
}

/** The time of day may be off the monotonic clock by so much more than it was, in milliseconds: else it was set. */
const setMs = 500

/**
 * When the host booted, in milliseconds since 1970: `btime` of proc_stat(5). To tell that takes the kernel longer the
 * more processors there are, and it changes only when the time of day is set, so it is read again only then.
 */
const bootTime = (stat: () => string): () => number | undefined => {
  let known: { readonly bootedMs: number | undefined; readonly offsetMs: number } | undefined
  return () => {
    const offsetMs = Date.now() - performance.now()
    if (known === undefined || Math.abs(offsetMs - known.offsetMs) > setMs) {
      known = { bootedMs: bootedIn(stat), offsetMs }
    }
    return known.bootedMs
  }
}

/** Names that are remembered, so that a slow user database is asked once for each. */
const namesMax = 1024

/** Processes by proc(5), where there is one; users by getpwuid_r(3). @param stat reads proc_stat(5). */
export const make = (addon: Binding, stat: () => string = readStat): PeerProcesses["Type"] => {
  const names = new Map<number, string | undefined>()
  const bootedMs = bootTime(stat)
  return PeerProcesses.of({
    find: (pid) => {
      const found = read(pid)
      if (found === undefined) return undefined
      const { startedTicks } = found
      const booted = bootedMs()
      return {
        pid,
        startedTicks,
        startedMs: booted === undefined ? undefined : booted + (startedTicks * 1000) / ticksPerSecond
      }
    },
    command: ({ pid, startedTicks }) => {
      const found = read(pid)
      return found?.startedTicks === startedTicks ? found.command : undefined
    },
    userName: (uid) => {
      if (names.has(uid)) return names.get(uid)
      if (names.size >= namesMax) names.clear()
      const name = addon.userName(uid)
      names.set(uid, name)
      return name
    }
  })
}
