// What a frame takes of calls, of JavaScript and of collections: from tools that slow the switch down, so that these
// are counts and shares, and no speeds. The daemon is a script of Node's here.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, pause, run, start } from "./Children.mjs"
import { daemonCommand } from "./Peers.mjs"
import { tool, which } from "./Tools.mjs"

const SECONDS = 2
/** Batches are whole then. */
const WINDOW = 256
const folder = makeFolder()

/** Frames that went through the switch, every one since it was started. */
const forward = async (socket, seconds = SECONDS) => {
  const place = { to: "seqpacket", path: socket }
  const options = { ...place, workload: "closed", bytes: 60, ports: 2, window: WINDOW, seconds, warm: 0 }
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  return JSON.parse(await run([tool("load"), ...words])).delivered
}

/** A switch with options of Node's, in a folder of its own. */
const open = async (daemon, nodeOptions) => {
  const place = mkdtempSync(join(folder, "p"))
  const socket = join(place, "s")
  const child = start([process.execPath, ...nodeOptions(place), ...daemonCommand(daemon, socket)])
  // Compiled by the time that is looked at.
  await forward(socket, 1)
  return { ...child, place, socket }
}

/** Calls a frame by name, strace(1); undefined without it. */
const countCalls = async (daemon) => {
  if (which("strace") === undefined) return undefined
  const opened = await open(daemon, () => [])
  const summary = join(opened.place, "calls")
  try {
    const tracer = start([which("strace"), "-f", "-c", "-o", summary, "-p", String(opened.pid)])
    await tracer.says("attached")
    await pause(300)
    const frames = await forward(opened.socket)
    tracer.child.kill("SIGINT")
    await tracer.ended
    const rows = readFileSync(summary, "utf8").split("\n").map((line) => line.trim().split(/\s+/))
    return rows.filter(([share, , , calls]) => Number(share) >= 0 && Number(calls) > frames / 10_000)
      .filter((cells) => cells.at(-1) !== "total")
      .map((cells) => ({ name: cells.at(-1), calls: Number(cells[3]) / frames }))
  } finally {
    await opened.stop()
  }
}

const samplesOf = ({ nodes, samples, timeDeltas }) => {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
  return samples.map((id, i) => ({ frame: byId.get(id), us: timeDeltas[i] }))
}

/** What part of the forwarding thread's time, asleep or not, is JavaScript: Node's own profiler. */
const shareOfJavascript = async (daemon) => {
  const opened = await open(daemon, (place) => ["--cpu-prof", `--cpu-prof-dir=${place}`])
  try {
    await forward(opened.socket)
  } finally {
    await opened.stop()
  }
  const profiles = readdirSync(opened.place).filter((name) => name.endsWith(".cpuprofile"))
    .map((name) => samplesOf(JSON.parse(readFileSync(join(opened.place, name), "utf8"))))
  const isLoop = ({ frame }) => frame.url.endsWith("forwarder.cjs") && frame.functionName === "turn"
  const samples = profiles.find((profile) => profile.some(isLoop))
  if (samples === undefined) throw new Error("no profile of the forwarding thread")
  // The last two seconds: what was before had to be compiled.
  const whole = samples.reduce((sum, { us }) => sum + us, 0)
  let atUs = 0
  const late = samples.filter(({ us }) => (atUs += us) > whole - SECONDS * 1e6)
  const sum = (isOf) => late.filter(isOf).reduce((total, { us }) => total + us, 0)
  const all = sum(() => true)
  return {
    // The addon's time is told as that of the function that calls it.
    javascript: sum(({ frame }) => frame.url !== "" && frame.functionName !== "step") / all,
    collecting: sum(({ frame }) => frame.functionName === "(garbage collector)") / all
  }
}

/** Collections while so many frames pass, in all threads. */
const countCollections = async (daemon) => {
  const opened = await open(daemon, () => ["--trace-gc"])
  // From here on: what is before is the start's.
  let told = ""
  opened.child.stdout.on("data", (text) => {
    told += text
  })
  try {
    const frames = await forward(opened.socket)
    return { frames, count: told.split("\n").filter((line) => /ms: (Scavenge|Mark-Compact)/.test(line)).length }
  } finally {
    await opened.stop()
  }
}

/** What one frame of 60 octets between two guests takes, window 256. */
export const measureProfile = async (daemon) => ({
  calls: await countCalls(daemon),
  time: await shareOfJavascript(daemon),
  collections: await countCollections(daemon)
})
