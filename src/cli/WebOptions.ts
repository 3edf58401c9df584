import * as Either from "effect/Either"
import * as fs from "node:fs"
import { flags, spell } from "./Flags.ts"
import { isLoopback, type ListenAddress, readListenAddress } from "./ListenAddress.ts"
import { clash, given, type Read, readPath } from "./OptionValue.ts"
import { printable } from "./Printable.ts"
import type { RawOptions } from "./RawOptions.ts"
import { ValueError } from "./UsageError.ts"

/** Where the page is served, and to whom. */
export interface WebOptions {
  readonly address: ListenAddress
  readonly isLoopback: boolean
  /** Absolute; undefined: to whoever reaches the address. */
  readonly tokenPath: string | undefined
}

/** What the manual's examples use. */
const usualPort = 9180

/** @param cwd absolute; what a relative file starts from. */
export const readWebOptions = (
  raw: Pick<RawOptions, "web" | "webToken">,
  cwd: string
): Read<WebOptions | undefined> =>
  Either.gen(function*() {
    if (raw.web === undefined) {
      return raw.webToken === undefined
        ? undefined
        : yield* clash([flags.webToken], `${spell(flags.webToken)} is for ${spell(flags.web)}; give that too`)
    }
    const address = yield* readListenAddress(flags.web, usualPort)(raw.web)
    const tokenPath = yield* given(raw.webToken, readPath(flags.webToken, cwd, "a file"), undefined)
    const local = isLoopback(address)
    if (!local && tokenPath === undefined) {
      return yield* clash(
        [flags.web],
        `${spell(flags.web)} ${raw.web} is open to other machines: give ${spell(flags.webToken)} FILE too, or `
          + `an address of the loopback interface`
      )
    }
    return { address, isLoopback: local, tokenPath }
  })

const tokenCharacters = { least: 16, most: 256 } as const

/** What can stand behind `Bearer` and in an address without being rewritten: RFC 6750 section 2.1, without `=`. */
const tokenForm = new RegExp(`^[A-Za-z0-9._~+/-]{${tokenCharacters.least},${tokenCharacters.most}}$`)

/** For who may read a file: nobody outside owner and group. */
const forOthers = 0o007

/** Reads the token: the file's only line. Nothing that is wrong with it shows any of it. */
export const readToken = (file: string): Read<string> => {
  const refuseFile = (why: string) =>
    Either.left(new ValueError({ message: `cannot use ${spell(flags.webToken)} ${printable(file)}: ${why}` }))
  try {
    const stat = fs.statSync(file)
    if (!stat.isFile()) return refuseFile("this is no file")
    if ((stat.mode & forOthers) !== 0) return refuseFile("everybody may read or write it (chmod o= it)")
    // A larger one holds something else.
    const text = stat.size > 2 * tokenCharacters.most ? "" : fs.readFileSync(file, "utf8").replace(/\r?\n$/, "")
    return tokenForm.test(text)
      ? Either.right(text)
      : refuseFile(
        `give one line of ${tokenCharacters.least} to ${tokenCharacters.most} letters, digits and . _ ~ + / - `
          + `(openssl rand -hex 16 makes one)`
      )
  } catch (cause) {
    const { code = "it cannot be read" } = cause as NodeJS.ErrnoException
    const making = code === "ENOENT" ? "make it, of what openssl rand -hex 16 prints, or " : ""
    return refuseFile(`${code} (${making}name another)`)
  }
}
