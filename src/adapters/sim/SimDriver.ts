import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Forwarder } from "../../services/Forwarder.ts"
import { turn } from "../../services/Forwarder.ts"
import type { SimExchange } from "./SimExchange.ts"
import { SimWorld } from "./SimWorld.ts"

/** A forwarding loop on the simulated kernel. */
export interface SimLoop {
  readonly forwarder: Forwarder
  readonly exchange: SimExchange
}

/**
 * Moves the simulation: a forwarding loop does nothing by itself here, its turns are taken when a test says so.
 */
export class SimDriver extends Context.Tag("vknetd/sim/SimDriver")<SimDriver, {
  /** The loops at work; `SimDataPlane` adds and removes them. */
  readonly loops: Set<SimLoop>
  /** Takes turns until no loop has anything left to do at this moment. */
  readonly settle: Effect.Effect<void>
  /** Lets time pass in steps of a millisecond, settling after each. */
  readonly pass: (ms: number) => Effect.Effect<void>
}>() {
  static readonly layer: Layer.Layer<SimDriver, never, SimWorld> = Layer.effect(
    SimDriver,
    Effect.map(SimWorld, (kernel) => {
      const loops = new Set<SimLoop>()
      const settle = () => loops.forEach(rest)
      return SimDriver.of({
        loops,
        // What the loops have told is dealt with by fibers: they get their turn, and then the loops once more.
        settle: Effect.sync(settle).pipe(Effect.zipLeft(Effect.yieldNow()), Effect.repeatN(3)),
        pass: (ms) =>
          Effect.sync(() => {
            for (let i = 0; i < ms; i++) {
              kernel.advance(1)
              settle()
            }
          }).pipe(Effect.zipLeft(Effect.yieldNow()))
      })
    })
  )
}

/** A loop that finds no rest in so many turns is broken. */
const TURNS_MAX = 100_000

/** Takes turns until two in a row would only have waited. */
export const rest = ({ exchange, forwarder }: SimLoop): void => {
  for (let turns = 0, idle = 0; idle < 2; turns++) {
    if (turns > TURNS_MAX) throw new Error("the forwarding loop does not come to rest")
    const before = exchange.waits
    turn(forwarder, -1)
    // The second, because a port may still be flushed when the first had nothing to plan.
    idle = exchange.waits > before && exchange.plan.count === 0 ? idle + 1 : 0
  }
}
