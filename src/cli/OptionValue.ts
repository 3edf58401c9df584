import * as Either from "effect/Either"
import { type Flag, spell } from "./Flags.ts"
import { printable } from "./Printable.ts"
import { ValueError } from "./UsageError.ts"

/** A value, or what is wrong with the word that was given for it. */
export type Read<A> = Either.Either<A, ValueError>

export const refuse = (message: string): Either.Either<never, ValueError> => Either.left(new ValueError({ message }))

/** An option that takes one of some words. */
interface WordFlag<A extends string> extends Flag {
  readonly takes: ReadonlyArray<A>
}

export const readWord = <A extends string>(flag: WordFlag<A>, text: string): Read<A> => {
  const { takes } = flag
  const found = takes.find((word) => word === text)
  return found === undefined
    ? refuse(`bad ${spell(flag)} ${printable(text)}: give ${takes.slice(0, -1).join(", ")} or ${takes.at(-1)}`)
    : Either.right(found)
}

/** A whole number in decimal, without zeros before it. */
export const readNumber = (flag: Flag, least: number, most: number) => (text: string): Read<number> => {
  const number = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most
    ? Either.right(number)
    : refuse(`bad ${spell(flag)} ${printable(text)}: give a number from ${least} to ${most}`)
}
