import * as Either from "effect/Either"
import * as path from "node:path"
import { Bounds } from "../domain/Bounds.ts"
import type { Prefix } from "../domain/Prefix.ts"
import { controlPath } from "../services/ControlPath.ts"
import { parseAddress } from "./AddressOperand.ts"
import { objectToShares } from "./GuestShares.ts"
import { type Flag, flags, mtuBytesMax, mtuBytesMin, seedMax, spell } from "./Flags.ts"
import { readListenAddress } from "./ListenAddress.ts"
import { defaults, type Options } from "./Options.ts"
import { clash, given, type Read, readNumber, readPath, refuse } from "./OptionValue.ts"
import { readPolicyOptions } from "./PolicyOptions.ts"
import { printable } from "./Printable.ts"
import { readServiceOptions } from "./ServiceOptions.ts"
import { usageLine } from "./UsageLine.ts"
import { readWebOptions } from "./WebOptions.ts"

/** The command line as words: switches as booleans, values as given, undefined where nothing was. */
export type RawOptions =
  & { readonly [K in keyof typeof flags]: (typeof flags)[K]["value"] extends undefined ? boolean : string | undefined }
  & { readonly address: string | undefined }

/** One of them: a switch's, or an option's or the address. */
export type Word = RawOptions[keyof RawOptions]

const nothing = Object.fromEntries(
  Object.entries(flags).map(([key, { value }]) => [key, value === undefined ? false : undefined])
)

/** A command line of these words alone, each of its option's kind. */
export const rawOf = (words: Readonly<Partial<Record<keyof RawOptions, Word>>>): RawOptions =>
  ({ ...nothing, address: undefined, ...words }) as RawOptions

/**
 * Checks every value, then what goes together, and fills in the defaults.
 *
 * @param cwd  absolute; what relative paths start from.
 *
 * Fails with the first mistake. Touches nothing.
 */
export const toOptions = (raw: RawOptions, cwd: string): Read<Options> =>
  Either.gen(function*() {
    yield* objectTo(raw)
    const real = !raw.simulate && !raw.noTap
    const foreground = raw.foreground || raw.simulate || raw.monitor
    const prefix = yield* readPrefix(raw)
    const ownPath = raw.simulate ? undefined : defaults.socketPath
    const socketPath = yield* given(raw.socket, readPath(flags.socket, cwd), ownPath)
    const options = {
      kind: raw.monitor ? "monitor" : "switch",
      foreground,
      secure: !raw.unsecure,
      bridgeName: yield* given(raw.bridge, readBridge, undefined),
      socketPath,
      socketPathGiven: raw.socket !== undefined,
      pidFilePath: yield* given(
        raw.pidFile,
        readPath(flags.pidFile, cwd),
        real ? defaults.pidFilePath : undefined
      ),
      tapName: yield* given(raw.tap, (text) => readTap(text, cwd), real ? defaults.tapName : undefined),
      offload: !raw.noOffload,
      simulate: raw.simulate,
      takeover: raw.takeover,
      prefix,
      groupName: yield* given(raw.group, readGroup, real ? defaults.groupName : undefined),
      socketMode: yield* given(raw.mode, readMode, defaults.socketMode),
      trunkPath: yield* given(raw.trunk, readPath(flags.trunk, cwd), undefined),
      guestPorts: yield* given(raw.maxClients, readCount(flags.maxClients), Bounds.guestPortsDefault),
      guestPortsPerUid: yield* given(
        raw.maxClientsPerUid,
        readCount(flags.maxClientsPerUid),
        Bounds.guestPortsPerUidDefault
      ),
      mtuBytes: yield* given(raw.mtu, readNumber(flags.mtu, mtuBytesMin, mtuBytesMax), undefined),
      stationAgeSeconds: yield* given(
        raw.macAge,
        readNumber(flags.macAge, 1, Bounds.stationAgeSecondsMax),
        Bounds.stationAgeSeconds
      ),
      seed: yield* given(raw.seed, readNumber(flags.seed, 0, seedMax), undefined),
      policy: yield* readPolicyOptions(raw),
      metrics: yield* given(raw.metrics, readListenAddress(flags.metrics, 9100), undefined),
      web: yield* readWebOptions(raw, cwd),
      configPath: yield* given(raw.config, readPath(flags.config, cwd), undefined),
      ...(yield* readServiceOptions(raw, foreground, cwd))
    } satisfies Options
    yield* objectToPaths(options)
    if (options.secure && !raw.monitor) yield* objectToShares(options)
    return options
  })

