import * as Either from "effect/Either"
import { readFileSync } from "node:fs"
import { parseArgs, type ParseArgsConfig } from "node:util"
import { type Capture, readCapture } from "../domain/capture/CaptureReader.ts"
import type { PolicySettings } from "../domain/policy/PolicySettings.ts"
import type { Prefix } from "../domain/Prefix.ts"
import { parseAddress } from "./AddressOperand.ts"
import { flags } from "./Flags.ts"
import { type RawPolicyOptions, readPolicyOptions } from "./PolicyOptions.ts"
import { printable } from "./UsageError.ts"

/** A mistake in a command that tries the policy: one line. */
export class PolicyCommandError extends Error {}

/** The policy's own options, spelled as the switch's. */
const policyFlags = {
  isolate: flags.isolate,
  learn: flags.learn,
  lock: flags.lock,
  bind: flags.bind,
  maxMacs: flags.maxMacs,
  maxIps: flags.maxIps,
  hold: flags.hold,
  stormRate: flags.stormRate,
  arpRate: flags.arpRate,
  dhcpServer: flags.dhcpServer,
  allowEtherType: flags.allowEtherType
} as const satisfies Record<keyof RawPolicyOptions, { name: string; value: string | undefined }>

type OptionTable = NonNullable<ParseArgsConfig["options"]>

const policyOptions: OptionTable = Object.fromEntries(
  Object.values(policyFlags).map(({ name, value }) => [name, { type: value === undefined ? "boolean" : "string" }])
)

/** What a command that tries the policy was given. */
export interface PolicyArguments {
  readonly secure: boolean
  readonly prefix: Prefix | undefined
  readonly policy: Partial<PolicySettings>
  /** The command's own options with a value, by name. */
  readonly values: Readonly<Record<string, string | undefined>>
  /** The command's own switches that were given. */
  readonly switches: ReadonlySet<string>
  /** Words before the address. */
  readonly operands: ReadonlyArray<string>
}

/**
 * Reads a command line of `[operand ...] [address/cidrbits]` with the policy's options and the command's own.
 *
 * @param argv the command's own name first. @param operandCount words before the address, at most.
 * Throws a `PolicyCommandError` for the first mistake.
 */
export const readPolicyArguments = (
  argv: ReadonlyArray<string>,
  own: OptionTable,
  operandCount: number,
  usage: string
): PolicyArguments => {
  const refuse = (message: string): never => {
    throw new PolicyCommandError(`${message} (${usage})`)
  }
  const options: OptionTable = { ...policyOptions, unsecure: { type: "boolean", short: "U" }, ...own }
  const { positionals, tokens, values } = parseArgs({
    args: argv.slice(1),
    options,
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind !== "option") continue
    const name = printable(token.rawName)
    const known = options[token.name]
    if (known === undefined || (known.short !== undefined && token.rawName.startsWith("--"))) {
      return refuse(`unknown option ${name}`)
    }
    if (known.type === "string" && token.value === undefined) refuse(`option ${name} needs a value`)
    if (known.type === "boolean" && token.value !== undefined) refuse(`option ${name} takes no value`)
  }
  const given = (name: string) => typeof values[name] === "string" ? values[name] : undefined
  const secure = values["unsecure"] !== true
  const addressText = positionals.length > operandCount ? positionals.at(-1) : undefined
  const operands = addressText === undefined ? positionals : positionals.slice(0, -1)
  if (operands.length > operandCount) refuse(`surplus operand ${printable(operands[operandCount]!)}`)
  if (addressText === undefined && secure) refuse("secure mode needs address/cidrbits, as 10.1.0.1/24, or give -U")
  const raw = Object.fromEntries(
    Object.entries(policyFlags).map(([key, { name, value }]) => [
      key,
      value === undefined ? values[name] === true : given(name)
    ])
  ) as unknown as RawPolicyOptions
  return {
    secure,
    prefix: addressText === undefined ? undefined : orThrow(parseAddress(addressText)),
    policy: orThrow(readPolicyOptions(raw)),
    values: Object.fromEntries(Object.keys(own).map((name) => [name, given(name)])),
    switches: new Set(Object.keys(own).filter((name) => values[name] === true)),
    operands
  }
}

const orThrow = <A>(result: Either.Either<A, { readonly message: string }>): A => {
  if (Either.isRight(result)) return result.right
  throw new PolicyCommandError(result.left.message)
}

/** Reads a capture file, or throws a line that says what is wrong with it. */
export const openCapture = (path: string): Capture => {
  let file: Uint8Array
  try {
    file = readFileSync(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "UNKNOWN"
    throw new PolicyCommandError(`cannot read ${printable(path)}: ${code} (give a pcap or pcapng file)`)
  }
  const capture = readCapture(file)
  if (typeof capture === "string") throw new PolicyCommandError(`cannot read ${printable(path)}: ${capture}`)
  return capture
}

/** Runs a command's body; its mistakes are one line and status 1. */
export const withMistakes = (body: () => void): Promise<number> => {
  try {
    body()
    return Promise.resolve(0)
  } catch (mistake) {
    if (!(mistake instanceof PolicyCommandError)) throw mistake
    process.stderr.write(`vknetd: ${mistake.message}\n`)
    return Promise.resolve(1)
  }
}
