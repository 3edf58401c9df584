// What the daemon costs when it does nothing: memory, memory for each port, wake-ups; and how long it takes to start.
import { readdirSync, readFileSync } from "node:fs"
import { pause, run, start } from "./Children.mjs"
import { median } from "./Statistics.mjs"
import { tool } from "./Tools.mjs"

const PORTS = 1000

const statusField = (path, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(path, "utf8"))[1])

const residentKilobytes = (pid) => statusField(`/proc/${pid}/status`, "VmRSS")

/** Context switches of all threads: each wake-up ends in a voluntary one. */
const wakeUps = (pid) =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => statusField(`/proc/${pid}/task/${task}/status`, "voluntary_ctxt_switches"))
    .reduce((sum, count) => sum + count, 0)

const attach = async (peer, path, ports) => {
  const command = [tool("load"), "--to", peer.to, "--path", path, "--workload", "attached", "--ports", String(ports)]
  const guests = start(command, { stdin: "pipe" })
  await guests.says("attached", 30_000)
  return guests
}

/** Memory with one idle guest and with a thousand, and what each further port takes. Kilobytes. */
export const measureMemory = async (peer) => {
  const opened = await peer.open({})
  try {
    const one = await attach(peer, opened.path, 1)
    await pause(300)
    const withOne = residentKilobytes(opened.pid)
    await one.stop()
    const many = await attach(peer, opened.path, PORTS)
    await pause(300)
    const withMany = residentKilobytes(opened.pid)
    await many.stop()
    return { onePortKilobytes: withOne, perPortKilobytes: Math.max(0, withMany - withOne) / (PORTS - 1) }
  } finally {
    await opened.stop()
  }
}

/** A daemon with one idle guest, looked at from the time when its runtime has tidied up after the start. */
const SETTLE_MS = 30_000

/**
 * Wake-ups in a minute. The daemon idles while other things are measured; `finish` ends it and tells.
 * It wants to idle for a minute or more.
 */
export const watchIdle = async (peer) => {
  const opened = await peer.open({})
  const guest = await attach(peer, opened.path, 1)
  const settled = pause(SETTLE_MS).then(() => ({ atMs: Date.now(), count: wakeUps(opened.pid) }))
  const finish = async () => {
    const before = await settled
    const minutes = (Date.now() - before.atMs) / 60_000
    const count = wakeUps(opened.pid) - before.count
    await guest.stop()
    await opened.stop()
    return { wakeUps: count, minutes, wakeUpsPerMinute: count / minutes }
  }
  return { finish }
}

const timed = async (command) => {
  const from = process.hrtime.bigint()
  await run(command)
  return Number(process.hrtime.bigint() - from) / 1e6
}

/** A daemon that has started still tidies up for a moment; those that ask it come later. */
const STARTED_MS = 300

/**
 * Milliseconds from the start of the daemon until a guest's connect succeeds, and until the first frame from one guest
 * to another; then those of `status`: asked first, when the switch runs code of its own for the first time, and asked
 * again, as by a script that does so every second.
 */
const daemonsStart = async (peer, daemon) => {
  const since = process.hrtime.bigint()
  const opened = await peer.open({})
  try {
    const command = [tool("load"), "--to", peer.to, "--path", opened.path, "--workload", "first"]
    const { acceptsMs, firstMs } = JSON.parse(await run([...command, "--since", String(since)]))
    await pause(STARTED_MS)
    const ask = () => timed([daemon, "status", "-p", opened.path])
    const firstStatusMs = await ask()
    const again = [await ask(), await ask(), await ask()]
    return { acceptsMs, firstFrameMs: firstMs, firstStatusMs, statusMs: median(again) }
  } finally {
    await opened.stop()
  }
}

/** One round of each: bare Node, what only prints, the daemon up to its first frame, and what asks it. Milliseconds. */
export const measureStart = async (peer, daemon) => ({
  nodeMs: await timed([process.execPath, "-e", "0"]),
  versionMs: await timed([daemon, "--version"]),
  helpMs: await timed([daemon, "--help"]),
  ...(await daemonsStart(peer, daemon))
})
