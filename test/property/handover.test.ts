import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import type { Inventory, Knowledge, Offer } from "../../src/services/Estate.ts"
import { handOver, type HandoverSource } from "../../src/services/Handover.ts"
import {
  ChannelClosed, ChannelSilent, type HandoverChannel, type Message, messageKinds
} from "../../src/services/HandoverChannel.ts"
import * as Takeovers from "../../src/services/Takeover.ts"

const offer: Offer = {
  version: "0",
  pid: 1,
  simulated: false,
  pidFilePath: null,
  tap: null,
  bridgeName: null,
  address: null,
  ipv6: null,
  trunkPath: null,
  highestPort: 300
}

const inventory: Inventory = {
  roles: ["listener"],
  listenerNode: null,
  trunkNode: null,
  controlNode: null,
  metrics: null,
  web: null,
  tap: null,
  membership: null,
  guests: Array.from({ length: 300 }, (_, i) => ({ port: i + 1, uid: 0, pid: 0, trunk: false, openedMs: 0 })),
  notifySocket: null,
  descriptorStoreMax: 0,
  startedMs: 0
}

const knowledge: Knowledge = {
  admission: {
    stations: new Int32Array(0),
    claims: new Int32Array(0),
    identifiers: new Int32Array(0),
    moves: { rows: new Int32Array(0), count: new Float64Array(0), latest: new Float64Array(0), total: 0 },
    held: new Int32Array(0),
    pending: new Int32Array(0),
    buckets: new Float64Array(0)
  },
  counters: { columns: [], ports: new Int32Array(0), values: new Float64Array(0), refusals: [] },
  isolated: [],
  pinned: [],
  held: []
}

/** Before which of its own calls of the channel, counted from 0, a side dies or stops; never where there are fewer. */
interface Fault {
  readonly side: "old" | "new" | "none"
  readonly kind: "dies" | "stops"
  readonly call: number
}

/** Two ends; a side that has died closes its end, which the other sees behind what was said before. */
const channels = (fault: Fault) =>
  Effect.gen(function*() {
    const toOld = yield* Queue.unbounded<Message | "end">()
    const toNew = yield* Queue.unbounded<Message | "end">()
    const gone = { old: false, new: false }
    const make = (side: "old" | "new"): HandoverChannel => {
      const other = side === "old" ? "new" : "old"
      const [mine, theirs] = side === "old" ? [toOld, toNew] : [toNew, toOld]
      let calls = 0
      const end = Effect.suspend(() => {
        if (gone[side]) return Effect.void
        gone[side] = true
        return Queue.offer(theirs, "end" as const)
      })
      const strike = Effect.suspend(() => {
        if (fault.side !== side || calls++ !== fault.call) return Effect.void
        // Dead or stopped: nothing of it is ever run again.
        return fault.kind === "dies" ? Effect.zipRight(end, Effect.never) : Effect.never
      })
      return {
        send: (kind, { body, descriptors = [] } = {}) =>
          Effect.zipRight(strike, Effect.suspend(() =>
            gone[other] ? new ChannelClosed() : Effect.asVoid(Queue.offer(theirs, { kind, body, descriptors })))),
        receive: (timeoutMs) => {
          const next = Effect.flatMap(Queue.take(mine), (word): Effect.Effect<Message, ChannelClosed> =>
            word === "end" ? Effect.zipRight(Queue.offer(mine, "end"), new ChannelClosed()) : Effect.succeed(word))
          if (timeoutMs === undefined) return Effect.zipRight(strike, next)
          const onTimeout = () => new ChannelSilent()
          const inTime = Effect.timeoutFail(Effect.interruptible(next), { duration: timeoutMs, onTimeout })
          return Effect.zipRight(strike, inTime)
        },
        close: end
      }
    }
    return { old: make("old"), new: make("new"), end: { old: make("old").close, new: make("new").close } }
  })

