import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as http from "node:http"
import { fileURLToPath } from "node:url"
import { run, until } from "./commandTranscript.ts"
import { type HostProcessError, type HostProcessOptions, startProcess } from "./guests/HostProcess.ts"
import { startSwitch, type SwitchUnderTest } from "./guests/SwitchUnderTest.ts"

const script = fileURLToPath(new URL("ControlGuest.py", import.meta.url))

/** A running switch that can be asked. */
export interface ControlledSwitch extends SwitchUnderTest {
  readonly controlPath: string
  /** Runs one of the commands on it. */
  readonly ask: (...argv: ReadonlyArray<string>) => ReturnType<typeof run>
}

/** Starts a switch and waits until it answers questions. */
export const startControlled = (
  directory: string,
  argv: ReadonlyArray<string>,
  prefix: ReadonlyArray<string> = [],
  options: HostProcessOptions = {}
): Effect.Effect<ControlledSwitch, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const target = yield* startSwitch({ directory, prefix, argv, options })
    const controlPath = `${target.socketPath}.ctl`
    yield* until(`there: ${controlPath}`, () => {
      const node = fs.lstatSync(controlPath, { throwIfNoEntry: false })
      return node !== undefined && (node.mode & 0o777) !== 0 || undefined
    })
    return { ...target, controlPath, ask: (...argv) => run([...argv, "-p", target.socketPath]) }
  })

/** Guests that send what they are told to. */
export interface Guests {
  readonly pid: number
  /** One frame of 60 octets between two small numbers; 255 is broadcast. */
  readonly send: (guest: number, to: number, from: number) => Effect.Effect<void, HostProcessError>
  /** Any octets. */
  readonly sendFrame: (guest: number, octets: Uint8Array) => Effect.Effect<void, HostProcessError>
  readonly end: Effect.Effect<void, HostProcessError>
}

const address = (number: number): string =>
  number === 255 ? "ff".repeat(6) : `0200000000${number.toString(16).padStart(2, "0")}`

/** Guests whose connections the switch may not have taken up yet. */
export const connectGuests = (
  socketPath: string,
  count: number,
  options?: HostProcessOptions
): Effect.Effect<Guests, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const process = yield* startProcess(["python3", script, socketPath, String(count)], options)
    const lines = (wanted: number) =>
      process.waitUntil("done", () => process.stdout().split("\n").length > wanted || undefined, 10_000)
    yield* lines(1)
    let sent = 1
    const sendText = (guest: number, octets: string) =>
      Effect.suspend(() => {
        process.write(`${guest} ${octets}\n`)
        sent++
        return Effect.asVoid(lines(sent))
      })
    return {
      pid: process.pid,
      send: (guest, to, from) => sendText(guest, `${address(to)}${address(from)}88b5${"00".repeat(46)}`),
      sendFrame: (guest, octets) => sendText(guest, Buffer.from(octets).toString("hex")),
      end: Effect.suspend(() => {
        process.endInput()
        return Effect.asVoid(process.waitForEnd(10_000))
      })
    }
  })

const soonMs = 10_000

/** Asks until the answer is so; gives the last one that there was, for the test to say what it lacks. */
export const answerWhen = <A, E, R>(
  ask: Effect.Effect<A, E, R>,
  isSo: (answer: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const deadlineMs = performance.now() + soonMs
    return Effect.delay(ask, 10).pipe(
      Effect.repeat({ until: (answer) => isSo(answer) || performance.now() > deadlineMs })
    )
  })

/** Guests that are ports of the switch, so that what is flooded from now on reaches each of them. */
export const startGuests = (
  target: ControlledSwitch,
  count: number
): Effect.Effect<Guests, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const present = Effect.map(
      request({ socketPath: target.controlPath, path: "/status" }),
      ({ text }) => Number(/"guests":(\d+)/.exec(text)?.[1] ?? 0)
    )
    const before = yield* present
    const guests = yield* connectGuests(target.socketPath, count)
    yield* answerWhen(present, (guestCount) => guestCount >= before + count)
    return guests
  })

/** What an HTTP client of ours sees; status 0 for a connection that was closed without an answer. */
export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

const unanswered = { status: 0, headers: {} }

/** Asks once, as curl would. */
export const request = (where: http.RequestOptions): Effect.Effect<Answer> =>
  Effect.async((resume) => {
    const asked = http.request({ agent: false, ...where }, (answer) => {
      let text = ""
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      const { headers, statusCode = 0 } = answer
      answer.on("end", () => resume(Effect.succeed({ status: statusCode, headers, text })))
      answer.on("error", () => resume(Effect.succeed({ ...unanswered, text })))
    })
    asked.on("error", ({ code = "" }: NodeJS.ErrnoException) =>
      resume(Effect.succeed({ ...unanswered, text: code })))
    asked.end()
  })