/** Paths that two options have in common: the second would replace what the first has made, or read it as its own. */
const objectToPaths = (options: Options): Read<void> => {
  const { configPath, log, pidFilePath, socketPath, trunkPath, web } = options
  const uses: ReadonlyArray<readonly [flag: Flag, path: string | undefined, what?: string]> = [
    [flags.socket, socketPath],
    [flags.socket, socketPath && controlPath(socketPath), `${spell(flags.socket)}'s control socket`],
    [flags.trunk, trunkPath],
    [flags.pidFile, pidFilePath],
    [flags.config, configPath],
    [flags.logFile, log.filePath],
    [flags.webToken, web?.tokenPath]
  ]
  const whose = new Map<string, readonly [flag: Flag, what: string]>()
  for (const [flag, path, what = spell(flag)] of uses) {
    if (path === undefined) continue
    const other = whose.get(path)
    if (other !== undefined) {
      return clash([other[0], flag], `${other[1]} and ${what} are one path, ${printable(path)}; give each its own`)
    }
    whose.set(path, [flag, what])
  }
  return Either.void
}

/** Options that make no sense together. `-c` goes with the others as it always did: they are not used. */
const objectTo = (raw: RawOptions): Read<void> => {
  const exclude = (a: Flag, b: Flag, why: string) =>
    clash([a, b], `${spell(a)} and ${spell(b)} exclude each other: ${why}`)
  if (raw.simulate) {
    const why = "the simulation has a host of its own; leave one of them out"
    if (raw.monitor) return exclude(flags.simulate, flags.monitor, "dump a simulated switch with -c -p its socket")
    if (raw.noTap) return exclude(flags.simulate, flags.noTap, why)
    if (raw.takeover) return exclude(flags.simulate, flags.takeover, "a simulated host does not come along")
    if (raw.noOffload) return exclude(flags.simulate, flags.noOffload, why)
    if (raw.tap !== undefined) return exclude(flags.simulate, flags.tap, why)
    if (raw.bridge !== undefined) return exclude(flags.simulate, flags.bridge, why)
  } else if (raw.seed !== undefined) {
    return clash([flags.seed], `${spell(flags.seed)} is the simulation's; give ${spell(flags.simulate)} too`)
  }
  if (raw.noTap) {
    const why = "without a host side there is no tap; leave one of them out"
    if (raw.tap !== undefined) return exclude(flags.noTap, flags.tap, why)
    if (raw.noOffload) return exclude(flags.noTap, flags.noOffload, why)
    if (raw.bridge !== undefined) return exclude(flags.noTap, flags.bridge, why)
  }
  return Either.void
}

const readPrefix = (raw: RawOptions): Read<Prefix | undefined> => {
  if (raw.address !== undefined) return parseAddress(raw.address)
  if (raw.monitor) return Either.right(undefined)
  if (raw.simulate) return parseAddress(defaults.simulatedAddress)
  if (raw.unsecure) return Either.right(undefined)
  return clash(
    [flags.unsecure],
    `secure mode needs address/cidrbits, as 10.1.0.1/24, or give -U to judge no addresses (${usageLine})`
  )
}

/** 15 characters and a NUL are what systems hold an interface's name in: IFNAMSIZ, netdevice(7) and net/if.h. */
const interfaceNameCharactersMax = 15

/** `tap` alone named the device that hands out the first free one. */
const readTap = (text: string, cwd: string): Read<string> => {
  if (text === "auto" || text === "tap") return Either.right("auto")
  if (/^tap(?:0|[1-9][0-9]*)$/.test(text) && text.length <= interfaceNameCharactersMax) return Either.right(text)
  if (text.includes("/")) return Either.right(path.resolve(cwd, text))
  return refuse(flags.tap, text, "give auto, tapN as in tap0, or the path of a device", "tap")
}

const readBridge = (text: string): Read<string> =>
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) && text.length <= interfaceNameCharactersMax
    ? Either.right(text)
    : refuse(flags.bridge, text, "give the name of an interface, as bridge0", "bridge")

const gidMax = 0xffff_fffe

const readGroup = (text: string): Read<string> => {
  const usable = /^[0-9]+$/.test(text)
    ? Number(text) <= gidMax
    : /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/.test(text)
  return usable
    ? Either.right(text)
    : refuse(flags.group, text, `give the name or the number of a group, as ${defaults.groupName}`, "group")
}

const readMode = (text: string): Read<number> =>
  /^0?[0-7]{3}$/.test(text)
    ? Either.right(Number.parseInt(text, 8))
    : refuse(flags.mode, text, "give three octal digits, as 660", "mode")

const readCount = (flag: Flag) => readNumber(flag, 1, Bounds.guestPortsMax)
