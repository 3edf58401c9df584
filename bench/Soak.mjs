// A long run at half of capacity while guests come and go, the switch is asked and frames are captured: nothing may
// be lost, and memory must not grow. Or at all of it, for as many frames as there can be: a guest then sends as fast as
// it is answered.
import { readFileSync } from "node:fs"
import { pause, run, start } from "./Children.mjs"
import { tool } from "./Tools.mjs"

/** Connections a second that others make and end. */
const CHURN_RATE = "100"
/** Between one question, or one capture, and the next. */
const ASK_MS = 1000
const CAPTURE_MS = 2000
/** Frames of one capture: a third of a second of what passes. */
const CAPTURE_FRAMES = "50000"
const SAMPLE_MS = 10_000
/** Frames on their way at all of capacity. */
const WINDOW = 256
/** Who measures what is lost reads before all others: a real guest has processors of its own. For root alone. */
const FIRST = ["-n", "-20"]
/** How much more resident memory the last third may take than the one before: a collector's teeth, and no more. */
const GROWTH_MOST = 1.02

const residentKilobytes = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1])

/** Questions and captures end so long before the rest: a capture waits for its last frame. */
const EARLIER_MS = 3000

/** Does it over and over until the time is up; how often, how often it failed, and how at last. */
const repeat = async (endMs, everyMs, act) => {
  const told = { times: 0, failures: 0 }
  while (Date.now() < endMs) {
    await act().then(() => told.times++, (cause) => {
      told.failures++
      told.lastFailure = cause.message
    })
    await pause(Math.min(everyMs, Math.max(0, endMs - Date.now())))
  }
  return told
}

/** What the switch says it dropped, of whatever reason. */
const droppedOf = async (daemon, at) => {
  const { drops } = JSON.parse(await run([daemon, "drops", "--json", ...at]))
  return { drops, frames: drops.reduce((sum, { frames }) => sum + frames, 0) }
}

/** Memory and drops every ten seconds, so that a loss has a time. */
const watch = async (pid, endMs, ask, say) => {
  const samples = []
  const fromMs = Date.now()
  for (let left = endMs - Date.now(); left > 0; left = endMs - Date.now()) {
    await pause(Math.min(SAMPLE_MS, left))
    const { frames } = await ask()
    const sample = {
      seconds: Math.round((Date.now() - fromMs) / 1000),
      residentKilobytes: residentKilobytes(pid),
      dropped: frames
    }
    samples.push(sample)
    say(`${sample.residentKilobytes} KB, ${frames} dropped`)
  }
  return samples
}

const growthOf = (samples) => {
  const third = Math.floor(samples.length / 3)
  const most = (from, to) => Math.max(...samples.slice(from, to).map(({ residentKilobytes }) => residentKilobytes))
  return third === 0 ? undefined : most(samples.length - third) / most(third, samples.length - third)
}

/** @param daemon the command. @param whole at all of capacity. @param say is told memory and drops meanwhile. */
export const soak = async (peer, daemon, { minutes, whole }, say) => {
  const opened = await peer.open({})
  const at = ["-p", opened.path]
  const load = [tool("load"), "--to", peer.to, "--path", opened.path]
  const closed = JSON.parse(await run([...load, "--workload", "closed", "--seconds", "3", "--warm", "1"]))
  const rate = Math.round(closed.delivered / closed.seconds / 2)
  const seconds = minutes * 60
  const churn = start([...load, "--workload", "churn", "--rate", CHURN_RATE, "--seconds", String(seconds)])
  const stream = whole
    ? ["--workload", "closed", "--window", String(WINDOW), "--seconds", String(seconds)]
    : ["--workload", "paced", "--rate", String(rate), "--seconds", String(seconds)]
  const first = whole ? [] : [tool("with"), ...FIRST]
  const streamed = run([...first, ...load, ...stream], { milliseconds: seconds * 1000 + 30_000 })
  const endMs = Date.now() + seconds * 1000
  const asked = repeat(endMs - EARLIER_MS, ASK_MS, () => run([daemon, "status", ...at]))
  const captured = repeat(endMs - EARLIER_MS, CAPTURE_MS, () =>
    run([daemon, "capture", ...at, "-c", CAPTURE_FRAMES, "-w", "/dev/null"]))
  const samples = await watch(opened.pid, endMs, () => droppedOf(daemon, at), say)
  const told = JSON.parse(await streamed)
  const { delivered, late } = told
  // In a closed loop a window is on its way when the time is up.
  const lost = whole ? Math.max(0, told.lost - WINDOW) : told.lost
  const { drops } = await droppedOf(daemon, at)
  const questions = await asked
  const captures = await captured
  await churn.stop()
  await opened.stop()
  const growth = growthOf(samples)
  const passed = lost + questions.failures + captures.failures === 0 && (growth ?? 1) <= GROWTH_MOST
  const sent = whole ? {} : { rate }
  return { passed, minutes, ...sent, delivered, lost, late, drops, questions, captures, growth, samples }
}
