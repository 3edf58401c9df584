import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { estateVersion, Inventory, Knowledge, Offer } from "./Estate.ts"
import type { ChannelClosed, ChannelGarbled, ChannelSilent, HandoverChannel, Message } from "./HandoverChannel.ts"

/*
 * The new process's side of a takeover; the order of messages is in Handover.ts. Until the old one says `commit` this
 * one has changed nothing, and may end at any time. Once it has the inventory with all descriptors, an end of the
 * connection without a last word means that the old one has died: then this one is the switch, with what of the
 * knowledge it has got. Having said `ready` it therefore waits for a word, or for such an end, however long that takes.
 */

/** The switch was not taken over: who had it has it still. */
export class TakeoverError extends Data.TaggedError("TakeoverError")<{
  readonly socketPath: string
  readonly detail: string
}> {
  override get message(): string {
    return `cannot take over ${this.socketPath}: ${this.detail}`
  }
}

/** What was handed over. */
export interface Estate {
  readonly inventory: Inventory
  /** Of `inventory.roles`, then of `inventory.guests`. */
  readonly descriptors: ReadonlyArray<number>
  /** Undefined if the old process died before it had told all of it. */
  readonly knowledge: Knowledge | undefined
}

/** How long the old process may take for a word. */
const wordMs = 5000

type Refuse = (detail: string) => TakeoverError

const failure = (refuse: Refuse) => (error: ChannelClosed | ChannelSilent | ChannelGarbled): TakeoverError => {
  switch (error._tag) {
    case "ChannelClosed":
      return refuse("the running switch ended meanwhile (unless vknetd status finds another, leave --takeover out)")
    case "ChannelSilent":
      return refuse("the running switch does not answer (try again, or stop it and start another)")
    case "ChannelGarbled":
      return refuse(error.detail)
  }
}

const isWord = (refuse: Refuse, kind: Message["kind"]) => (message: Message): Effect.Effect<Message, TakeoverError> => {
  if (message.kind === kind) return Effect.succeed(message)
  if (message.kind === "kept") return refuse(String(message.body))
  return refuse(`the running switch said ${message.kind} instead of ${kind}`)
}

const decoded = <A, I>(
  refuse: Refuse,
  schema: Schema.Schema<A, I>,
  { body, kind }: Message
): Effect.Effect<A, TakeoverError> =>
  Option.match(Schema.decodeUnknownOption(schema)(body), {
    onNone: () => refuse(`the running switch's ${kind} is not understood (stop one, start the other)`),
    onSome: Effect.succeed
  })

/** The new end of a connection. @param socketPath for its errors. */
export const make = (channel: HandoverChannel, socketPath: string) => {
  const refuse = (detail: string) => new TakeoverError({ socketPath, detail })
  const fail = failure(refuse)
  /** A word that has to come; that the other has gone is left to the caller. */
  const expect = (kind: Message["kind"], timeoutMs?: number) =>
    channel.receive(timeoutMs).pipe(
      Effect.mapError((error) => error._tag === "ChannelClosed" ? error : fail(error)),
      Effect.flatMap(isWord(refuse, kind))
    )
  const hear = (kind: Message["kind"]) => Effect.catchTag(expect(kind, wordMs), "ChannelClosed", fail)

  return {
    /** Learns what the running switch is. Nothing has happened to it yet. */
    approach: (version: string): Effect.Effect<Offer, TakeoverError> =>
      Effect.gen(function*() {
        yield* Effect.mapError(channel.send("hello", { body: { estateVersion, version } }), fail)
        return yield* decoded(refuse, Offer, yield* hear("offer"))
      }),

    /** Asks for everything. From now on the old process forwards nothing until it hears from us or gives up. */
    collect: Effect.gen(function*() {
      yield* Effect.mapError(channel.send("take"), fail)
      const inventory = yield* decoded(refuse, Inventory, yield* hear("inventory"))
      const descriptors: Array<number> = []
      while (descriptors.length < inventory.roles.length + inventory.guests.length) {
        descriptors.push(...(yield* hear("descriptors")).descriptors)
      }
      const knowledge = yield* expect("knowledge", wordMs).pipe(
        Effect.flatMap((message) => decoded(refuse, Knowledge, message)),
        Effect.catchTag("ChannelClosed", () => Effect.succeed(undefined))
      )
      return { inventory, descriptors, knowledge } satisfies Estate
    }),

    /** Says that all is in place. Succeeds when we are to forward. */
    claim: Effect.gen(function*() {
      yield* Effect.ignore(channel.send("ready"))
      yield* Effect.catchTag(expect("commit"), "ChannelClosed", () =>
        Effect.logWarning("the switch that was taken over has died meanwhile"))
    }),

    /** Says that we are the switch: the old process ends, and is waited for a while. @param pid ours. */
    confirm: (pid: number) =>
      Effect.gen(function*() {
        yield* Effect.ignore(channel.send("serving", { body: { pid } }))
        yield* Effect.ignore(channel.receive(wordMs))
        yield* channel.close
      })
  }
}

export type Takeover = ReturnType<typeof make>
