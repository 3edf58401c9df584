import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { replay } from "../adapters/sim/Replay.ts"
import * as Writer from "../domain/capture/PcapngWriter.ts"
import * as Mac from "../domain/MacAddress.ts"
import * as Survey from "../services/CaptureSurvey.ts"
import { commentOf, jsonOf, type ReplayedFrame } from "../services/ReplayedFrame.ts"
import { ReplayTally } from "../services/ReplayTally.ts"
import { attempt, captureError, openCapture, openOutput } from "./CaptureFile.ts"
import { type OfflineArguments, readOfflineArguments } from "./OfflineArguments.ts"
import { guests, replayForm } from "./OfflineForms.ts"
import { runOffline } from "./OfflineRun.ts"
import { readWord } from "./OptionValue.ts"
import { type Column, table } from "./Table.ts"
import type { ValueError } from "./UsageError.ts"

/** Guests at most, unless told: each of them gets a copy of every broadcast. */
const GUESTS_DEFAULT = 64

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  runOffline(Effect.gen(function*() {
    const given = yield* readOfflineArguments(replayForm, argv.slice(1))
    if (typeof given === "string") return void process.stdout.write(`${given}\n`)
    yield* replayed(given)
  }).pipe(Effect.scoped))

const replayed = (given: OfflineArguments): Effect.Effect<void, ValueError, Scope.Scope> =>
  Effect.gen(function*() {
    const path = given.operands[0]!
    const { options, settings } = given
    const kind = options.get(guests.name)
    const by = kind === undefined ? undefined : yield* readWord(guests, kind)
    const first = yield* openCapture(path)
    const { survey } = yield* attempt(path, () =>
      Survey.survey(first, {
        prefix: settings.prefix,
        hostMac: settings.tapMac === undefined ? options.get("host-mac") : Mac.format(settings.tapMac),
        by,
        guestPorts: given.guestPorts ?? GUESTS_DEFAULT
      }))
    const tally = new ReplayTally()
    const output = options.get("w")
    const write = output === undefined ? undefined : verdictWriter(yield* openOutput(output, path))
    const ports = Math.max(1, survey.guests.length)
    const reader = yield* openCapture(path)
    const fault = yield* attempt(path, () =>
      replay(reader, survey, { ...settings, guestPorts: ports, guestPortsPerUid: ports }, (one) => {
        tally.add(one)
        if (options.has("json")) process.stdout.write(`${jsonOf(one)}\n`)
        write?.(one)
      }))
    if (!options.has("json")) process.stdout.write(reportText(survey, tally))
    // What came before the fault has been told.
    if (fault !== undefined) return yield* captureError(path, fault)
  })

/** As an interface a port has a name, not a number alone. */
const interfaceName = (port: string | null): string => {
  if (port === null) return "switch"
  return /^\d+$/.test(port) ? `port${port}` : port
}

/** Writes each frame on its port's interface, with its verdict as its comment. */
const verdictWriter = (write: (octets: Uint8Array) => void): (replayed: ReplayedFrame) => void => {
  const numbers = new Map<string, number>()
  write(Writer.sectionHeader())
  return (replayed) => {
    const { frame, ingress } = replayed
    const name = interfaceName(ingress)
    let interfaceNumber = numbers.get(name)
    if (interfaceNumber === undefined) {
      interfaceNumber = numbers.size
      numbers.set(name, interfaceNumber)
      write(Writer.interfaceBlock(name))
    }
    write(Writer.packetBlock({
      interfaceNumber,
      timeNs: frame.timeNs,
      octets: frame.octets,
      originalBytes: frame.originalBytes,
      direction: ingress === null ? "outbound" : "inbound",
      comment: commentOf(replayed)
    }))
  }
}

const verdictColumns: ReadonlyArray<Column> = [
  { name: "PORT" }, { name: "STATION" }, { name: "VERDICT" }, { name: "FRAMES", right: true }
]
const reasonColumns: ReadonlyArray<Column> = [
  { name: "REASON" }, { name: "FRAMES", right: true }, { name: "FIRST", right: true }, { name: "AT" }
]

const reportText = (survey: Survey.Survey, tally: ReplayTally): string => {
  const parts = [
    table(verdictColumns, tally.verdicts.map(({ frames, port, station, verdict }) =>
      [port, station, verdict, String(frames)]))
  ]
  if (tally.reasons.length > 0) {
    parts.push(table(reasonColumns, tally.reasons.map(({ first, firstTime, frames, reason }) =>
      [reason, String(frames), String(first), firstTime])))
  }
  const { guests, hostMac, isCrowded } = survey
  const host = hostMac === undefined ? "the host is in none of them (see --host-mac)" : `the host is ${hostMac}`
  const crowd = isCrowded ? `; the guests after the first ${guests.length - 1} share a port (see --max-clients)` : ""
  return [...parts, `${tally.summary}; ${host}${crowd}\n`].join("\n")
}
