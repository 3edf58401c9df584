/*
 * Nanoseconds a frame of the passes over a batch, for one case named on the command line.
 *
 *   node policy.bench.mjs --list     the cases, as JSON
 *   node policy.bench.mjs CASE       one number
 */
import * as Admission from "../src/domain/Admission.ts"
import * as Memory from "../src/domain/AdmissionState.ts"
import { Bounds, TAP_PORT } from "../src/domain/Bounds.ts"
import * as Count from "../src/domain/Counters.ts"
import * as Batch from "../src/domain/FrameBatch.ts"
import * as Backlogs from "../src/domain/Backlog.ts"
import * as Patiences from "../src/domain/Patience.ts"
import { judge } from "../src/domain/policy/Judge.ts"
import * as Policies from "../src/domain/policy/Policy.ts"
import * as Control from "../src/domain/PortControl.ts"
import * as PortSet from "../src/domain/Ports.ts"
import { Reason } from "../src/domain/Reason.ts"
import * as Route from "../src/domain/Route.ts"
import * as Plan from "../src/domain/SendPlan.ts"
import * as Stations from "../src/domain/Stations.ts"

/** Arenas that take turns. */
const ARENAS = 16
/** Until then addresses may be refused for their rate, and time runs fast. */
const LEARNING_TURNS = 4096

interface Case {
  readonly secure: boolean
  readonly frames: number
  readonly ports: number
  readonly stations: number
  /** Every so many frames one is a broadcast; 0: none. */
  readonly broadcastEvery: number
  /** Only admission (rates, owners, destinations) and routing. */
  readonly bare: boolean
}

const plain: Case = { secure: true, frames: Bounds.batchFrames, ports: 2, stations: 2, broadcastEvery: 0, bare: false }

const cases: Readonly<Record<string, Case>> = {
  "all passes, secure": plain,
  "all passes, -U": { ...plain, secure: false },
  "all passes, secure, batches of 1": { ...plain, frames: 1 },
  "all passes, -U, batches of 1": { ...plain, secure: false, frames: 1 },
  "admit and route alone": { ...plain, bare: true },
  "admit and route alone, batches of 1": { ...plain, bare: true, frames: 1 },
  "1,000 stations on 16 ports, secure": { ...plain, ports: 16, stations: 1000 },
  "3,000 stations on 16 ports, secure": { ...plain, ports: 16, stations: 3000 },
  "3,000 stations on 1,000 ports, secure": { ...plain, ports: 1000, stations: 3000 },
  "flood to 16 ports, secure": { ...plain, ports: 17, stations: 17, broadcastEvery: 1 }
}

/** An IPv4 datagram of one guest to another, addresses inside the subnet, 60 octets. */
const write = (batch: Batch.FrameBatch, slot: number, from: number, to: number): void => {
  const frame = batch.bytes.subarray(slot * batch.slotBytes, slot * batch.slotBytes + 60)
  frame.fill(0)
  frame.set(to < 0 ? [255, 255, 255, 255, 255, 255] : [0x52, 0x54, 0, 0x42, to >> 8, to & 255])
  frame.set([0x52, 0x54, 0, 0x42, from >> 8, from & 255], 6)
  frame.set([0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0], 12)
  frame.set([10, 1, 1 + Math.floor(from / 250), 1 + (from % 250)], 26)
  frame.set(to < 0 ? [255, 255, 255, 255] : [10, 1, 1 + Math.floor(to / 250), 1 + (to % 250)], 30)
  frame.set([0x23, 0x29, 0x23, 0x29, 0, 26, 0, 0], 34)
  batch.size[slot] = 60
}

