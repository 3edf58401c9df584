import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * What two processes say to each other while one hands its switch to the other, in this order; `kept` is the old one's
 * at any time before `commit`. What each may believe when the other falls silent is in Handover.ts and Takeover.ts.
 */
export const messageKinds = [
  "hello", "offer", "take", "inventory", "descriptors", "knowledge", "ready", "commit", "serving", "kept"
] as const
export type MessageKind = typeof messageKinds[number]

export interface Message {
  readonly kind: MessageKind
  /** Plain data. */
  readonly body: unknown
  /** Open files that came along: descriptors of the receiver's own. */
  readonly descriptors: ReadonlyArray<number>
}

/** Descriptors that one message can carry, SCM_MAX_FD of Linux's unix(7). */
export const descriptorsPerMessage = 253

/** The other end has gone. It never goes by itself before its last word: its process has ended. */
export class ChannelClosed extends Data.TaggedError("ChannelClosed") {}

/** Nothing came in time. */
export class ChannelSilent extends Data.TaggedError("ChannelSilent") {}

/** What came is no message, or cannot be taken in. */
export class ChannelGarbled extends Data.TaggedError("ChannelGarbled")<{ readonly detail: string }> {}

/** One end of a connection between an old and a new process. */
export interface HandoverChannel {
  /** Succeeds when all of it is on its way. A message that was begun has to be ended before another is. */
  readonly send: (
    kind: MessageKind,
    options?: { readonly body?: unknown; readonly descriptors?: ReadonlyArray<number> }
  ) => Effect.Effect<void, ChannelClosed>
  /** @param timeoutMs undefined: as long as it takes. */
  readonly receive: (timeoutMs?: number) => Effect.Effect<Message, ChannelClosed | ChannelSilent | ChannelGarbled>
  readonly close: Effect.Effect<void>
}
