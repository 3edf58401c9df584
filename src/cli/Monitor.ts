import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Addon, type AddonMissing } from "../adapters/native/Addon.ts"
import * as Exchange from "../adapters/native/NativeFrameExchange.ts"
import { Bounds } from "../domain/Bounds.ts"
import * as Batch from "../domain/FrameBatch.ts"
import { EVENT_WIDTH, EventField, EventKind, type FrameExchange } from "../services/FrameExchange.ts"
import { formatFrame } from "./Dump.ts"
import { defaults, type Options } from "./Options.ts"

/** There is no switch to attach to. */
export class ConnectError extends Data.TaggedError("ConnectError")<{
  readonly path: string
  /** errno symbol. */
  readonly code: string
}> {
  override get message(): string {
    return `cannot connect to ${this.path}: ${this.code}${remedies[this.code] ?? ""}`
  }
}

const remedies: Record<string, string | undefined> = {
  ENOENT: " (no switch has been started there; name its socket with -p)",
  ECONNREFUSED: " (nobody listens there: start the switch, or name its socket with -p)",
  EACCES: " (you are not in the socket's group)",
  EPROTOTYPE: " (this is another program's socket; name the switch's with -p)",
  ENOTSOCK: " (this is no socket; name the switch's with -p)"
}

/** A step waits no longer, so that signals that came to another thread are seen. */
const stepMsMax = 500

/** `-c`: attaches as a guest and dumps what arrives, until the switch ends. */
export const runMonitor = (options: Options): Effect.Effect<void, ConnectError | AddonMissing> =>
  Effect.gen(function*() {
    const exchange = yield* attach(options.socketPath ?? defaults.socketPath)
    while (true) {
      exchange.step(stepMsMax)
      let text = ""
      for (let i = 0; i < exchange.batch.count; i++) text += formatFrame(Batch.frame(exchange.batch, i))
      if (text !== "") process.stdout.write(text)
      if (hasEnded(exchange)) return
      yield* nextTick
    }
  }).pipe(Effect.scoped, Effect.provideServiceEffect(Addon, Addon.load))

const attach = (path: string) =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const exchange = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Exchange.open(addon, { frameBytesMax: Bounds.frameBytesMax, portCount: 2, listener: -1, wake: -1 })
      ),
      (exchange) => Effect.sync(exchange.shutdown)
    )
    const fd = addon.connect(path)
    const errno = fd < 0 ? -fd : exchange.admit(fd, 1)
    if (errno !== 0) return yield* new ConnectError({ path, code: addon.errnoName(errno) })
    return exchange
  })

const hasEnded = ({ events }: FrameExchange): boolean => {
  for (let i = 0; i < events.count; i++) {
    if (events.rows[i * EVENT_WIDTH + EventField.kind] === EventKind.Hangup) return true
  }
  return false
}

/** Lets the event loop see signals and standard output drain. */
const nextTick: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})
