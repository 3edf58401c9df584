import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Bounds } from "../domain/Bounds.ts"
import * as Mac from "../domain/MacAddress.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import { readCommandLine } from "./Command.ts"
import { type CommandForm, type Operand, operandsOf, optionsOf, usageOf } from "./CommandForm.ts"
import { readCommandWords } from "./CommandWords.ts"
import { flags, spell } from "./Flags.ts"
import { config, hostMac, NO_HOST, switchOptions } from "./OfflineForms.ts"
import { refuse } from "./OptionValue.ts"
import { ValueError } from "./UsageError.ts"
import { usageLine } from "./UsageLine.ts"

/*
 * Command lines of what tries the policy without a switch: options of its own, and those of the switch that say what
 * is let through. The latter are read by the switch's own parser, so that a line means here what it means there.
 */

/** A command line of a subcommand. */
export interface OfflineArguments {
  /** Every option given, by its name. */
  readonly options: ReadonlyMap<string, string>
  readonly operands: ReadonlyArray<string>
  readonly settings: SwitchSettings
  /** `--max-clients`, if it was given, or what a switch with the file of `--config` has. */
  readonly guestPorts: number | undefined
}

/** Fixed, so that the same capture gives the same history. */
const HASH_SEED = [1, 2] as const

/** Succeeds with text to print, or with what was asked for. Fails with the first mistake. */
export const readOfflineArguments = (
  form: CommandForm,
  argv: ReadonlyArray<string>
): Effect.Effect<string | OfflineArguments, ValueError> =>
  Effect.gen(function*() {
    const given = yield* Either.mapLeft(readCommandWords(form, argv), (message) => new ValueError({ message }))
    if (typeof given === "string") return given
    const { operands, options } = given
    const named = operandsOf(form, ({ name }) => options.has(name)).length - form.operands.filter(isOptional).length
    const address = operands.slice(named)
    const forSwitch = optionsOf(form)
      .filter(({ name }) => switchOptions.has(name) && options.has(name))
      .flatMap((flag) => flag.value === undefined ? [spell(flag)] : [spell(flag), options.get(flag.name)!])
    const words = [...forSwitch, ...(address.length === 0 ? [] : ["--", ...address])]
    const settings = yield* settingsOf(form, options, words)
    const guestPorts = options.has(flags.maxClients.name) || options.has(config.name) ? settings.guestPorts : undefined
    return { options, operands: operands.slice(0, named), settings, guestPorts }
  })

const isOptional = ({ optional }: Operand): boolean => optional === true

/** A mistake in the form of a command line. */
export const misuse = (form: CommandForm, why: string): ValueError =>
  new ValueError({ message: `${why} (${usageOf(form)})` })

const settingsOf = (
  form: CommandForm,
  options: ReadonlyMap<string, string>,
  words: ReadonlyArray<string>
): Effect.Effect<SwitchSettings, ValueError> =>
  Effect.gen(function*() {
    const request = yield* readCommandLine(words, process.cwd()).pipe(
      // What the switch says ends with its own usage.
      Effect.mapError(({ message }) => new ValueError({ message: message.replace(usageLine, usageOf(form)) }))
    )
    if (request.kind === "print") return yield* Effect.dieMessage("the switch's parser printed something")
    const { guestPorts, mtuBytes = Bounds.mtuBytesDefault, policy, prefix, secure, stationAgeSeconds } = request.options
    const macText = options.get(hostMac.name)
    const isNone = macText === undefined || macText === NO_HOST
    const tapMac = isNone ? undefined : Mac.parse(macText)
    if (!isNone && tapMac === undefined) return yield* refuse(hostMac, macText, "give it as 52:54:00:12:34:56")
    return {
      secure,
      prefix,
      tapMac,
      tapMtuBytes: mtuBytes,
      frameBytesMax: Math.max(mtuBytes, Bounds.mtuBytesDefault) + Bounds.frameOverheadBytes,
      guestPorts,
      guestPortsPerUid: guestPorts,
      stationAgeSeconds,
      policy,
      hashSeed: HASH_SEED
    }
  })
