import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as path from "node:path"
import { parse, TomlError } from "smol-toml"
import { Bounds } from "../domain/Bounds.ts"
import { bindingKeys, type ConfigKey, configKeys, ConfigSchema, type Setting } from "./ConfigKeys.ts"
import { type Flag, flags } from "./Flags.ts"
import { nearestOf } from "./NearestName.ts"
import type { Options } from "./Options.ts"
import { type Read, readPath } from "./OptionValue.ts"
import { type RawOptions, rawOf, toOptions, type Word } from "./RawOptions.ts"
import { linesOf, type TomlPath } from "./TomlLines.ts"
import { printable } from "./Printable.ts"
import { ValueError } from "./UsageError.ts"

/*
 * Settings of a file, `--config`: each becomes the word that the command line would have, so that it is checked by
 * what checks the command line. What is wrong is told as FILE:LINE: KEY: what, and what to give.
 */

/** A file whose every value is in order by itself. */
interface ConfigFile {
  readonly words: ReadonlyMap<string, Word>
  /** An error at a place of the file. */
  readonly at: (place: TomlPath, what: string) => ValueError
}

/**
 * Reads the file that the command line names, puts what the command line says over it, and checks the whole.
 *
 * @param cwd  absolute; what relative paths of the command line start from. Those of the file start from its directory.
 *
 * Fails with the first mistake, in the order of the file. Changes nothing.
 */
export const readWithConfig = (raw: RawOptions, cwd: string): Read<Options> =>
  Either.gen(function*() {
    const file = yield* readConfigFile(yield* readPath(flags.config, cwd)(raw.config ?? ""))
    const words: Partial<Record<Setting, Word>> = {}
    const used: Array<string> = []
    for (const [name, word] of file.words) {
      const { setting } = configKeys.get(name)!
      if (raw[setting] !== undefined && raw[setting] !== false) continue
      words[setting] = word
      used.push(name)
    }
    return yield* Either.mapLeft(toOptions(rawOf({ ...raw, ...words }), cwd), (error) => {
      const name = used.find((name) => error.about?.includes(subjectOf(configKeys.get(name)!)))
      return name === undefined ? error : file.at([name], error.message)
    })
  })

/** What a mistake is about that is the key's. */
const subjectOf = ({ setting }: ConfigKey): Flag | "address" => setting === "address" ? setting : flags[setting]

const readConfigFile = (file: string): Read<ConfigFile> =>
  Either.gen(function*() {
    const toml = yield* readText(file)
    const document = yield* parseToml(file, toml)
    const lineOf = linesOf(toml)
    const errors: Array<{ readonly line: number; readonly error: ValueError }> = []
    const at = (place: TomlPath, what: string): ValueError => {
      const line = lineOf(place)
      const key = place.filter((part) => typeof part === "string").join(".")
      const error = new ValueError({ message: `${printable(file)}:${line}: ${printable(key)}: ${what}` })
      errors.push({ line, error })
      return error
    }
    const first = (): Either.Either<never, ValueError> =>
      Either.left(errors.reduce((a, b) => b.line < a.line ? b : a).error)

    const decoded = Schema.decodeUnknownEither(ConfigSchema)(document, { errors: "all", onExcessProperty: "error" })
    if (Either.isLeft(decoded)) {
      for (const issue of ParseResult.ArrayFormatter.formatErrorSync(decoded.left)) {
        const place = issue.path as TomlPath
        at(place, issue._tag === "Unexpected" ? explainUnknown(place) : issue.message)
      }
      return yield* first()
    }
    const words = new Map<string, Word>()
    for (const name of Object.keys(document)) {
      const key = configKeys.get(name)!
      const word = key.form.word(document[name])
      if (word === undefined) continue
      const placed = placedIn(path.dirname(file), key, word)
      for (const [where, what] of objectionsTo(name, key, placed)) at(where, what)
      words.set(name, placed)
    }
    return errors.length > 0 ? yield* first() : { words, at }
  })

/** What is wrong with one setting for itself: what the command line would say if it had nothing else. */
const objectionsTo = (name: string, key: ConfigKey, word: Word): ReadonlyArray<readonly [TomlPath, string]> => {
  if (typeof word !== "string") return []
  // Bindings are looked at one by one, so that the line of the one at fault can be told.
  const parts = key.setting === "bind" ? word.split(";") : [word]
  return parts.flatMap((part, i) => {
    const alone = toOptions(rawOf({ ...unconstrained, [key.setting]: part }), "/")
    return Either.isRight(alone) ? [] : [[parts.length > 1 ? [name, i] : [name], inFile(alone.left)]]
  })
}

/** With these on the command line everything else may be left out, or be there alone. */
const unconstrained = {
  unsecure: true,
  foreground: true,
  // Each of the two may need the other.
  web: "0",
  webToken: "/token"
}

/** `bad --max-macs 0: give ...` of the command line, without the option's name, which the key's stands for. */
const inFile = ({ fault, message }: ValueError): string => fault === undefined ? message : `bad value ${fault}`

/** A relative path starts from the directory. */
const placedIn = (directory: string, key: ConfigKey, word: Exclude<Word, undefined>): Word => {
  const isPath = key.path === "always" ? word !== "" : key.path === "slashed" && String(word).includes("/")
  return isPath ? path.resolve(directory, String(word)) : word
}

const explainUnknown = (place: TomlPath): string => {
  const name = String(place.at(-1))
  if (place.length === 1) {
    const near = nearestOf(name, configKeys.keys())
    return `there is no such key; ${near === undefined ? "vknetd(8) has all of them" : `is it ${near}?`}`
  }
  return configKeys.has(name)
    ? "it belongs to the file; put it before the first [[bind]]"
    : `there is no such key; there are ${bindingKeys.join(", ")}`
}

const parseToml = (file: string, toml: string): Read<Readonly<Record<string, unknown>>> => {
  try {
    return Either.right(parse(toml, { integersAsBigInt: true }))
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const why = cause.message.split("\n")[0]!.replace("Invalid TOML document: ", "")
    return refuse(`${printable(file)}:${cause.line}: not TOML at column ${cause.column}: ${printable(why)}`)
  }
}

const refuse = (message: string): Either.Either<never, ValueError> => Either.left(new ValueError({ message }))

// What is no file is not waited for.
const openFlags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK

const readText = (file: string): Read<string> => {
  const cannot = (why: string) => refuse(`cannot read ${printable(file)}: ${why} (name another with --config)`)
  try {
    const descriptor = fs.openSync(file, openFlags)
    try {
      const node = fs.fstatSync(descriptor)
      if (!node.isFile()) return cannot("it is no regular file")
      if (node.size > Bounds.configBytes) return cannot(`it is longer than ${Bounds.configBytes} octets`)
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      return Either.right(decoder.decode(fs.readFileSync(descriptor)))
    } finally {
      fs.closeSync(descriptor)
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    return cannot(code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : code ?? String(cause))
  }
}
