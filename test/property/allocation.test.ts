import { assert, describe, it } from "@effect/vitest"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Ports from "../../src/domain/Ports.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import * as Plan from "../../src/domain/SendPlan.ts"
import * as Forwarder from "../../src/services/Forwarder.ts"
import type { FrameExchange } from "../../src/services/FrameExchange.ts"
import { address, ethernet, IPV4, ipv4, mac, udp } from "./frames.ts"

const GUESTS = 16

/** An exchange that costs nothing: every step takes the whole plan and brings the same batch again. */
const treadmill = (frames: ReadonlyArray<{ octets: Uint8Array; port: number }>) => {
  const batch = Batch.make(1518)
  frames.forEach(({ octets, port }) => Batch.append(batch, octets, port))
  const exchange: { -readonly [Member in keyof FrameExchange]: FrameExchange[Member] } = {
    batch,
    plan: Plan.make(GUESTS + 1),
    events: { rows: new Int32Array(6), count: 0 },
    nowMs: 1_000_000.25,
    step: () => {
      exchange.nowMs += 0.1
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

const guestMac = (guest: number) => mac(`52:54:00:00:00:${guest.toString(16).padStart(2, "0")}`)

/** A datagram of an honest guest; to 255: to all. */
const datagram = (from: number, to: number) => {
  const source = address(`10.1.0.${from + 2}`)
  const destination = address(to === 255 ? "255.255.255.255" : `10.1.0.${to + 2}`)
  return ethernet({
    destination: to === 255 ? mac("ff:ff:ff:ff:ff:ff") : guestMac(to),
    source: guestMac(from),
    type: IPV4,
    payload: ipv4({
      source,
      destination,
      protocol: 17,
      payload: udp({ source, destination, sourcePort: 5000, destinationPort: 5001, payload: new Uint8Array(20) })
    })
  })
}

describe("the forwarding path", () => {
  it.each([
    ["", false],
    [", also while all of them are captured", true]
  ])("allocates nothing per frame: at most a few numbers, of 16 octets, for a batch%s", (_, isCaptured) => {
    const frames = Array.from({ length: Bounds.batchFrames }, (_, i) => {
      const from = 1 + (i % GUESTS)
      return { octets: datagram(from, i % 8 === 0 ? 255 : 1 + ((from + 3) % GUESTS)), port: from }
    })
    const ring = Ring.make(GUESTS + 1, 1 << 20)
    const forwarder = Forwarder.make({
      exchange: treadmill(frames),
      settings: {
        secure: true,
        prefix: Prefixes.make(0x0a010001, 24),
        tapMac: Mac.parse("02:00:00:00:00:01"),
        tapMtuBytes: 1500,
        frameBytesMax: 1518,
        guestPorts: GUESTS,
        guestPortsPerUid: GUESTS,
        stationAgeSeconds: 300,
        hashSeed: [1, 2]
      },
      counters: Counters.make(GUESTS + 1),
      notify: () => {},
      capture: { ring, dateMs: Date.now }
    })
    if (isCaptured) {
      ring.interest.fill(Ring.Interest.RECEIVED | Ring.Interest.SENT)
      Ring.setMode(ring, Ring.Mode.COPY | Ring.Mode.SENT, 262_144)
    }
    // The reader's side of the ring, as if it had read all: it may allocate, and is not what is measured.
    const [written, read] = [0, 16]
    for (let i = 0; i < GUESTS; i++) Ports.admit(forwarder.ports, 0)
    const run = (turns: number) => {
      for (let i = 0; i < turns; i++) {
        Forwarder.turn(forwarder, -1)
        ring.control[read] = ring.control[written]!
      }
    }
    const turns = 20_000
    const growth = (): number => {
      const before = process.memoryUsage().heapUsed
      run(turns)
      return process.memoryUsage().heapUsed - before
    }
    const bound = turns * (isCaptured ? 80 : 20)
    // Until V8 has compiled it all, which takes it longer where others use the processors.
    for (let warm = 0; warm < 6 && growth() >= bound; warm++) {}
    const grown = growth()
    const sent = Counters.total(forwarder.counters, Counters.Column.sentFrames)
    process.stderr.write(`${turns * Bounds.batchFrames} frames: the heap grew by ${grown} octets\n`)
    assert.isAbove(sent, turns * Bounds.batchFrames)
    assert.isBelow(grown, bound)
    assert.deepStrictEqual(Ring.missed(ring), [0, 0, 0])
    assert.strictEqual(ring.head !== 0, isCaptured)
  }, 60_000)
})
