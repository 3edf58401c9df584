import { Bounds, TAP_PORT } from "../src/domain/Bounds.ts"
import * as Counters from "../src/domain/Counters.ts"
import * as FrameBatch from "../src/domain/FrameBatch.ts"
import { Reason, REASON_COUNT } from "../src/domain/Reason.ts"
import * as Plan from "../src/domain/SendPlan.ts"
import type { SwitchSettings } from "../src/domain/SwitchSettings.ts"
import * as Forwarder from "../src/services/Forwarder.ts"
import { EVENT_WIDTH, EventKind, type ExchangeEvents, type FrameExchange } from "../src/services/FrameExchange.ts"
import * as PortLife from "../src/services/PortLife.ts"
import { ARP, IPV4 } from "../test/property/frames.ts"
import { difference } from "./State.ts"
import { Finding } from "./Target.ts"

/** An exchange on which everything that is sent arrives, and each step brings what it was given before. */
class HandedExchange implements FrameExchange {
  readonly batch: FrameBatch.FrameBatch
  readonly plan: Plan.SendPlan
  readonly events: ExchangeEvents = { rows: new Int32Array(Bounds.exchangeEvents * EVENT_WIDTH), count: 0 }
  nowMs = 1000
  #frame: { readonly octets: Uint8Array; readonly port: number } | undefined
  #connects = 0

  constructor(frameBytesMax: number, guests: number) {
    this.batch = FrameBatch.make(frameBytesMax)
    this.plan = Plan.make(guests + 1)
    this.#connects = guests
  }

  hand(octets: Uint8Array, port: number): void {
    this.#frame = { octets, port }
  }

