import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { replay } from "../adapters/sim/Replay.ts"
import type { CaptureFault, CaptureReader } from "../domain/capture/CapturedFrame.ts"
import * as Writer from "../domain/capture/PcapngWriter.ts"
import * as Mac from "../domain/MacAddress.ts"
import * as Survey from "../services/CaptureSurvey.ts"
import { jsonOf, type ReplayedFrame, verdictOf } from "../services/ReplayedFrame.ts"
import { ReplayTally } from "../services/ReplayTally.ts"
import { attempt, captureError, openCapture, openOutput } from "./CaptureFile.ts"
import { type OfflineArguments, type OfflineCommand, readOfflineArguments } from "./OfflineArguments.ts"
import { runOffline } from "./OfflineRun.ts"
import { table } from "./Table.ts"
import { printable, ValueError } from "./UsageError.ts"

const command: OfflineCommand = {
  name: "replay",
  usage: "usage: vknetd replay [--json] [-w out.pcapng] [--host-mac MAC] [--ipv6 ADDRESS/BITS] [--guests N] " +
    "[policy option ...] capture [address/cidrbits]",
  purpose: "what the switch would do with the frames of a capture, by reason and by station",
  own: { json: { value: false }, write: { short: "w", value: true }, guests: { value: true } },
  operands: () => 1
}

/** Guests at most, unless told: each of them gets a copy of every broadcast. */
const GUESTS_DEFAULT = 64
const GUESTS_MAX = 1024

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  runOffline(Effect.gen(function*() {
    const given = yield* readOfflineArguments(command, argv.slice(1))
    if (typeof given === "string") return void process.stdout.write(`${given}\n`)
    yield* replayed(given)
  }).pipe(Effect.scoped))

const replayed = (given: OfflineArguments): Effect.Effect<void, ValueError, Scope.Scope> =>
  Effect.gen(function*() {
    const path = given.operands[0]!
    const { settings } = given
    const guestPorts = yield* guestsOf(given)
    const { survey } = yield* attemptWith(path, yield* openCapture(path), (reader) =>
      Survey.survey(reader, {
        prefix: settings.prefix,
        hostMac: settings.tapMac === undefined ? undefined : Mac.format(settings.tapMac),
        guestPorts
      }))
    const tally = new ReplayTally()
    const isJson = given.own.has("json")
    const output = given.own.get("write")
    const write = output === undefined ? undefined : verdictWriter(yield* openOutput(output, path))
    const ports = Math.max(1, survey.guests.length)
    const fault = yield* attemptWith(path, yield* openCapture(path), (reader): CaptureFault | undefined =>
      replay(reader, survey, { ...settings, guestPorts: ports, guestPortsPerUid: ports }, (one) => {
        tally.add(one)
        if (isJson) process.stdout.write(`${jsonOf(one)}\n`)
        write?.(one)
      }))
    if (!isJson) process.stdout.write(reportText(survey, tally))
    // What came before the fault has been told.
    if (fault !== undefined) return yield* captureError(path, fault)
  })

const attemptWith = <A>(path: string, reader: CaptureReader, read: (reader: CaptureReader) => A) =>
  attempt(path, () => read(reader))

const guestsOf = ({ own }: OfflineArguments): Effect.Effect<number, ValueError> => {
  const text = own.get("guests")
  if (text === undefined) return Effect.succeed(GUESTS_DEFAULT)
  return /^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= GUESTS_MAX
    ? Effect.succeed(Number(text))
    : Effect.fail(new ValueError({ message: `bad --guests ${printable(text)}: give a number from 1 to ${GUESTS_MAX}` }))
}

/** Writes each frame on its port's interface, with its verdict as its comment. */
const verdictWriter = (write: (octets: Uint8Array) => void): (replayed: ReplayedFrame) => void => {
  const numbers = new Map<string, number>()
  write(Writer.sectionHeader())
  return (replayed) => {
    const { frame, ingress } = replayed
    const name = ingress ?? "switch"
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
      comment: verdictOf(replayed)
    }))
  }
}

const reportText = (survey: Survey.Survey, tally: ReplayTally): string => {
  const host = survey.hostMac === undefined ? "the host was not seen (name it with --host-mac)" : `the host is ${survey.hostMac}`
  const guests = survey.by === "interface" ? "a guest is an interface" : "a guest is a source MAC"
  const crowd = survey.isCrowded ? ` (more than ${survey.guests.length}: those that came late share the last port)` : ""
  const stations = table(
    [{ name: "port" }, { name: "station" }, { name: "passed", right: true }, { name: "denied", right: true }, { name: "why" }],
    tally.stations.map(({ denied, passed, port, reasons, station }) => [
      port,
      station,
      String(passed),
      String(denied),
      reasons.map(([reason, frames]) => `${reason} ${frames}`).join(", ")
    ])
  )
  const reasons = tally.reasons.length === 0 ? "" : `\n${
    table(
      [{ name: "reason" }, { name: "frames", right: true }, { name: "first", right: true }, { name: "at" }, { name: "most from" }],
      tally.reasons.map(({ first, firstTime, frames, reason, station }) =>
        [reason, String(frames), String(first), firstTime, station])
    )
  }`
  return `${tally.summary}\n${host}; ${guests}${crowd}\n\n${stations}${reasons}`
}
