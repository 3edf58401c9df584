import { assert } from "@effect/vitest"
import { constants } from "node:os"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Plan from "../../src/domain/SendPlan.ts"
import { Entrance, EVENT_WIDTH, EventKind, type FrameExchange } from "../../src/services/FrameExchange.ts"

/** A guest's end of a connection. */
export interface ContractPeer {
  /** Sends a frame: taken, no room, or nobody there. */
  readonly send: (frame: Uint8Array) => "sent" | "full" | "gone"
  /** The next frame, or undefined when none waits. */
  readonly receive: () => Uint8Array | undefined
  readonly close: () => void
}

/** A tap, and what an administrator does to it. */
export interface ContractTap {
  readonly handle: number
  /** Six octets. */
  readonly mac: Uint8Array
  readonly mtuBytes: number
  readonly change: (link: { readonly mac?: Uint8Array; readonly mtuBytes?: number }) => void
  /** Puts it into a bridge with that MAC address, or gives its bridge that one; undefined takes it out. */
  readonly bridge: (mac: Uint8Array | undefined) => void
  /** Does something to its interface, and to others, by which neither changes. */
  readonly disturb: () => void
}

/** An exchange that listens, and guests that connect to it. */
export interface ExchangeWorld {
  readonly exchange: FrameExchange
  /** To the guests' socket, or the trunks'. */
  readonly connect: (entrance: number) => ContractPeer
  /** A new tap of the host's, not attached; for worlds that have some. Gone with the world. */
  readonly openTap: () => ContractTap
  /** Lets what was done so far reach the exchange. */
  readonly settle: () => void
  /** Lets so many milliseconds pass. */
  readonly pass: (ms: number) => void
  /** Takes the world down. */
  readonly close: () => void
}

export interface WorldOptions {
  readonly portCount: number
  readonly frameBytesMax: number
}

/** Makes a world for one test. */
export type MakeWorld = (options: WorldOptions) => ExchangeWorld

export interface Told {
  readonly kind: number
  readonly port: number
  readonly detail: number
  /** In the places of uid and gid. */
  readonly address: { readonly hi: number; readonly lo: number }
}

export interface Frame {
  readonly port: number
  readonly size: number
  readonly octets: Uint8Array
}

export interface Stepped {
  readonly frames: ReadonlyArray<Frame>
  readonly events: ReadonlyArray<Told>
}

export const { errno } = constants

export const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** A frame that tells its number. */
export const numbered = (number: number, size = 60): Uint8Array => {
  const octets = new Uint8Array(size).fill(number & 255)
  new DataView(octets.buffer).setUint32(0, number)
  return octets
}

export const numberOf = (octets: Uint8Array): number => new DataView(octets.buffer, octets.byteOffset).getUint32(0)

/** A world under test, spoken to in frames. */
export class ExchangeUnderTest {
  readonly #world: ExchangeWorld
  readonly exchange: FrameExchange

  constructor(world: ExchangeWorld) {
    this.#world = world
    this.exchange = world.exchange
  }

  /** Lets so many milliseconds pass, in which nothing is done. */
  rest(ms: number): void {
    this.#world.pass(ms)
  }

  /** One step that does not wait. */
  step(): Stepped {
    this.#world.settle()
    this.exchange.step(0)
    const { batch, events } = this.exchange
    return {
      frames: range(batch.count).map((slot) => ({
        port: batch.port[slot]!,
        size: batch.size[slot]!,
        octets: Batch.frame(batch, slot).slice()
      })),
      events: range(events.count).map((row) => {
        const [kind, port, detail, hi, lo] = events.rows.subarray(row * EVENT_WIDTH)
        return { kind: kind!, port: port!, detail: detail!, address: { hi: hi!, lo: lo! } }
      })
    }
  }

  /** Steps until one has nothing to tell. */
  drain(): Stepped {
    const frames: Array<Frame> = []
    const events: Array<Told> = []
    for (let i = 0; i < 1000; i++) {
      const stepped = this.step()
      if (stepped.frames.length === 0 && stepped.events.length === 0) return { frames, events }
      frames.push(...stepped.frames)
      events.push(...stepped.events)
    }
    throw new Error("the exchange does not come to rest")
  }

  openTap(): ContractTap {
    return this.#world.openTap()
  }

  /** A guest, or a trunk, that waits to be admitted, and its handle. */
  knock(entrance: number = Entrance.Guests): { readonly peer: ContractPeer; readonly handle: number } {
    const peer = this.#world.connect(entrance)
    const connect = this.step().events.find(({ kind }) => kind === EventKind.Connect)
    if (connect === undefined) throw new Error("no connection was told")
    assert.strictEqual(connect.port, entrance)
    return { peer, handle: connect.detail }
  }

  /** Connections that come at once; on which socket each was told. None is answered. */
  knockMany(entrances: ReadonlyArray<number>): ReadonlyArray<number> {
    for (const entrance of entrances) this.#world.connect(entrance)
    return this.drain().events.filter(({ kind }) => kind === EventKind.Connect).map(({ port }) => port)
  }

  /** A guest that is a port. */
  join(port: number): ContractPeer {
    const { handle, peer } = this.knock()
    assert.strictEqual(this.exchange.admit(handle, port), 0)
    return peer
  }

  /** Puts octets into a slot that nothing is received into. */
  put(slot: number, octets: Uint8Array): number {
    const { batch } = this.exchange
    const at = Bounds.batchFrames + slot
    batch.bytes.set(octets, at * batch.slotBytes)
    batch.size[at] = octets.length
    return at
  }

  /** Sends slots of `put` to ports and returns the outcome of each. */
  send(entries: ReadonlyArray<readonly [slot: number, egress: number]>): ReadonlyArray<number> {
    const { batch, plan } = this.exchange
    for (const [slot, egress] of entries) {
      const at = Bounds.batchFrames + slot
      Plan.add(plan, at, egress, batch.size[at]!)
    }
    this.#world.settle()
    this.exchange.step(0)
    const outcomes = Array.from(plan.outcome.subarray(0, plan.count))
    assert.strictEqual(plan.failed, outcomes.filter((outcome) => outcome !== 0).length)
    plan.count = 0
    return outcomes
  }

  /** Sends full-size frames to a port until it refuses; how many it took. */
  fill(port: number): number {
    range(Bounds.batchFrames).forEach((i) => this.put(i, numbered(i, 1500)))
    for (let taken = 0; taken < 100_000;) {
      const outcomes = this.send(range(Bounds.batchFrames).map((i) => [i, port] as const))
      const refused = outcomes.findIndex((outcome) => outcome !== 0)
      if (refused < 0) {
        taken += outcomes.length
        continue
      }
      // The first that is refused stops the others, untried.
      assert.isTrue(outcomes.slice(refused).every((outcome) => outcome === errno.EAGAIN))
      return taken + refused
    }
    throw new Error("a port that nobody reads is never full")
  }
}

export const received = (peer: ContractPeer): Array<Uint8Array> => {
  const frames: Array<Uint8Array> = []
  for (let next = peer.receive(); next !== undefined; next = peer.receive()) frames.push(next)
  return frames
}

export const told = (events: ReadonlyArray<Told>) => events.map(({ kind, port }) => [kind, port])
