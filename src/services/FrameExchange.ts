import type { FrameBatch } from "../domain/FrameBatch.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import type { SendPlan } from "../domain/SendPlan.ts"

/** What one row of {@link ExchangeEvents} tells. */
export const EventKind = {
  /**
   * A connection waits for a decision: `detail` is its handle, then `uid`, `gid`, `pid`; in the place of `port` on
   * which socket, see {@link Entrance}. Answer with `admit` or `refuse`.
   */
  Connect: 1,
  /** A port's other end has gone and all that it sent has been received: `port`. Answer with `close`. */
  Hangup: 2,
  /** A port that had refused frames takes some again: `port`. Told once for each refusal. */
  Writable: 3,
  /** Somebody called `wake`. */
  Wake: 4,
  /** The tap's descriptor failed: `detail` is the errno. It has been detached; the port is as if closed. */
  TapLost: 5,
  /** accept(2) failed: `detail` is the errno. The connection, if there was one, has been closed. */
  AcceptError: 6,
  /** Descriptors came along with frames of `port` and have been closed: `detail` says how many. */
  Ancillary: 7,
  /**
   * The tap's address or its MTU is another than it was known to be: `detail` is the MTU in octets, in the places of
   * `uid` and `gid` the address, `hi` and `lo` of `MacAddress`. What the step received came after that.
   */
  TapChanged: 8,
  /**
   * The bridge that the tap is in has another address than was last told, or the tap is in another, or in none: in the
   * places of `uid` and `gid` that address, 0 for none and for the tap's own. Who attaches a tap that it knows takes
   * it to be in none.
   */
  BridgeChanged: 9
} as const

/** What a tap is known by. */
export interface TapLink {
  readonly mac: MacAddress
  readonly mtuBytes: number
}

/** The sockets on which an exchange listens. */
export const Entrance = { Guests: 0, Trunks: 1 } as const

/**
 * What happened during a step besides frames.
 *
 * Rows of {@link EVENT_WIDTH} 32-bit integers, see {@link EventField}; only rows below `count` are meaningful. uid and
 * gid are unsigned (`>>> 0`); where the kernel does not tell the pid it is 0.
 */
export interface ExchangeEvents {
  readonly rows: Int32Array<ArrayBufferLike>
  count: number
}

/** Integers in one row of {@link ExchangeEvents}. */
export const EVENT_WIDTH = 6
/** Where in its row each of them is; what the middle ones say depends on the kind. */
export const EventField = { kind: 0, port: 1, detail: 2, uid: 3, gid: 4, pid: 5 } as const

/**
 * The seam between the switch and a kernel, real or simulated: one call moves a batch.
 *
 * Ports are small integers that the caller hands out; port 0 is the tap. Nothing here
 * knows an address or a policy. The exchange never throws for what the world does: failures are
 * outcomes in the plan and events.
 */
export interface FrameExchange {
  /** Filled by `step`. */
  readonly batch: FrameBatch
  /** Read by `step`. */
  readonly plan: SendPlan
  /** Filled by `step`. */
  readonly events: ExchangeEvents
  /** Milliseconds of a monotonic clock, read once per step, after waiting. */
  readonly nowMs: number
  /**
   * Sends the plan; then, if all of it was taken, waits and receives.
   *
   * Sending does not block. A frame that a port does not take for lack of room fails with
   * EAGAIN, and so do the later ones for that port in this plan, untried; the port will be told `Writable`. A frame
   * refused for itself (EMSGSIZE, EIO, EINVAL, ENOBUFS) fails alone. For a port whose other end has gone, or that
   * is not attached, all fail with EPIPE. An entry without octets or with a port out of range fails with EINVAL, one
   * whose frame was cut with EMSGSIZE. If anything failed the step ends there, with no frames, so that the
   * slots still hold what was not sent.
   *
   * Waits at most `timeoutMs` (0: not at all, -1: until something happens; fraction of a millisecond
   * rounded up) for frames, connections, room or a wake; also ends early, with nothing, when a signal arrives.
   *
   * Then receives up to `Bounds.batchFrames` frames of ports that have some and are not paused. A step may read
   * fewer ports than that, but each has its turn when all others have had theirs, so that no port can keep another
   * from being read. Frames of one port keep their order.
   * A frame longer than `batch.frameBytesMax` has a `size` above it. A packet of no octets is a
   * frame of size 0, not an end.
   */
  readonly step: (timeoutMs: number) => void
  /**
   * Makes an accepted connection port `port`, 1 and up; on a real kernel any connected sequenced-packet socket will do.
   * Returns 0, or an errno (the connection is then closed).
   */
  readonly admit: (handle: number, port: number) => number
  /** Closes a connection that was not admitted. */
  readonly refuse: (handle: number) => void
  /**
   * Makes a tap's descriptor port 0. It stays the caller's to close, after `detachTap`. Returns 0 or an errno.
   *
   * @param known what was read of it before: `TapChanged` tells when it is no longer so, with the next step if it is
   * not so already. Left out: what it is now. What merely stands in for a tap does not change.
   */
  readonly attachTap: (handle: number, known?: TapLink) => number
  /** Forgets the tap. Harmless when there is none. */
  readonly detachTap: () => void
  /** Ends a guest's port and closes its connection. Harmless when it is closed already. */
  readonly close: (port: number) => void
  /** Does not read the port until `resume`. */
  readonly pause: (port: number) => void
  readonly resume: (port: number) => void
  /** Accepts nobody for 100 ms. Who connects meanwhile waits. */
  readonly restListeners: () => void
  /** Closes every connection still held, and what the exchange opened for itself. */
  readonly shutdown: () => void
}

/** An exchange whose connections another one can go on with. */
export interface HandoverExchange extends FrameExchange {
  /** The first half of a step: sends the plan, and neither waits nor receives. */
  readonly send: () => void
  /** Whether to take from the tap only what is left of what was read before. True if there is any: steps bring it. */
  readonly restTap: (on: boolean) => boolean
  /** By what a guest's port was admitted, or -1 for one that is not. */
  readonly handleOf: (port: number) => number
}
