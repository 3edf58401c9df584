import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Binding, NativeExchange } from "../../../src/adapters/native/Binding.ts"
import { Bounds } from "../../../src/domain/Bounds.ts"

/** A frame that a child received. */
export interface ChildFrame {
  readonly port: number
  readonly size: number
  readonly octets: Array<number>
}

/** An exchange in a child. */
export interface ChildExchange {
  readonly native: NativeExchange
  /** Steps; the frames received, those that came while something was sent among them. */
  readonly step: (timeoutMs: number) => Array<ChildFrame>
  /** The last step's events: `[kind, port, handle or errno]`. */
  readonly rows: () => Array<readonly [number, number, number]>
  /** Sends one frame to each of the ports; the outcomes. */
  readonly send: (octets: ReadonlyArray<number>, ...egress: ReadonlyArray<number>) => Array<number>
  /** Sends up to 96 frames to one port; the outcomes. */
  readonly sendMany: (frames: ReadonlyArray<ReadonlyArray<number>>, egress: number) => Array<number>
}

/** What a function that runs in a child finds there. */
export interface Tools {
  readonly binding: Binding
  readonly exchange: (listener: number) => ChildExchange
  /** Runs a command to its end; standard output, or an error that carries standard error. */
  readonly run: (command: string, ...args: ReadonlyArray<string>) => string
}

/** A Node process with the addon loaded, in other circumstances than ours: limits, a network namespace. */
export interface NativeChild {
  /** Evaluates a function there. It must not refer to anything outside itself; what it returns must be JSON. */
  readonly evaluate: <R, A = undefined>(body: (tools: Tools, argument: A) => R, argument?: A) => Promise<R>
  /** Ends it as a crash would. */
  readonly kill: () => Promise<void>
}

const script = `
const { createRequire } = require("node:module")
const { spawnSync } = require("node:child_process")
const binding = require(process.argv[1])
const run = (command, ...args) => {
  const done = spawnSync(command, args, { encoding: "utf8" })
  if (done.status !== 0) throw new Error(command + " " + args.join(" ") + ": " + (done.error ?? done.stderr))
  return done.stdout
}
const exchange = (listener) => {
  const slots = 160, slotBytes = 1600
  const u16 = () => new Uint16Array(slots)
  const arrays = {
    bytes: new Uint8Array(slots * slotBytes), size: u16(), port: u16(),
    planSlot: u16(), planEgress: u16(), planOutcome: new Uint8Array(slots),
    events: new Int32Array(256 * 6), state: new Int32Array(2), clock: new Float64Array(1)
  }
  const native = binding.openExchange(arrays, {
    slotBytes, frameBytesMax: 1518, batchFrames: ${Bounds.batchFrames}, portCount: 8, listener, trunkListener: -1,
    wake: -1, sendBufferBytes: 65536
  })
  const take = (count) => Array.from({ length: count }, (_, slot) => {
    const size = arrays.size[slot]
    return {
      port: arrays.port[slot],
      size,
      octets: Array.from(arrays.bytes.subarray(slot * slotBytes, slot * slotBytes + Math.min(size, slotBytes)))
    }
  })
  const early = []
  return {
    native,
    step: (timeoutMs) => [...early.splice(0), ...take(native.step(0, timeoutMs))],
    rows: () => Array.from({ length: arrays.state[0] }, (_, row) =>
      Array.from(arrays.events.subarray(row * 6, row * 6 + 3))),
    send: (octets, ...egress) => {
      arrays.bytes.set(octets, 70 * slotBytes)
      arrays.size[70] = octets.length
      arrays.planSlot.fill(70)
      arrays.planEgress.set(egress)
      early.push(...take(native.step(egress.length, 0)))
      return Array.from(arrays.planOutcome.subarray(0, egress.length))
    },
    sendMany: (frames, egress) => {
      frames.forEach((octets, i) => {
        arrays.bytes.set(octets, (64 + i) * slotBytes)
        arrays.size[64 + i] = octets.length
        arrays.planSlot[i] = 64 + i
      })
      arrays.planEgress.fill(egress)
      early.push(...take(native.step(frames.length, 0)))
      return Array.from(arrays.planOutcome.subarray(0, frames.length))
    }
  }
}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { body, argument } = JSON.parse(line)
  let answer
  try {
    answer = { value: (0, eval)("(" + body + ")")({ binding, exchange, run }, argument) }
  } catch (error) {
    answer = { error: String(error) }
  }
  const text = JSON.stringify(answer, (_, value) => typeof value === "bigint" ? String(value) : value)
  process.stdout.write(text + "\\n")
})
`

const addonPath = fileURLToPath(new URL("../../../build/Release/vknetd.node", import.meta.url))

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once("exit", () => resolve())
  })

/** Starts one, behind the words of `prefix` (e.g. `["unshare", "-n"]`). */
export const start = (...prefix: ReadonlyArray<string>): NativeChild => {
  const [command, ...args] = [...prefix, process.execPath, "-e", script, addonPath]
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    evaluate: async (body, argument) => {
      child.stdin.write(`${JSON.stringify({ body: String(body), argument })}\n`)
      const { done, value } = await answers.next()
      if (done === true) throw new Error("the child ended")
      const answer = JSON.parse(value)
      if ("error" in answer) throw new Error(answer.error)
      return answer.value
    },
    kill: async () => {
      child.kill("SIGKILL")
      await ended(child)
    }
  }
}

/** Starts one, uses it, ends it. */
export const within = async <R>(
  prefix: ReadonlyArray<string>,
  use: (child: NativeChild) => Promise<R>
): Promise<R> => {
  const child = start(...prefix)
  try {
    return await use(child)
  } finally {
    await child.kill()
  }
}
