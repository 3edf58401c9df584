/*
 * Octets that the forwarding loop allocates for each frame, in a process of its own: one whose young generation is so
 * large that none of what is allocated while it is watched is collected, and that waits for its compiler, so that what
 * is watched does not depend on what else the machine does.
 *
 *   node --expose-gc --no-concurrent-recompilation --min-semi-space-size=128 --max-semi-space-size=128
 *     allocationChild.mjs CASE
 */
import { PerformanceObserver } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { getHeapSpaceStatistics } from "node:v8"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Ports from "../../src/domain/Ports.ts"
import * as Plan from "../../src/domain/SendPlan.ts"
import * as Forwarder from "../../src/services/Forwarder.ts"
import type { FrameExchange } from "../../src/services/FrameExchange.ts"
import * as PortLife from "../../src/services/PortLife.ts"
import { type AllocationCase, cases, fill, renumber } from "./allocationCases.ts"
import { GUESTS, hostMac, leaver, prefix } from "./allocationFrames.ts"

/** What a child says. */
export interface AllocationFigures {
  readonly frames: number
  /** Octets that the young generation grew by. */
  readonly grownBytes: number
  /** Collections meanwhile, those asked for left out. */
  readonly collections: number
  /** Share of frames with the reason that the case names. */
  readonly share: number
  /** Captured frames that were missed. */
  readonly missed: number
}

/** Until V8 has compiled all of it; then as many as a young generation of 128 MB bears at 1,000 octets a frame. */
const WARM_TURNS = 24_000
const TURNS = 3_000
const PORTS = GUESTS + 2
const EAGAIN = 11
const MS_PER_TURN = 0.1

/** An exchange that costs nothing: every step takes the plan, but for what is for full ports, and brings a batch. */
const treadmill = (of: AllocationCase) => {
  const batch = Batch.make(1518)
  const plan = Plan.make(PORTS)
  const isFull = new Uint8Array(PORTS)
  for (const port of of.full ?? []) isFull[port] = 1
  let turn = 0
  const exchange: { -readonly [Member in keyof FrameExchange]: FrameExchange[Member] } = {
    batch,
    plan,
    events: { rows: new Int32Array(6), count: 0 },
    nowMs: 1_000_000.25,
    step: () => {
      exchange.nowMs += MS_PER_TURN
      plan.failed = 0
      for (let i = 0; i < plan.count; i++) {
        const taken = isFull[plan.egress[i]!] === 0
        plan.outcome[i] = taken ? 0 : EAGAIN
        if (!taken) plan.failed++
      }
      renumber(batch, of, turn++)
    },
    admit: () => 0,
    refuse: () => {},
    attachTap: () => 0,
    detachTap: () => {},
    close: () => {},
    pause: () => {},
    resume: () => {},
    restListeners: () => {},
    shutdown: () => {}
  }
  return exchange
}

/** A switch with all its guests, and one that has left: what it had is kept for its user. */
const makeForwarder = (of: AllocationCase, ring: Ring.CaptureRing): Forwarder.Forwarder => {
  const exchange = treadmill(of)
  const tapMac = Mac.fromOctets(hostMac)
  const forwarder = Forwarder.make({
    exchange,
    settings: {
      secure: of.secure ?? true,
      prefix,
      tapMac,
      tapMtuBytes: 1500,
      frameBytesMax: 1518,
      guestPorts: PORTS - 1,
      guestPortsPerUid: GUESTS,
      trunkPorts: of.trunks,
      stationAgeSeconds: 300,
      policy: of.policy,
      hashSeed: [1, 2]
    },
    counters: Counters.make(PORTS),
    notify: () => {},
    capture: { ring, dateMs: () => 1_700_000_000_000 + Math.floor(exchange.nowMs) }
  })
  const trunks = of.trunks ?? 0
  for (let guest = 1; guest < PORTS; guest++) Ports.admit(forwarder.ports, 1000 + guest, guest <= trunks)
  // Now, for it reads which ports are trunks.
  PortLife.attachTap(forwarder, { handle: 0, mac: tapMac, mtuBytes: 1500 })
  Batch.append(exchange.batch, leaver.octets, leaver.port)
  Forwarder.turn(forwarder, -1)
  PortLife.closePort(forwarder, leaver.port)
  exchange.batch.count = 0
  fill(exchange.batch, of)
  return forwarder
}

/** Octets in the young generation, where code allocates; what the compiler makes meanwhile lies elsewhere. */
const youngBytes = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name }) => space_name.startsWith("new_"))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0)

const countOf = ({ counters }: Forwarder.Forwarder, reason: number): number => {
  const { denied, forwardedFrames } = Counters.Column
  return Counters.total(counters, reason === 0 ? forwardedFrames : denied + reason)
}

const watch = async (of: AllocationCase): Promise<AllocationFigures> => {
  const ring = Ring.make(PORTS, 1 << 20)
  if (of.isCaptured === true) {
    ring.interest.fill(Ring.Interest.RECEIVED | Ring.Interest.SENT)
    Ring.setMode(ring, Ring.Mode.COPY | Ring.Mode.SENT, 262_144)
  }
  const forwarder = makeForwarder(of, ring)
  // The reader's side of the ring, as if it had read all.
  const [written, read] = [0, 16]
  const run = (turns: number): void => {
    for (let i = 0; i < turns; i++) {
      Forwarder.turn(forwarder, -1)
      ring.control[read] = ring.control[written]!
    }
  }
  run(WARM_TURNS)
  globalThis.gc!()
  let collections = 0
  // Heard of a little later: the one that was asked for is waited for first.
  const observer = new PerformanceObserver((list) => collections += list.getEntries().length)
  await setTimeout(50)
  observer.observe({ entryTypes: ["gc"] })
  const before = countOf(forwarder, of.reason)
  const beforeBytes = youngBytes()
  run(TURNS)
  const grownBytes = youngBytes() - beforeBytes
  const frames = TURNS * Bounds.batchFrames
  const share = (countOf(forwarder, of.reason) - before) / frames
  await setTimeout(50)
  return { frames, grownBytes, collections, share, missed: Ring.missed(ring).reduce((sum, n) => sum + n, 0) }
}

const asked = cases[process.argv[2] ?? ""]
if (asked === undefined) throw new Error(`no such case: ${process.argv[2]}`)
process.stdout.write(JSON.stringify(await watch(asked)))
