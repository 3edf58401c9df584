import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { MessageChannel } from "node:worker_threads"
import { Bounds } from "../../src/domain/Bounds.ts"
import { ask } from "../../src/services/ControlTarget.ts"
import type { RunningPlane } from "../../src/services/DataPlane.ts"
import type { PlaneReply } from "../../src/services/PlaneQuestion.ts"
import type { RunningSwitch } from "../../src/services/Switch.ts"

type Asked = Pick<RunningSwitch, "plane">

/** Whose forwarding thread answers all questions so far by a message when it is told to. */
const makeAsked = () => {
  const { port1, port2 } = new MessageChannel()
  const waiting: Array<(reply: PlaneReply) => void> = []
  port1.on("message", (reply: PlaneReply) => waiting.splice(0).forEach((answer) => answer(reply)))
  const asked: Asked = {
    plane: {
      ask: () => Effect.async((resume) => void waiting.push((reply) => resume(Effect.succeed(Option.some(reply)))))
    } as Partial<RunningPlane> as RunningPlane
  }
  return { asked, answer: () => port2.postMessage(moves), close: Effect.sync(() => port1.close()) }
}

const moves: PlaneReply = { kind: "moves", total: 0, moves: [] }
const question = { kind: "moves" } as const

const busy = (ms: number): void => {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
}

describe("a question to the forwarding thread", () => {
  it.scopedLive("is answered if the reply lies there, however late this thread looks", () =>
    Effect.gen(function*() {
      const { answer, asked, close } = makeAsked()
      yield* Effect.addFinalizer(() => close)
      const asking = yield* Effect.fork(ask(asked, question))
      yield* Effect.sleep(10)
      // Before the event loop reads messages again it looks at its timers.
      setImmediate(() => {
        answer()
        busy(Bounds.controlAnswerMs + 100)
      })
      assert.deepStrictEqual(yield* asking, moves)
    }))

  it.scopedLive("is given up if there is none", () =>
    Effect.gen(function*() {
      const { asked, close } = makeAsked()
      yield* Effect.addFinalizer(() => close)
      assert.isUndefined(yield* ask(asked, question))
    }))

  it.scopedLive("gives each who asked a turn of the event loop of its own", () =>
    Effect.gen(function*() {
      let turn = 0
      const count = (): void => {
        turn++
        counting = setImmediate(count)
      }
      let counting = setImmediate(count)
      const { answer, asked, close } = makeAsked()
      yield* Effect.addFinalizer(() => close)
      const askOnce = Effect.map(ask(asked, question), () => turn)
      const many = Effect.all(Array.from({ length: 8 }, () => askOnce), { concurrency: "unbounded" })
      const asking = yield* Effect.fork(many)
      yield* Effect.sleep(10)
      answer()
      const turns = yield* asking
      clearImmediate(counting)
      assert.strictEqual(new Set(turns).size, 8, `${turns}`)
    }))
})