/** A switch's state, and a function that runs one turn's passes over a batch that is not the last one. */
const prepare = (of: Case): () => void => {
  const settings = {
    secure: of.secure,
    prefix: { address: 0x0a010001, network: 0x0a010000, mask: 0xffff0000, bits: 16 },
    tapMac: { hi: 0x11223344, lo: 0x5566 },
    tapMtuBytes: 1500,
    frameBytesMax: 1518,
    guestPorts: Math.max(of.ports, 16),
    guestPortsPerUid: 1024,
    stationAgeSeconds: 300,
    // Rates and caps are no part of this: whatever a case needs is allowed.
    policy: {
      stationsPerGuest: Math.max(16, of.stations),
      addressesPerGuest: Math.max(16, of.stations),
      stormPerSecond: 1e9
    },
    hashSeed: [0x12345678, 0x0badcafe]
  } as const
  const policy = Policies.make(settings)
  const portCount = settings.guestPorts + 1
  const ports = PortSet.make(settings.guestPorts, settings.guestPortsPerUid)
  const memory = Memory.make(settings, ports)
  PortSet.open(ports, TAP_PORT)
  for (let port = 1; port <= of.ports; port++) PortSet.open(ports, port)
  const counters = Count.make(portCount)
  const plan = Plan.make(portCount)
  const portOf = (station: number) => 1 + (station % of.ports)

  // Several arenas, so that a turn finds its frames where the kernel has just put them: not in the nearest cache.
  const batches = Array.from({ length: ARENAS }, (_, n) => {
    const batch = Batch.make(settings.frameBytesMax)
    for (let slot = 0; slot < of.frames; slot++) {
      const from = (n * Bounds.batchFrames + slot * 7) % of.stations
      const isBroadcast = of.broadcastEvery > 0 && slot % of.broadcastEvery === 0
      const to = (from + 1 + ((slot * 13) % Math.max(1, of.stations - 2))) % of.stations
      write(batch, slot, from, isBroadcast ? -1 : portOf(to) === portOf(from) ? (to + 1) % of.stations : to)
      batch.port[slot] = portOf(from)
    }
    batch.count = of.frames
    return batch
  })
  for (let station = 0; station < of.stations; station++) {
    const mac = Uint16Array.of(0x5452, 0x4200, ((station & 255) << 8) | (station >> 8))
    Stations.commit(memory, mac[0]! | (mac[1]! << 16), mac[2]!, portOf(station))
  }
  const backlog = Backlogs.make(portCount, batches[0]!)
  const apart: Route.Apart = { isolate: memory.policy.isolate, control: Control.make(portCount), ports }
  const patience = Patiences.make(portCount)
  const outlets: Route.Outlets = { ports, apart, backlog, patience, counters, plan, waitFor: () => {} }
  const reason = new Uint8Array(Bounds.batchFrames)
  const tapReason = new Uint8Array(Bounds.batchFrames)
  const destination = new Int32Array(Bounds.batchFrames)
  let turn = 0
  return () => {
    const batch = batches[turn++ % ARENAS]!
    const nowMs = turn < LEARNING_TURNS ? turn * 10 : LEARNING_TURNS * 10 + turn / 100
    if (!of.bare) judge(batch, policy, reason, tapReason)
    else reason.fill(Reason.PASS)
    Admission.admit(memory, batch, reason, destination, nowMs)
    Route.route(batch, tapReason, apart, destination, reason)
    if (of.bare) return
    Count.countIngress(counters, batch.port, batch.size, reason, batch.count)
    plan.count = 0
    Route.plan(batch, reason, tapReason, destination, outlets, nowMs)
    Stations.sweep(memory, 2)
    // Once for each arena: a case in which frames are denied would measure something else.
    for (let i = 0; turn > LEARNING_TURNS && turn <= LEARNING_TURNS + ARENAS && i < batch.count; i++) {
      if (reason[i] !== 0) throw new Error(`a frame was denied for reason ${reason[i]}`)
    }
  }
}

/** Of the processor, so that it does not matter much what else the machine does. */
const measure = (of: Case): number => {
  const turn = prepare(of)
  const turnsFor = (milliseconds: number): number => {
    const end = performance.now() + milliseconds
    let turns = 0
    for (; performance.now() < end; turns += 256) for (let i = 0; i < 256; i++) turn()
    return turns
  }
  turnsFor(300)
  const from = process.cpuUsage()
  const turns = turnsFor(400)
  const { system, user } = process.cpuUsage(from)
  return ((user + system) * 1000) / (turns * of.frames)
}

const asked = process.argv[2]
const chosen = cases[asked ?? ""]
if (asked === "--list") process.stdout.write(JSON.stringify(Object.keys(cases)))
else if (chosen === undefined) throw new Error(`no such case: ${asked}`)
else process.stdout.write(measure(chosen).toFixed(2))