  step(): void {
    this.plan.failed = 0
    this.plan.outcome.fill(0, 0, this.plan.count)
    this.batch.count = 0
    this.events.count = 0
    for (; this.#connects > 0; this.#connects--) {
      const row = [EventKind.Connect, 0, this.#connects, 1000 + this.#connects, 100, 1]
      this.events.rows.set(row, this.events.count++ * EVENT_WIDTH)
    }
    if (this.#frame === undefined) return
    FrameBatch.append(this.batch, this.#frame.octets, this.#frame.port)
    this.#frame = undefined
  }

  admit = (): number => 0
  attachTap = (): number => 0
  refuse = (): void => {}
  detachTap = (): void => {}
  close = (): void => {}
  pause = (): void => {}
  resume = (): void => {}
  restListeners = (): void => {}
  shutdown = (): void => {}
}

const GUESTS = 8

/**
 * What becomes of a frame on its way out (rules F and E): it has passed all that is asked of its sender, and what
 * it says of him has been noted by then.
 */
const ON_THE_WAY_OUT = new Set<number>([
  Reason.HAIRPIN, Reason.ISOLATED, Reason.EGRESS_FULL, Reason.EGRESS_MTU, Reason.TAP_WRITE_ERROR,
  Reason.IP4_PROTO_DENIED, Reason.IP6_PROTO_DENIED
])

const makeOne = (settings: SwitchSettings) => {
  const exchange = new HandedExchange(settings.frameBytesMax, GUESTS)
  const counters = Counters.make(GUESTS + 1)
  const own = { ...settings, guestPorts: GUESTS, guestPortsPerUid: GUESTS }
  const forwarder = Forwarder.make({ exchange, settings: own, counters, notify: () => {} })
  const { tapMac } = settings
  if (tapMac !== undefined) {
    PortLife.attachTap(forwarder, { handle: 1, mac: tapMac, mtuBytes: settings.tapMtuBytes })
  }
  Forwarder.turn(forwarder, 0)
  return { exchange, forwarder, counters }
}

const NOTHING = new Uint8Array(0)

/** Buckets of rates fill meanwhile, and facts grow old. */
const MS_PER_FRAME = 100

/** Where a RARP announces a station it is noted, and goes no further (rule L10). */
const isAnnouncement = (octets: Uint8Array): boolean => octets[12] === 0x80 && octets[13] === 0x35

/**
 * Two switches that are told the same, but for frames that are denied: in place of such a one the second gets a packet
 * of no octets, of which there is nothing to remember. Whatever a denied frame changes, they differ in.
 */
export class TwinSwitch {
  readonly #settings: SwitchSettings
  readonly #one: ReturnType<typeof makeOne>
  readonly #other: ReturnType<typeof makeOne>

  constructor(settings: SwitchSettings) {
    this.#settings = settings
    this.#one = makeOne(settings)
    this.#other = makeOne(settings)
  }

  /** Sends a frame from a port, which is taken for one of those there are. Throws what is found. */
  send(octets: Uint8Array, wanted: number): void {
    const { tapMac } = this.#settings
    const port = wanted === TAP_PORT && tapMac !== undefined ? TAP_PORT : 1 + (wanted % GUESTS)
    const { counters, exchange, forwarder } = this.#one
    exchange.nowMs += MS_PER_FRAME
    this.#other.exchange.nowMs += MS_PER_FRAME
    exchange.hand(octets, port)
    Forwarder.turn(forwarder, 0)
    const reason = forwarder.reason[0]!
    const denied = reason !== Reason.PASS && !ON_THE_WAY_OUT.has(reason) && !isAnnouncement(octets)
    this.#checkPlan(octets, port)
    this.#other.exchange.hand(denied ? NOTHING : octets, port)
    Forwarder.turn(this.#other.forwarder, 0)
    const differs = difference(forwarder, this.#other.forwarder)
    if (differs !== undefined) throw new Finding(`${denied ? "a denied" : "an accepted"} frame changed ${differs}`)
    Forwarder.turn(forwarder, 0)
    Forwarder.turn(this.#other.forwarder, 0)
    for (let row = 0; row <= GUESTS; row++) checkSums(counters, row)
  }

  #checkPlan(octets: Uint8Array, port: number): void {
    const { exchange, forwarder } = this.#one
    const { batch, plan } = exchange
    const slot = batch.bytes.subarray(0, octets.length)
    const changed = octets.length <= batch.frameBytesMax && Buffer.compare(slot, octets) !== 0
    if (changed) throw new Finding("a frame was changed")
    if (forwarder.reason[0] !== Reason.PASS && plan.count > 0) throw new Finding("a denied frame leaves")
    for (let i = 0; i < plan.count; i++) {
      const egress = plan.egress[i]!
      if (egress === port) throw new Finding("a frame leaves by the port it came from")
      if (egress > GUESTS) throw new Finding(`a frame leaves by port ${egress}`)
      if (plan.size[i] !== octets.length) throw new Finding("a frame leaves with another size")
    }
    if (plan.count > 0 && port !== TAP_PORT) this.#checkSender(octets)
  }

  /** Nothing that claims to be the host leaves for anybody: neither its MAC, nor in secure mode its address. */
  #checkSender(octets: Uint8Array): void {
    const { policy } = this.#one.forwarder
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
    const hi = view.getUint16(6, true) | (view.getUint16(8, true) << 16)
    if (hi === policy.tapMacHi && view.getUint16(10, true) === policy.tapMacLo) {
      throw new Finding("a frame with the host's MAC leaves")
    }
    const type = view.getUint16(12)
    if (!policy.secure || (type !== ARP && type !== IPV4)) return
    if (view.getUint32(type === ARP ? 28 : 26) === policy.hostAddress) {
      throw new Finding("a frame with the host's address leaves")
    }
  }
}

/** Both sums of a row, with nothing held. */
const checkSums = ({ values }: Counters.Counters, row: number): void => {
  const { Column, ROW } = Counters
  const at = (column: number): number => values[row * ROW + column]!
  let denied = 0
  let dropped = 0
  for (let reason = 0; reason < REASON_COUNT; reason++) {
    denied += at(Column.denied + reason)
    dropped += at(Column.dropped + reason)
  }
  if (at(Column.receivedFrames) !== at(Column.forwardedFrames) + denied) throw new Finding(`received of port ${row}`)
  if (at(Column.offeredFrames) !== at(Column.sentFrames) + dropped) throw new Finding(`offered to port ${row}`)
}
