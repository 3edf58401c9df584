/**
 * The thread that fuzzes. It is told by `workerData` what to do and tells by messages how it goes; whoever watches sees
 * in shared memory which input is being executed, should it never end.
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Random from "../src/adapters/sim/SeededRandom.ts"
import { hits } from "./Edges.ts"
import { Engine, type Found } from "./Engine.ts"
import * as FrameTarget from "./FrameTarget.ts"
import * as OwnerTarget from "./OwnerTarget.ts"
import * as SequenceTarget from "./SequenceTarget.ts"
import { fromHex, hexOf, type Target } from "./Target.ts"

interface Task {
  readonly target: "frames" | "owners" | "sequences"
  readonly seed: number
  readonly executions: number
  readonly secondsMax: number
  readonly edges: number
  /** Inputs as hex: the corpus, or the one input to replay. */
  readonly inputs: ReadonlyArray<string>
  readonly replay: boolean
  /** Tell the whole corpus at the end, made small. */
  readonly minimise: boolean
  /** See `EngineOptions`. */
  readonly beat: Int32Array
  readonly shown: Uint8Array
  readonly showAt: number
}

/** How often it tells how it goes. */
const PROGRESS_MS = 10_000
/** After so many it stops: what else there is to find would be the same. */
const FINDINGS_MAX = 20

const task = workerData as Task
/** What was passed while modules were loaded: settings taken, tables made. No input can pass it. */
const setUp = hits.slice(0, task.edges)
const makers: Record<Task["target"], () => Target> = {
  frames: FrameTarget.make,
  owners: OwnerTarget.make,
  sequences: SequenceTarget.make
}
const tell = (message: Record<string, unknown>): void => parentPort!.postMessage(message)

const edgesOf = ({ features }: Engine): ReadonlyArray<boolean> =>
  Array.from(setUp, (count, edge) => count > 0 || features.has(edge))

const fuzz = (): void => {
  const target = makers[task.target]()
  const beganMs = performance.now()
  const cpuBegan = process.cpuUsage()
  let toldMs = beganMs
  const messages = new Set<string>()
  const found = ({ execution, input, message }: Found): void => {
    if (messages.has(message)) return
    messages.add(message)
    tell({ kind: "finding", message, execution, hex: hexOf(input) })
  }
  const random = Random.make(task.seed)
  const { beat, edges, showAt, shown } = task
  const engine = new Engine({ target, random, edges, beat, shown, showAt, found })
  const figures = () => ({
    executions: engine.executions,
    seconds: (performance.now() - beganMs) / 1000,
    // The watcher sleeps: what the process uses is this thread's, and its collector's.
    cpuSeconds: process.cpuUsage(cpuBegan).user / 1e6,
    edges: edgesOf(engine).filter((passed) => passed).length,
    corpus: engine.corpus.length
  })
  const isOver = (): boolean => {
    const nowMs = performance.now()
    if (nowMs - toldMs > PROGRESS_MS) {
      toldMs = nowMs
      tell({ kind: "progress", ...figures() })
    }
    return messages.size >= FINDINGS_MAX || nowMs - beganMs > task.secondsMax * 1000
  }
  const given = task.inputs.map(fromHex)
  if (task.replay) given.forEach((input) => tell({ kind: "told", text: target.describe(input) }))
  for (const input of task.replay ? given : [...target.seeds, ...given]) engine.take(input)
  if (!task.replay) engine.run(task.executions - engine.executions, isOver)
  const told = figures()
  const missed = edgesOf(engine).flatMap((passed, edge) => passed ? [] : [edge])
  const minimised = task.minimise ? engine.minimised().map(hexOf) : []
  tell({ kind: "done", ...told, missed, minimised })
}

fuzz()
