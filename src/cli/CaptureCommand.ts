import { once } from "node:events"
import * as fs from "node:fs"
import type { IncomingMessage } from "node:http"
import * as path from "node:path"
import type { Writable } from "node:stream"
import { PcapngTally } from "../domain/capture/PcapngTally.ts"
import { controlPath } from "../services/ControlPath.ts"
import { captureEnd } from "../services/ControlAnswers.ts"
import { captureHeader } from "../services/ControlWords.ts"
import { type CaptureArguments, captureQuery, readCaptureArguments } from "./CaptureArguments.ts"
import { linesOf } from "./CaptureLine.ts"
import { ask, ControlError, stream } from "./ControlClient.ts"
import { printable } from "./Printable.ts"

/** How long the switch has to send what it still has, once the capture is to end. */
const endMs = 2000

const say = (message: string): void => {
  process.stderr.write(`vknetd: ${message}\n`)
}

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> => {
  // A reader that has seen enough.
  process.stdout.on("error", () => process.exit(0))
  return reportMistakes(async () => {
    const given = readCaptureArguments(argv.slice(1))
    if (typeof given === "string") process.stdout.write(`${given}\n`)
    else await capture(given, say)
  })
}

/** Turns a `ControlError` into a line and a status. */
export const reportMistakes = async (attempt: () => Promise<void>): Promise<number> => {
  try {
    await attempt()
    return 0
  } catch (cause) {
    if (!(cause instanceof ControlError)) throw cause
    say(cause.message)
    return 1
  }
}

/**
 * Captures until it has enough, the switch ends, or a signal comes. Rejects with a `ControlError`.
 *
 * @param tell is told in the end how many frames there were.
 */
export const capture = async (given: CaptureArguments, tell: (summary: string) => void): Promise<void> => {
  if (given.write === "-" && process.stdout.isTTY) {
    throw new ControlError("standard output is a terminal (try: vknetd capture -w - | tcpdump -r -)")
  }
  const socket = controlPath(path.resolve(given.socketPath))
  const answer = await stream(socket, captureQuery(given))
  const ending = new AbortController()
  const tally = new PcapngTally()
  try {
    const output = await openOutput(given.write)
    endOnSignals(socket, answer, ending)
    await copy(answer, tally, output, given.write === undefined ? linesOf() : undefined, ending.signal)
    if (output !== process.stdout) await new Promise((resolve) => output.end(resolve))
  } finally {
    answer.destroy()
  }
  tell(`${tally.frames} ${tally.frames === 1 ? "frame" : "frames"} captured, ${tally.missed} missed`)
  if (!answer.complete && !ending.signal.aborted) throw new ControlError("the switch has ended")
}

const openOutput = async (file: string | undefined): Promise<Writable> => {
  if (file === undefined || file === "-") return process.stdout
  const output = fs.createWriteStream(file)
  try {
    await once(output, "open")
  } catch (cause) {
    throw writeError(file, cause)
  }
  output.on("error", (cause: NodeJS.ErrnoException) => {
    // Wireshark has closed its pipe.
    if (cause.code === "EPIPE") process.exit(0)
    say(writeError(file, cause).message)
    process.exit(1)
  })
  return output
}

const writeError = (file: string, cause: unknown): ControlError => {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new ControlError(`cannot write ${printable(file)}: ${code} (name another file with -w)`)
}

/** The first signal asks the switch for the rest; whatever does not come in time is let go. */
const endOnSignals = (socket: string, answer: IncomingMessage, ending: AbortController): void => {
  const end = (): void => {
    if (ending.signal.aborted) process.exit(1)
    const give = setTimeout(() => {
      ending.abort()
      answer.destroy()
    }, endMs)
    give.unref()
    const id = String(answer.headers[captureHeader])
    ask(socket, "POST", `/captures/${id}/end`, captureEnd).catch(() => {
      ending.abort()
      answer.destroy()
    })
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end)
}

/** Writes whole blocks, or a line for each frame, no faster than the output takes them. */
const copy = async (
  answer: IncomingMessage,
  tally: PcapngTally,
  output: Writable,
  textOf: ((blocks: Uint8Array) => string) | undefined,
  signal: AbortSignal
): Promise<void> => {
  try {
    for await (const piece of answer) {
      const blocks = tally.take(piece as Uint8Array)
      const isTaken = output.write(textOf === undefined ? blocks : textOf(blocks))
      if (!isTaken) await once(output, "drain", { signal })
    }
  } catch (cause) {
    // The switch has gone, or what is left is not waited for.
    if (cause instanceof ControlError) throw cause
  }
}
