import * as Effect from "effect/Effect"
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
import { type OfflineArguments, type OfflineCommand, readOfflineArguments, refuse } from "./OfflineArguments.ts"
import { runOffline } from "./OfflineRun.ts"
import { printable, ValueError } from "./UsageError.ts"

const command: OfflineCommand = {
  name: "explain",
  usage: "usage: vknetd explain [--from guest|trunk|tap] [--host-mac MAC] [--ipv6 ADDRESS/BITS] [-U] " +
    "[policy option ...] (--hex OCTETS | --frame N capture) [address/cidrbits]",
  purpose: "which rules one frame meets, what they read in it, and what becomes of it",
  own: { from: { value: true }, hex: { value: true }, frame: { value: true } },
  operands: (given) => given.has("hex") ? 0 : 1
}

const GUEST_PORT = 1

/** Runs the command; the exit status. */
export const run = (argv: ReadonlyArray<string>): Promise<number> =>
  runOffline(Effect.gen(function*() {
    const given = yield* readOfflineArguments(command, argv.slice(1))
    if (typeof given === "string") return void process.stdout.write(`${given}\n`)
    process.stdout.write(explained(yield* frameOf(given), given.settings, yield* ingressOf(given)))
  }))

type Ingress = "guest" | "trunk" | "tap"

const ingressOf = ({ own }: OfflineArguments): Effect.Effect<Ingress, ValueError> => {
  const from = own.get("from") ?? "guest"
  return from === "guest" || from === "trunk" || from === "tap"
    ? Effect.succeed(from)
    : Effect.fail(new ValueError({ message: `bad --from ${printable(from)}: give guest, trunk or tap` }))
}

const frameOf = ({ operands, own }: OfflineArguments): Effect.Effect<Uint8Array, ValueError> => {
  const hex = own.get("hex")
  const place = own.get("frame")
  if (hex !== undefined && place !== undefined) {
    return Effect.fail(refuse(command, "--hex and --frame exclude each other"))
  }
  if (hex !== undefined) return octetsOf(hex)
  return place === undefined
    ? Effect.fail(refuse(command, "say which frame: --hex OCTETS, or --frame N and a capture"))
    : capturedOf(operands[0]!, place)
}

/** Blanks, colons and dashes between digits are for the reader alone. */
const octetsOf = (text: string): Effect.Effect<Uint8Array, ValueError> => {
  const bad = (why: string) => Effect.fail(new ValueError({ message: `bad --hex ${printable(text)}: ${why}` }))
  const digits = text.replace(/[\s:.-]/g, "")
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) return bad("give two hexadecimal digits an octet")
  return digits.length / 2 > Bounds.frameBytesMax
    ? bad(`that is more than ${Bounds.frameBytesMax} octets`)
    : Effect.succeed(Uint8Array.from(Buffer.from(digits, "hex")))
}

const capturedOf = (path: string, place: string): Effect.Effect<Uint8Array, ValueError> =>
  Effect.gen(function*() {
    const bad = (why: string) => new ValueError({ message: `bad --frame ${printable(place)}: ${why}` })
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
const explained = (octets: Uint8Array, settings: SwitchSettings, from: Ingress): string => {
  const fromTap = from === "tap"
  const isTrunk = from === "trunk"
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
