import type { Reason } from "../Reason.ts"

/** A reason by its name. */
export type ReasonName = Exclude<keyof typeof Reason, "PASS">

/** One thing that can be wrong with a frame: the rule's number, its reason, and how one sees it. */
export type Step<A> = readonly [rule: string, reason: ReasonName, isWrong: (a: A) => boolean]

export type Steps<A> = ReadonlyArray<Step<A>>
