import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { until, vknetd } from "./commandTranscript.ts"
import { type HostProcess, type HostProcessError, startProcess } from "./guests/HostProcess.ts"

const script = fileURLToPath(new URL("NumberedGuests.py", import.meta.url))

/** What became of one flow's frames. */
export interface FlowReport {
  readonly sent: number
  readonly received: number
  readonly twice: number
  readonly unordered: number
}

/** See NumberedGuests.py. */
export interface NumberedGuests {
  readonly process: HostProcess
  /** The longest silence, in ms, since this was last asked. */
  readonly silenceMs: Effect.Effect<number, HostProcessError>
  readonly end: Effect.Effect<ReadonlyArray<FlowReport>, HostProcessError>
}

export const startNumberedGuests = (
  socketPath: string,
  options: { readonly prefix?: ReadonlyArray<string>; readonly tap?: string } = {}
): Effect.Effect<NumberedGuests, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const { prefix = [], tap } = options
    const process = yield* startProcess([
      ...prefix, "python3", script, socketPath, ...(tap === undefined ? [] : [tap])
    ])
    const lines = () => process.stdout().split("\n").slice(0, -1)
    const lineAfter = (count: number) => process.waitUntil("answered", () => lines()[count], 20_000)
    yield* lineAfter(0)
    const say = (word: string) =>
      Effect.suspend(() => {
        const before = lines().length
        process.write(`${word}\n`)
        return lineAfter(before)
      })
    return {
      process,
      silenceMs: Effect.map(say("mark"), (line) => Number(line.split(" ")[1])),
      end: Effect.map(say("end"), (line) => JSON.parse(line) as ReadonlyArray<FlowReport>)
    }
  })

/** Nothing that was sent is missing, twice or out of order. */
export const assertWhole = (reports: ReadonlyArray<FlowReport>): void => {
  for (const report of reports) {
    assert.isAbove(report.sent, 0)
    assert.deepStrictEqual(report, { sent: report.sent, received: report.sent, twice: 0, unordered: 0 })
  }
}

/** The pid that the file tells, 0 while it tells none. */
export const pidIn = (pidFilePath: string): number => Number(fs.readFileSync(pidFilePath, "utf8"))

/** Starts a process that takes over, in the foreground, and waits until the pid file is its own. */
export const takeOver = (
  argv: ReadonlyArray<string>,
  pidFilePath: string,
  prefix: ReadonlyArray<string> = []
): Effect.Effect<HostProcess, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const process = yield* startProcess([...prefix, ...vknetd, "-d", "--takeover", "-i", pidFilePath, ...argv])
    const took = () => process.stderr().includes("took over a running switch") || undefined
    yield* process.waitUntil("taken over", took, 20_000)
    yield* until("in the pid file", () => pidIn(pidFilePath) === process.pid || undefined)
    return process
  })

/** Middle and greatest, for people who read the test's output. */
export const spread = (values: ReadonlyArray<number>): { readonly median: number; readonly max: number } => {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 }
}
