import * as Either from "effect/Either"
import * as path from "node:path"
import { type Flag, spell } from "./Flags.ts"
import { printable } from "./Printable.ts"
import { ValueError } from "./UsageError.ts"

/** A value, or what is wrong with the word that was given for it. */
export type Read<A> = Either.Either<A, ValueError>

/**
 * Refuses the value of one option, or the operand.
 *
 * @param text as given. @param remedy what is wrong with it, or what to give. @param name of the option for people.
 */
export const refuse = (
  about: Flag | "address",
  text: string,
  remedy: string,
  name = about === "address" ? about : spell(about)
): Either.Either<never, ValueError> => {
  const fault = `${printable(text)}: ${remedy}`
  return Either.left(new ValueError({ message: `bad ${name} ${fault}`, about: [about], fault }))
}

/** Refuses options that do not go together, or need another. */
export const clash = (about: ReadonlyArray<Flag>, message: string): Either.Either<never, ValueError> =>
  Either.left(new ValueError({ message, about }))

/** What an option stands for, if it was given. */
export const given = <A, B>(text: string | undefined, read: (text: string) => Read<A>, otherwise: B): Read<A | B> =>
  text === undefined ? Either.right(otherwise) : read(text)

/** An option that takes one of some words. */
interface WordFlag<A extends string> extends Flag {
  readonly takes: ReadonlyArray<A>
}

export const readWord = <A extends string>(flag: WordFlag<A>, text: string): Read<A> => {
  const { takes } = flag
  const found = takes.find((word) => word === text)
  return found === undefined
    ? refuse(flag, text, `give ${takes.slice(0, -1).join(", ")} or ${takes.at(-1)}`)
    : Either.right(found)
}

/** A whole number in decimal, without zeros before it. */
export const readNumber = (flag: Flag, least: number, most: number) => (text: string): Read<number> => {
  const number = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most
    ? Either.right(number)
    : refuse(flag, text, `give a number from ${least} to ${most}`)
}

/** @param cwd what a relative path starts from. @param what what is to be given. */
export const readPath = (flag: Flag, cwd: string, what = "a path") => (text: string): Read<string> => {
  const fault = `'': give ${what}`
  return text === ""
    ? Either.left(new ValueError({ message: `${spell(flag)} ${fault}`, about: [flag], fault }))
    : Either.right(path.resolve(cwd, text))
}
