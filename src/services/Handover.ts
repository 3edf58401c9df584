import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Bounds } from "../domain/Bounds.ts"
import type { Inventory, Knowledge, Offer } from "./Estate.ts"
import { estateVersion, Hello, Serving } from "./Estate.ts"
import { descriptorsPerMessage, type HandoverChannel, type MessageKind } from "./HandoverChannel.ts"

/*
 * The old process's side of a takeover. While it lives it alone decides who has the switch; the new one decides when
 * this one has died. So at no moment do both or neither forward:
 *
 *     old                         new
 *          <- hello                    same estate?
 *     offer ->                         same socket, tap, address?
 *          <- take                     all that can be prepared is
 *     rests: the plan is sent, frames wait in the kernel
 *     inventory, descriptors ->
 *     knowledge ->                     goes on, at rest
 *          <- ready
 *     commit ->                        forwards
 *          <- serving                  it is the switch
 *     ends
 *
 * Until it has said `commit` this one goes on by itself when the other is gone, silent or odd, and says `kept`. After
 * `commit` it waits for `serving` and goes on only if the other has died. It closes the connection only after its last
 * word: to the other, an end without one means that this process has died. After `serving` its end closes it.
 */

/** Why the switch was not handed over. */
export class HandoverKept extends Data.TaggedError("HandoverKept")<{
  readonly reason: string
  /** The other is being told already. */
  readonly isSaid?: boolean
}> {}

/** A switch that can be handed over. */
export interface HandoverSource {
  /** Fails if this switch cannot be handed over, or not now. */
  readonly offer: Effect.Effect<Offer, HandoverKept>
  /** Stops forwarding, and tells what there is. */
  readonly rest: Effect.Effect<{
    readonly inventory: Inventory
    /** In the inventory's order. */
    readonly descriptors: ReadonlyArray<number>
    readonly knowledge: Knowledge
  }>
  /** Goes on forwarding. Harmless if it does. */
  readonly resume: Effect.Effect<void>
  /** After `resume`, where the other had begun to serve and has died: what it wrote is set right. */
  readonly regain: Effect.Effect<void>
  /** From now on the system is the other's to put back as it was. @param pid of the other, 0 if it is not known. */
  readonly relinquish: (pid: number) => Effect.Effect<void>
}

/** How long the new process may take for a word. */
const wordMs = 5000

/** How long it may prepare itself. */
const prepareMs = 30_000

/**
 * Hands the switch to whoever is at the other end. Succeeds when it is the other's; fails, the switch forwarding as
 * before, if it has stayed this one's.
 */
export const handOver = (channel: HandoverChannel, source: HandoverSource): Effect.Effect<void, HandoverKept> =>
  Effect.gen(function*() {
    const hello = yield* hear(channel, "hello", wordMs)
    const theirs = Option.getOrUndefined(Schema.decodeUnknownOption(Hello)(hello.body))
    if (theirs?.estateVersion !== estateVersion) {
      const reason = `its version ${theirs?.version ?? ""} hands over in another way (stop one, start the other)`
      return yield* new HandoverKept({ reason })
    }
    const offer = yield* source.offer
    yield* Effect.mapError(channel.send("offer", { body: offer }), () => gone)
    yield* hear(channel, "take", prepareMs)
    yield* transfer(channel, source)
  }).pipe(Effect.tapError((kept) => kept.isSaid === true ? Effect.void : sayKept(channel, kept.reason)))

const tooSlow = "the new process was too slow"

const gone = new HandoverKept({ reason: "the new process has ended" })

const hear = (channel: HandoverChannel, kind: MessageKind, timeoutMs: number) =>
  channel.receive(timeoutMs).pipe(
    Effect.mapError((error) => {
      if (error._tag === "ChannelClosed") return gone
      return new HandoverKept({ reason: error._tag === "ChannelSilent" ? tooSlow : error.detail })
    }),
    Effect.filterOrFail(
      (message) => message.kind === kind,
      (message) => new HandoverKept({ reason: `the new process said ${message.kind} instead of ${kind}` })
    )
  )

/** Says it in its own time: the switch does not wait for a process that does not listen. */
const sayKept = (channel: HandoverChannel, reason: string) =>
  channel.send("kept", { body: reason }).pipe(
    Effect.ignore,
    Effect.ensuring(channel.close),
    Effect.forkDaemon
  )

/** Nothing from outside ends this in between: whoever wants the process to end waits for the outcome. */
const transfer = (channel: HandoverChannel, source: HandoverSource): Effect.Effect<void, HandoverKept> =>
  Effect.gen(function*() {
    const deadlineMs = (yield* Clock.currentTimeMillis) + Bounds.takeoverMs
    const rested = yield* source.rest.pipe(Effect.interruptible, Effect.timeoutOption(Bounds.takeoverMs))
    if (Option.isNone(rested)) {
      return yield* new HandoverKept({ reason: "its forwarding thread does not answer (try again)" })
    }
    yield* give(channel, rested.value, deadlineMs)
    const leftMs = Math.max(0, deadlineMs - (yield* Clock.currentTimeMillis))
    yield* hear(channel, "ready", leftMs)
    yield* Effect.mapError(channel.send("commit"), () => gone)
    yield* source.relinquish(yield* untilServing(channel, source))
  }).pipe(
    Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : source.resume),
    Effect.uninterruptible
  )

/** A message that does not go out in time is ended all the same, before anything else is said. */
const give = (
  channel: HandoverChannel,
  { descriptors, inventory, knowledge }: Effect.Effect.Success<HandoverSource["rest"]>,
  deadlineMs: number
) =>
  Effect.gen(function*() {
    const giving = yield* Effect.forkDaemon(Effect.gen(function*() {
      yield* channel.send("inventory", { body: inventory })
      for (let from = 0; from < descriptors.length; from += descriptorsPerMessage) {
        yield* channel.send("descriptors", { descriptors: descriptors.slice(from, from + descriptorsPerMessage) })
      }
      yield* channel.send("knowledge", { body: knowledge })
    }))
    const leftMs = Math.max(0, deadlineMs - (yield* Clock.currentTimeMillis))
    const given = yield* Fiber.await(giving).pipe(Effect.interruptible, Effect.timeoutOption(leftMs))
    if (Option.isSome(given)) {
      return yield* Exit.isSuccess(given.value) ? Effect.void : Effect.fail(gone)
    }
    yield* Effect.forkDaemon(Effect.zipRight(Fiber.await(giving), sayKept(channel, tooSlow)))
    return yield* new HandoverKept({ reason: tooSlow, isSaid: true })
  })

/**
 * The other forwards now, or is about to: only its end makes the switch ours again. Succeeds with its process's number
 * when it serves.
 */
const untilServing = (channel: HandoverChannel, source: HandoverSource): Effect.Effect<number, HandoverKept> =>
  Effect.gen(function*() {
    for (;;) {
      const heard = yield* Effect.either(channel.receive())
      if (heard._tag === "Right" && heard.right.kind === "serving") {
        return Option.match(Schema.decodeUnknownOption(Serving)(heard.right.body), {
          onNone: () => 0,
          onSome: ({ pid }) => pid
        })
      }
      if (heard._tag === "Left" && heard.left._tag === "ChannelClosed") break
      yield* Effect.sleep(oddMs)
    }
    yield* source.resume
    yield* source.regain
    return yield* new HandoverKept({ reason: "the new process ended when it had just begun to serve" })
  })

/** Between two looks at what makes no sense. */
const oddMs = 100
