// Runs one target in a thread and watches it: an input that takes too long is a finding, and so is a thread that dies.
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import { bundle } from "./Bundle.mjs"
import { record } from "./Findings.mjs"

const INPUT_BYTES_MAX = 4096
const LOOK_MS = 1000
/** Looks without a new execution after which one is taken to hang. */
const LOOKS_MAX = 10

const say = (text) => process.stdout.write(`${text}\n`)

const rate = (executions, seconds) => Math.round(executions / Math.max(seconds, 0.001)).toLocaleString("en-US")

const line = ({ edgesInUse, target }, { corpus, cpuSeconds, edges, executions, seconds }) =>
  `${target}: ${executions.toLocaleString("en-US")} executions in ${seconds.toFixed(1)} s, ` +
  `${rate(executions, seconds)}/s, ${rate(executions, cpuSeconds)} each second of CPU; ` +
  `${edges}/${edgesInUse} edges; corpus ${corpus}`

/** One thread from its start to its end: what it told last, or where it was when it hung or died. */
const runThread = (path, task, onFinding) => {
  const shown = new Uint8Array(new SharedArrayBuffer(INPUT_BYTES_MAX))
  const beat = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(pathToFileURL(path), { workerData: { ...task, beat, shown } })
  const current = () => ({ execution: beat[0], hex: Buffer.from(shown.slice(0, beat[1])).toString("hex") })
  return new Promise((resolve) => {
    let last = -1
    let looks = 0
    let over = false
    const end = (how) => {
      if (over) return
      over = true
      clearInterval(timer)
      void worker.terminate().then(() => resolve(how))
    }
    const timer = setInterval(() => {
      looks = beat[0] === last ? looks + 1 : 0
      last = beat[0]
      if (!task.minimise && looks >= LOOKS_MAX) end(
        { failed: `no end after ${LOOKS_MAX * LOOK_MS / 1000} s`, ...current() })
    }, LOOK_MS)
    worker.on("message", (told) => {
      if (told.kind === "finding") onFinding(told)
      else if (told.kind === "told") say(told.text)
      else if (told.kind === "progress") say(line(task, told))
      else end({ done: told })
    })
    worker.on("error", (cause) => end({ failed: `the thread died: ${cause.stack ?? cause}`, ...current() }))
    worker.on("exit", () => end({ failed: "the thread ended", ...current() }))
  })
}

/**
 * Fuzzes, or replays when `replay` says so. Resolves with the number of findings, the edges that were missed as lines
 * of source, and the corpus made small if `minimise` asks for it.
 */
export const watch = async ({ executions, inputs, minimise = false, replay = false, secondsMax, seed, target }) => {
  const { edges, path, remove, where } = await bundle(target)
  // Files that the target does without have numbers but no lines.
  const edgesInUse = where.filter((entry) => entry !== undefined).length
  const task = { target, seed, executions, secondsMax, edges, edgesInUse, inputs, replay, minimise, showAt: -1 }
  let findings = 0
  const find = (finding) => {
    findings++
    record(target, { ...finding, origin: replay ? "replayed" : `seed ${seed}, execution ${finding.execution}` })
  }
  try {
    let ended = await runThread(path, task, find)
    if (ended.failed !== undefined) {
      // The same again up to there: this time the input is shown before it is executed.
      const again = await runThread(path, { ...task, minimise: false, showAt: ended.execution }, () => {})
      find({ message: ended.failed, execution: ended.execution, hex: again.hex ?? "" })
      ended = {}
    }
    const { done } = ended
    if (done !== undefined && !replay) say(line(task, done))
    const missed = (done?.missed ?? []).map((edge) => where[edge]).filter((entry) => entry !== undefined)
    return { findings, ended: done !== undefined, missed, minimised: done?.minimised ?? [] }
  } finally {
    remove()
  }
}
