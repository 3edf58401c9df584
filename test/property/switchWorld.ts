import { assert } from "@effect/vitest"
import { rest } from "../../src/adapters/sim/SimDriver.ts"
import { SimExchange } from "../../src/adapters/sim/SimExchange.ts"
import type { SimGuest } from "../../src/adapters/sim/SimGuest.ts"
import { SimKernel } from "../../src/adapters/sim/SimKernel.ts"
import * as SocketFile from "../../src/adapters/sim/SimSocketFile.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Ring from "../../src/domain/capture/CaptureRing.ts"
import type { CaptureRing } from "../../src/domain/capture/CaptureRing.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { REASON_COUNT } from "../../src/domain/Reason.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import * as Forwarder from "../../src/services/Forwarder.ts"
import type { PlaneNotice } from "../../src/services/PlaneNotice.ts"
import * as PortLife from "../../src/services/PortLife.ts"

const PATH = "/var/run/vknet"
const TRUNK_PATH = "/var/run/vknet.trunk"

/** A forwarding loop on a simulated kernel, without anything around it: for promises about frames. */
export interface SwitchWorld {
  readonly kernel: SimKernel
  readonly exchange: SimExchange
  readonly forwarder: Forwarder.Forwarder
  readonly notices: Array<PlaneNotice>
  readonly captured: CaptureRing
  /** A guest that is connected and admitted. */
  readonly guest: (uid?: number) => SimGuest
  /** The same on the trunks' socket, which `trunkPorts` makes. */
  readonly trunk: (uid?: number) => SimGuest
  /** Sends one frame and lets the switch forward it. */
  readonly send: (guest: SimGuest, frame: Uint8Array) => void
  /** Runs the loop until it has nothing left to do at this moment. */
  readonly settle: () => void
  /** Lets time pass in steps of a millisecond, the loop running. */
  readonly pass: (ms: number) => void
  /** Both sums of the counters, asserted. */
  readonly assertSums: () => void
}

export interface WorldOptions extends Partial<SwitchSettings> {
  readonly tap?: boolean
  readonly seed?: number
  readonly ringBytes?: number
  /** As of `Notices`; left out, nobody hears and nobody is waited for. */
  readonly heard?: Int32Array<ArrayBufferLike>
}

export const make = (options: WorldOptions = {}) => {
  const kernel = new SimKernel({ seed: options.seed ?? 1, historyLines: 200_000 })
  const prefix = Prefixes.make(0x0a010001, 24)
  const tapFd = options.tap === false ? -1 : kernel.openTap("tap0")
  const tap = kernel.interfaces.tap("tap0")
  if (tap !== undefined) tap.up = true
  const tapMac = tap === undefined ? undefined : Mac.fromOctets(tap.mac)
  const settings: SwitchSettings = {
    secure: false,
    prefix,
    tapMac,
    tapMtuBytes: 1500,
    frameBytesMax: 1518,
    guestPorts: 16,
    guestPortsPerUid: 16,
    stationAgeSeconds: Bounds.stationAgeSeconds,
    hashSeed: [1, 2],
    ...options
  }
  const listening = (path: string): number => {
    const opened = SocketFile.listen(kernel, { path, gid: 85, mode: 0o660, backlog: Bounds.backlog })
    if (typeof opened === "number") throw new Error(`listen: ${opened}`)
    return opened.fd
  }
  const exchange = new SimExchange(kernel, {
    portCount: settings.guestPorts + 1,
    frameBytesMax: settings.frameBytesMax,
    listener: listening(PATH),
    trunkListener: settings.trunkPorts === undefined ? -1 : listening(TRUNK_PATH)
  })
  const notices: Array<PlaneNotice> = []
  const captured = Ring.make(settings.guestPorts + 1, options.ringBytes ?? 65_536)
  const forwarder = Forwarder.make({
    exchange,
    settings,
    counters: Counters.make(settings.guestPorts + 1),
    notify: (notice) => notices.push(notice),
    ...(options.heard === undefined ? {} : { heard: options.heard }),
    capture: { ring: captured, dateMs: () => 1_700_000_000_000 + Math.floor(exchange.nowMs) }
  })
  if (tap !== undefined) {
    PortLife.attachTap(forwarder, { handle: tapFd, mac: Mac.fromOctets(tap.mac), mtuBytes: 1500 })
  }

  const settle = () => rest({ exchange, forwarder })
  const connect = (path: string, uid: number) => {
    const guest = kernel.guest({ path, uid, gid: 85, pid: 100 })
    settle()
    return guest
  }
  const world: SwitchWorld = {
    kernel,
    exchange,
    forwarder,
    notices,
    captured,
    settle,
    guest: (uid = 0) => connect(PATH, uid),
    trunk: (uid = 0) => connect(TRUNK_PATH, uid),
    send: (guest, frame) => {
      guest.send(frame)
      settle()
    },
    pass: (ms) => {
      for (let i = 0; i < ms; i++) {
        kernel.advance(1)
        settle()
      }
    },
    assertSums: () => assertSums(forwarder)
  }
  return { ...world, host: tap === undefined ? undefined : kernel.hostEnd("tap0"), tapMac }
}

const assertSums = ({ backlog, counters }: Forwarder.Forwarder) => {
  const { Column, ROW } = Counters
  for (let row = 0; row < counters.rows; row++) {
    const at = (column: number) => counters.values[row * ROW + column]!
    const sum = (first: number) => {
      let total = 0
      for (let reason = 0; reason < REASON_COUNT; reason++) total += at(first + reason)
      return total
    }
    assert.strictEqual(
      at(Column.receivedFrames),
      at(Column.forwardedFrames) + sum(Column.denied),
      `received of row ${row}`
    )
    const kept = row < backlog.count.length ? backlog.count[row]! : 0
    assert.strictEqual(
      at(Column.offeredFrames),
      at(Column.sentFrames) + sum(Column.dropped) + kept,
      `offered to row ${row}`
    )
  }
}

/** A frame from one small number to another, whose last octet is `mark`; `255` is broadcast. */
export const frame = (to: number, from: number, mark = 0, size = 60): Uint8Array => {
  const octets = new Uint8Array(size)
  if (to === 255) octets.fill(0xff, 0, 6)
  else octets.set([0x02, 0, 0, 0, 0, to])
  octets.set([0x02, 0, 0, 0, 0, from, 0x88, 0xb5], 6)
  octets[size - 1] = mark & 255
  octets[size - 2] = mark >>> 8
  return octets
}

/** The mark of a frame made by {@link frame}. */
export const markOf = (octets: Uint8Array): number => octets[octets.length - 1]! | (octets[octets.length - 2]! << 8)

export const macText = (octets: Uint8Array, start: number): string => Mac.format(Mac.fromOctets(octets, start))
