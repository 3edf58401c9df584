import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Bounds, TAP_PORT } from "../domain/Bounds.ts"
import { type CapturedFrame, isFault } from "../domain/capture/CapturedFrame.ts"
import { explain } from "../domain/explanation/Explanation.ts"
import * as FrameBatch from "../domain/FrameBatch.ts"
import * as Mac from "../domain/MacAddress.ts"
import { judge } from "../domain/policy/Judge.ts"
import * as Policy from "../domain/policy/Policy.ts"
import { reasonNames } from "../domain/Reason.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import { attempt, captureError, openCapture } from "./CaptureFile.ts"
import { explanationText } from "./ExplanationText.ts"
import { type OfflineArguments, misuse, readOfflineArguments } from "./OfflineArguments.ts"
import { explainForm, from, ways } from "./OfflineForms.ts"
import { runOffline } from "./OfflineRun.ts"
import { type Read, readWord, refuse } from "./OptionValue.ts"
import { printable } from "./Printable.ts"
import type { ValueError } from "./UsageError.ts"

const GUEST_PORT = 1

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  runOffline(Effect.gen(function*() {
    const given = yield* readOfflineArguments(explainForm, argv.slice(1))
    if (typeof given === "string") return void process.stdout.write(`${given}\n`)
    process.stdout.write(explained(yield* frameOf(given), given.settings, yield* ingressOf(given)))
  }))

type Ingress = typeof from.takes[number]

const ingressOf = ({ options }: OfflineArguments): Read<Ingress> => readWord(from, options.get(from.name) ?? "guest")

const frameOf = ({ operands, options }: OfflineArguments): Effect.Effect<Uint8Array, ValueError> => {
  const hex = options.get(ways.hex.name)
  const place = options.get(ways.frame.name)
  if (hex !== undefined && place !== undefined) {
    return Effect.fail(misuse(explainForm, "--hex and --frame exclude each other"))
  }
  if (hex !== undefined) return octetsOf(hex)
  return place === undefined
    ? Effect.fail(misuse(explainForm, "say which frame: --hex OCTETS, or --frame N and a capture"))
    : capturedOf(operands[0]!, place)
}

/** Blanks, colons and dashes between digits are for the reader alone. */
const octetsOf = (text: string): Read<Uint8Array> => {
  const digits = text.replace(/[\s:.-]/g, "")
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) return refuse(ways.hex, text, "give two hexadecimal digits an octet")
  return digits.length / 2 > Bounds.frameBytesMax
    ? refuse(ways.hex, text, `that is more than ${Bounds.frameBytesMax} octets`)
    : Either.right(Uint8Array.from(Buffer.from(digits, "hex")))
}

const capturedOf = (path: string, place: string): Effect.Effect<Uint8Array, ValueError> =>
  Effect.gen(function*() {
    const bad = (why: string) => refuse(ways.frame, place, why)
    if (!/^[1-9][0-9]{0,14}$/.test(place)) return yield* bad("give its number in the capture, from 1")
    const number = Number(place)
    const reader = yield* openCapture(path)
    let frame: CapturedFrame | undefined
    for (let n = 1; n <= number; n++) {
      const next = yield* attempt(path, reader.next)
      if (isFault(next)) return yield* captureError(path, next)
      if (next === undefined) return yield* bad(`${printable(path)} has ${n - 1} frames`)
      frame = next
    }
    const { octets, originalBytes } = frame!
    return octets.length >= originalBytes
      ? octets
      : yield* bad(`of its ${originalBytes} octets only ${octets.length} were captured`)
  }).pipe(Effect.scoped)

/** The explanation, whose verdict has to be the one that the switch itself would give. */
const explained = (octets: Uint8Array, settings: SwitchSettings, ingress: Ingress): string => {
  const fromTap = ingress === "tap"
  const isTrunk = ingress === "trunk"
  const allowances = settings.policy ?? {}
  const mayServe = allowances.dhcpServer === "any"
  const explanation = explain(octets, { settings, allowances, fromTap, mayServe, isTrunk })
  const batch = FrameBatch.make(settings.frameBytesMax)
  FrameBatch.append(batch, octets, fromTap ? TAP_PORT : GUEST_PORT)
  const reason = new Uint8Array(1)
  const tapReason = new Uint8Array(1)
  const policy = Policy.make(settings, allowances)
  policy.trunks[GUEST_PORT] = Number(isTrunk)
  judge(batch, policy, reason, tapReason)
  const judged = `${reasonNames[reason[0]!]} ${reasonNames[tapReason[0]!]}`
  const told = `${explanation.reason} ${explanation.tapReason}`
  if (judged !== told) throw new Error(`the switch says ${judged}, its explanation ${told}`)
  const tapMac = settings.tapMac === undefined ? undefined : Mac.format(settings.tapMac)
  return explanationText(octets, explanation, { fromTap, tapMac })
}
