import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { parseArgs, type ParseArgsConfig } from "node:util"
import { Bounds } from "../domain/Bounds.ts"
import * as Mac from "../domain/MacAddress.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import { readCommandLine } from "./Command.ts"
import { allFlags, flags, spell } from "./Flags.ts"
import { printable, usageLine, ValueError } from "./UsageError.ts"

/*
 * Command lines of what tries the policy without a switch: options of its own, and those of the switch that say what
 * is let through. The latter are read by the switch's own parser, so that a line means here what it means there.
 */

/** One option of a subcommand's own. */
export interface OwnOption {
  readonly short?: string
  readonly value: boolean
}

/** What a subcommand takes. */
export interface OfflineCommand {
  readonly name: string
  /** One line. */
  readonly usage: string
  /** What the command is for, behind the usage in its help. */
  readonly purpose: string
  readonly own: Readonly<Record<string, OwnOption>>
  /** How many operands come before the address, by what was given. */
  readonly operands: (given: ReadonlySet<string>) => number
}

/** A command line of a subcommand. */
export interface OfflineArguments {
  /** Its own options with a value, and switches, which have an empty one. */
  readonly own: ReadonlyMap<string, string>
  readonly operands: ReadonlyArray<string>
  readonly settings: SwitchSettings
  /** `--max-clients`, if it was given. */
  readonly guestPorts: number | undefined
}

/** What is there for every command of this kind. */
const shared: Readonly<Record<string, OwnOption>> = {
  "host-mac": { value: true },
  help: { short: "h", value: false }
}

/** Options of the switch that change what is let through. */
const policyFlags = [
  flags.unsecure, flags.mtu, flags.macAge, flags.maxClients, flags.isolate, flags.learn, flags.lock, flags.bind,
  flags.maxMacs, flags.maxIps, flags.hold, flags.stormRate, flags.arpRate, flags.dhcpServer, flags.allowEtherType,
  flags.ipv6
]
const taken = new Set(policyFlags.map(spell))

/** Value of `--host-mac` for a switch whose host is not there. */
const NO_HOST = "none"

/** Fixed, so that the same capture gives the same history. */
const HASH_SEED = [1, 2] as const

/** Succeeds with text to print, or with what was asked for. Fails with the first mistake. */
export const readOfflineArguments = (
  command: OfflineCommand,
  argv: ReadonlyArray<string>
): Effect.Effect<string | OfflineArguments, ValueError> =>
  Effect.gen(function*() {
    const { forSwitch, operands, own } = yield* sort(command, argv)
    if (own.has("help")) return `${command.usage}\n${command.purpose}`
    const wanted = command.operands(new Set(own.keys()))
    const surplus = operands[wanted + 1]
    if (operands.length < wanted) return yield* refuse(command, "something is missing")
    if (surplus !== undefined) return yield* refuse(command, `surplus operand ${printable(surplus)}`)
    const address = operands.slice(wanted)
    const words = [...forSwitch, ...(address.length === 0 ? [] : ["--", ...address])]
    const settings = yield* settingsOf(command, own, words)
    const guestPorts = forSwitch.includes(spell(flags.maxClients)) ? settings.guestPorts : undefined
    return { own, operands: operands.slice(0, wanted), settings, guestPorts }
  })

/** A mistake in the form of a command line. */
export const refuse = (command: OfflineCommand, why: string): ValueError =>
  new ValueError({ message: `${why} (${command.usage})` })

interface Sorted {
  readonly own: Map<string, string>
  readonly forSwitch: ReadonlyArray<string>
  readonly operands: ReadonlyArray<string>
}

const sort = (command: OfflineCommand, argv: ReadonlyArray<string>): Either.Either<Sorted, ValueError> => {
  const mine: Record<string, OwnOption> = { ...shared, ...command.own }
  const sorted = { own: new Map<string, string>(), forSwitch: new Array<string>(), operands: new Array<string>() }
  const { tokens } = parseArgs({
    args: [...argv],
    options: optionsFor(mine),
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind === "positional") sorted.operands.push(token.value)
    if (token.kind !== "option") continue
    const { rawName, value } = token
    const option = Object.hasOwn(mine, token.name) ? mine[token.name] : undefined
    if (option !== undefined && (rawName === `--${token.name}` || rawName === `-${option.short}`)) {
      const name = `option ${printable(rawName)}`
      if (option.value && value === undefined) return Either.left(refuse(command, `${name} needs a value`))
      if (!option.value && value !== undefined) return Either.left(refuse(command, `${name} takes no value`))
      sorted.own.set(token.name, value ?? "")
    } else if (taken.has(rawName)) {
      sorted.forSwitch.push(rawName, ...(value === undefined ? [] : [value]))
    } else {
      return Either.left(refuse(command, `unknown option ${printable(rawName)}`))
    }
  }
  return Either.right(sorted)
}

/** For `parseArgs`: every name it has to know to tell values from operands. */
const optionsFor = (mine: Readonly<Record<string, OwnOption>>): NonNullable<ParseArgsConfig["options"]> => {
  const options: NonNullable<ParseArgsConfig["options"]> = {}
  for (const { name, value } of allFlags) {
    const type = value === undefined ? "boolean" : "string"
    // A short name stands for a long one here, which nobody can write.
    options[name.length === 1 ? `short ${name}` : name] = name.length === 1 ? { type, short: name } : { type }
  }
  for (const [name, { short, value }] of Object.entries(mine)) {
    options[name] = { type: value ? "string" : "boolean", ...(short === undefined ? {} : { short }) }
  }
  return options
}

const settingsOf = (
  command: OfflineCommand,
  own: ReadonlyMap<string, string>,
  words: ReadonlyArray<string>
): Effect.Effect<SwitchSettings, ValueError> =>
  Effect.gen(function*() {
    const request = yield* readCommandLine(words, "/").pipe(
      // What the switch says ends with its own usage.
      Effect.mapError(({ message }) => new ValueError({ message: message.replace(usageLine, command.usage) }))
    )
    if (request.kind === "print") return yield* Effect.dieMessage("the switch's parser printed something")
    const { guestPorts, mtuBytes = Bounds.mtuBytesDefault, policy, prefix, secure, stationAgeSeconds } = request.options
    const macText = own.get("host-mac")
    const isNone = macText === undefined || macText === NO_HOST
    const tapMac = isNone ? undefined : Mac.parse(macText)
    if (!isNone && tapMac === undefined) {
      return yield* new ValueError({ message: `bad --host-mac ${printable(macText)}: give it as 52:54:00:12:34:56` })
    }
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