/** Who forwards; asserted at every change: never both, unless the one that did has died. */
const makeWorld = (fault: Fault) => {
  const forwards = { old: true, new: false }
  const check = () => {
    const oldLives = !(fault.side === "old" && fault.kind === "dies")
    const newLives = !(fault.side === "new" && fault.kind === "dies")
    if (oldLives && newLives) assert.isFalse(forwards.old && forwards.new, "both forward")
  }
  const turn = (side: "old" | "new", on: boolean) =>
    Effect.sync(() => {
      forwards[side] = on
      check()
    })
  let relinquished = false
  const source: HandoverSource = {
    offer: Effect.succeed(offer),
    rest: Effect.as(turn("old", false), {
      inventory,
      descriptors: Array.from({ length: 301 }, (_, i) => i + 10),
      knowledge
    }),
    resume: turn("old", true),
    regain: Effect.void,
    relinquish: (pid) =>
      Effect.sync(() => {
        assert.strictEqual(pid, 7)
        relinquished = true
      })
  }
  return { forwards, turn, source, relinquished: () => relinquished }
}

const run = (fault: Fault) =>
  Effect.gen(function*() {
    const ends = yield* channels(fault)
    const world = makeWorld(fault)
    const takeover = Takeovers.make(ends.new, "/sw")
    let estate: Takeovers.Estate | undefined
    // What is stopped cannot be interrupted, and is not waited for.
    const old = yield* Effect.forkDaemon(handOver(ends.old, world.source))
    yield* Effect.forkDaemon(
      Effect.gen(function*() {
        yield* takeover.approach("0")
        estate = yield* takeover.collect
        yield* takeover.claim
        yield* world.turn("new", true)
        yield* takeover.confirm(7)
      }).pipe(Effect.onError(() => Effect.zipRight(world.turn("new", false), ends.end.new)))
    )
    // Beyond the longest that either side waits for anything.
    for (let i = 0; i < 10; i++) {
      yield* TestClock.adjust(Duration.seconds(5))
      yield* Effect.yieldNow()
    }
    const outcome = {
      ...world.forwards,
      relinquished: world.relinquished(),
      oldEnded: (yield* Fiber.poll(old))._tag === "Some",
      hasAll: estate?.descriptors.length === 301
    }
    return outcome
  }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))

const faults = (["old", "new"] as const).flatMap((side) =>
  (["dies", "stops"] as const).flatMap((kind) =>
    Array.from({ length: messageKinds.length + 2 }, (_, call): Fault => ({ side, kind, call }))))

describe("a handover", () => {
  it.effect("without faults: the new one forwards, the old one has let go", () =>
    Effect.gen(function*() {
      const outcome = yield* run({ side: "none", kind: "dies", call: 0 })
      assert.deepStrictEqual(outcome, { old: false, new: true, relinquished: true, oldEnded: true, hasAll: true })
    }))

  for (const fault of faults) {
    const what = `${fault.side} side ${fault.kind} before its call ${fault.call}`
    it.effect(`whose ${what} never leaves two switches, nor none`, () =>
      Effect.gen(function*() {
        const outcome = yield* run(fault)
        const told = JSON.stringify(outcome)
        if (fault.kind === "stops") {
          // Who is stopped may have the switch, and forwards when it is let run again; but it is never two.
          assert.isFalse(outcome.new && outcome.old, told)
          assert.isTrue(outcome.new || outcome.old || outcome.hasAll || fault.side === "old", told)
        } else if (fault.side === "new") {
          assert.strictEqual(outcome.relinquished, !outcome.old, told)
          assert.isTrue(outcome.old || outcome.new, told)
        } else assert.strictEqual(outcome.new, outcome.hasAll, told)
      }))
  }
})

describe("words of another version", () => {
  it.effect.prop("are refused by either side", [fc.anything()], ([body]) =>
    Effect.gen(function*() {
      const ends = yield* channels({ side: "none", kind: "dies", call: 0 })
      const { forwards, source } = makeWorld({ side: "none", kind: "dies", call: 0 })
      yield* ends.new.send("hello", { body })
      const kept = yield* Effect.flip(handOver(ends.old, source))
      assert.match(kept.reason, /hands over in another way/)
      assert.isTrue(forwards.old)
      const answer = yield* ends.new.receive()
      assert.strictEqual(answer.kind, "kept")
      yield* ends.old.send("offer", { body })
    }))
})
