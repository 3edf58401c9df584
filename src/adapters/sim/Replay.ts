import { Bounds, TAP_PORT } from "../../domain/Bounds.ts"
import type { CapturedFrame, CaptureFault, CaptureReader } from "../../domain/capture/CapturedFrame.ts"
import { isFault } from "../../domain/capture/CapturedFrame.ts"
import * as Counters from "../../domain/Counters.ts"
import * as Mac from "../../domain/MacAddress.ts"
import { REASON_COUNT, reasonNames } from "../../domain/Reason.ts"
import type { SwitchSettings } from "../../domain/SwitchSettings.ts"
import { SENT_OUT, stationOf, type Survey, TAP, UNKNOWN } from "../../services/CaptureSurvey.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import * as PortLife from "../../services/PortLife.ts"
import type { ReplayedFrame } from "../../services/ReplayedFrame.ts"
import { rest } from "./SimDriver.ts"
import { SimExchange } from "./SimExchange.ts"
import type { SimGuest } from "./SimGuest.ts"
import type { SimHostEnd } from "./SimHostEnd.ts"
import { SimKernel } from "./SimKernel.ts"
import * as SocketFile from "./SimSocketFile.ts"

const PATH = "/var/run/vknet"
const TAP_NAME = "tap0"
const GROUP = 85
/** Guest n is of user 1000 + n: nobody is trusted by being another's. */
const FIRST_UID = 1000
/** Looks at the clock while nothing comes, however long that is. */
const PAUSE_STEPS_MAX = 64
const PAUSE_MS = 1000
const NS_PER_MS = 1_000_000n

/**
 * Runs a capture through the same forwarding loop that serves real guests, on a simulated kernel, at the capture's own
 * times. All its guests are there from the beginning.
 *
 * @param settings what the switch is told; the tap's MAC is the host's of the survey, if it was seen.
 * @param tell     called for each frame, in order.
 * @returns what is wrong with the capture, if something is; frames before it have been told.
 */
export const replay = (
  reader: CaptureReader,
  survey: Survey,
  settings: SwitchSettings,
  tell: (frame: ReplayedFrame) => void
): CaptureFault | undefined => {
  const world = new ReplayWorld(survey, settings)
  for (let number = 1;; number++) {
    const next = reader.next()
    if (next === undefined || isFault(next)) return next
    tell(world.send(next, number))
  }
}

/** The name under which a port is told. */
const nameOf = (survey: Survey, ingress: number): string =>
  ingress === TAP ? "tap" : survey.guests[ingress - 1]!

class ReplayWorld {
  readonly #kernel = new SimKernel()
  readonly #forwarder: Forwarder.Forwarder
  readonly #exchange: SimExchange
  readonly #guests: ReadonlyArray<SimGuest>
  readonly #host: SimHostEnd
  readonly #survey: Survey
  /** What was denied at each port, and dropped at the tap, before the frame at hand. */
  readonly #before = new Float64Array(2 * REASON_COUNT)
  #startNs: bigint | undefined

  constructor(survey: Survey, settings: SwitchSettings) {
    const kernel = this.#kernel
    this.#survey = survey
    const tapFd = kernel.openTap(TAP_NAME)
    const tap = kernel.interfaces.tap(TAP_NAME)!
    tap.up = true
    const listening = SocketFile.listen(kernel, { path: PATH, gid: GROUP, mode: 0o666, backlog: Bounds.backlog })
    if (typeof listening === "number") throw new Error(`the simulated socket: ${listening}`)
    const { frameBytesMax, guestPorts } = settings
    this.#exchange = new SimExchange(kernel, { portCount: guestPorts + 1, frameBytesMax, listener: listening.fd })
    this.#forwarder = Forwarder.make({
      exchange: this.#exchange,
      settings,
      counters: Counters.make(guestPorts + 1),
      notify: () => {}
    })
    const mac = settings.tapMac ?? (survey.hostMac === undefined ? undefined : Mac.parse(survey.hostMac))
    this.#host = kernel.hostEnd(TAP_NAME)
    this.#host.change({ mtuBytes: settings.tapMtuBytes, ...(mac === undefined ? {} : { mac: Mac.toOctets(mac) }) })
    PortLife.attachTap(this.#forwarder, {
      handle: tapFd,
      mac: Mac.fromOctets(tap.mac),
      mtuBytes: settings.tapMtuBytes
    })
    // One after the other: the first guest gets port 1, and so on.
    this.#guests = survey.guests.map((_, i) => {
      const guest = kernel.guest({ path: PATH, uid: FIRST_UID + i + 1, gid: GROUP, pid: i + 1 })
      this.#settle()
      return guest
    })
  }

  send(frame: CapturedFrame, number: number): ReplayedFrame {
    const ingress = this.#survey.ingressOf(frame)
    this.#pass(frame.timeNs)
    const source = stationOf(frame)
    const station = source === UNKNOWN ? null : source
    const base = { number, frame, station, egress: [], reason: null, tapReason: null }
    if (ingress === SENT_OUT) return { ...base, ingress: null, skipped: "outbound" }
    const name = nameOf(this.#survey, ingress)
    if (frame.octets.length < frame.originalBytes) return { ...base, ingress: name, skipped: "cut" }
    this.#remember(ingress)
    if (ingress === TAP) this.#host.inject(frame.octets)
    else this.#guests[ingress - 1]!.send(frame.octets)
    this.#settle()
    return {
      ...base,
      ingress: name,
      egress: this.#taken(),
      reason: this.#counted(ingress, Counters.Column.denied, 0),
      tapReason: ingress === TAP ? null : this.#counted(TAP_PORT, Counters.Column.dropped, REASON_COUNT),
      skipped: null
    }
  }

  #settle(): void {
    rest({ exchange: this.#exchange, forwarder: this.#forwarder })
  }

  /** Lets the clock go on to the time of a frame. It never goes back, though a capture's may. */
  #pass(timeNs: bigint): void {
    this.#startNs ??= timeNs
    const left = Number((timeNs - this.#startNs) / NS_PER_MS) - this.#kernel.nowMs
    const steps = Math.min(PAUSE_STEPS_MAX, Math.ceil(left / PAUSE_MS))
    const end = this.#kernel.nowMs + left
    for (let step = steps; step > 0; step--) {
      this.#kernel.advance(Math.ceil((end - this.#kernel.nowMs) / step))
      this.#settle()
    }
  }

  /** What every port was sent, by name. */
  #taken(): ReadonlyArray<string> {
    const egress = this.#host.taken().length > 0 ? [nameOf(this.#survey, TAP)] : []
    this.#guests.forEach((guest, i) => {
      if (guest.waiting > 0 && guest.received().length > 0) egress.push(nameOf(this.#survey, i + 1))
    })
    return egress
  }

  #row(port: number, column: number): Float64Array {
    const from = port * Counters.ROW + column
    return this.#forwarder.counters.values.subarray(from, from + REASON_COUNT)
  }

  #remember(ingress: number): void {
    this.#before.set(this.#row(ingress, Counters.Column.denied))
    this.#before.set(this.#row(TAP_PORT, Counters.Column.dropped), REASON_COUNT)
  }

  /** Under which reason something was counted since `#remember`. */
  #counted(port: number, column: number, at: number): string | null {
    const row = this.#row(port, column)
    for (let reason = 0; reason < REASON_COUNT; reason++) {
      if (row[reason]! > this.#before[at + reason]!) return reasonNames[reason]!
    }
    return null
  }
}
