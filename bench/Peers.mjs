// The switches that are compared, each started in the same way and reached through the load generator.
import { join } from "node:path"
import { makeFolder, run, start } from "./Children.mjs"
import { bound, root, tool, which } from "./Tools.mjs"

/** Everything of a run lies here. */
const folder = makeFolder()
let serial = 0
const freshPath = (name) => join(folder, `${name}${serial++}`)

/** Secure mode, all rules: what everybody gets. No tap unless one is named. */
export const daemonCommand = (daemon, socket, tap, more = []) => [
  daemon,
  "-d",
  ...more,
  ...["-p", socket, "-i", `${socket}.pid`, "--group", "root"],
  ...["--max-clients", "1024", "--max-clients-per-uid", "1024"],
  ...(tap === undefined ? ["--no-tap"] : ["-t", tap]),
  "10.1.0.1/16"
]

/** Far more than any guest can broadcast. */
const STORM_PER_SECOND = "10000000"

/**
 * A guest's broadcasts have a rate, which is to be out of the way when they are what is measured: by the option
 * for it, or by `-U` and its higher rate in a daemon that has none.
 */
const stormOptions = async (daemon) => {
  const option = /--storm[a-z-]*/.exec(await run([daemon, "--help"]))
  return option === null ? ["-U"] : [option[0], STORM_PER_SECOND]
}

const pump = (name, more = []) => ({
  name,
  to: "seqpacket",
  // Pumps decide by number: each run has a new one, whose first guest is its first.
  lasting: false,
  present: () => true,
  open: async ({ cpu, flood, tap, inside = [] }) => {
    const socket = freshPath(name)
    const options = [...more, ...(flood ? ["-f"] : []), ...(tap === undefined ? [] : ["-t", tap])]
    const child = start([...inside, ...bound([tool(name), ...options, socket], cpu)])
    await child.says("ready")
    return { ...child, path: socket }
  }
})

/** @param {{ daemon?: string }} options the command to run as ours. */
export const makePeers = ({ daemon = join(root, "bin", "vknetd") } = {}) => ({
  vknetd: {
    name: "vknetd",
    to: "seqpacket",
    lasting: true,
    present: () => true,
    open: async ({ cpu, flood, tap, inside = [] }) => {
      const socket = freshPath("v")
      const more = flood ? await stormOptions(daemon) : []
      const child = start([...inside, ...bound(daemonCommand(daemon, socket, tap, more), cpu)])
      return { ...child, path: socket }
    }
  },
  pumpN: pump("pumpN"),
  pump1: pump("pump1"),
  pump1k: pump("pump1", ["-k"]),
  pump1T: pump("pump1T"),
  vde: {
    name: "vde_switch",
    to: "vde",
    lasting: true,
    present: () => which("vde_switch") !== undefined,
    open: async ({ cpu, tap, inside = [] }) => {
      const control = freshPath("d")
      const options = ["-n", "1100", ...(tap === undefined ? [] : ["-t", tap])]
      // It ends when its standard input does.
      const child = start([...inside, ...bound([which("vde_switch"), "-s", control, ...options], cpu)],
        { stdin: "pipe" })
      return { ...child, path: control }
    }
  },
  bridge: {
    name: "kernel bridge",
    to: "bridge",
    lasting: true,
    present: () => process.getuid() === 0 && which("ip") !== undefined,
    // The load generator makes it, in a namespace of its own.
    open: async () => ({ pid: undefined, path: "none", stop: async () => {} })
  }
})
