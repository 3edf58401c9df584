import { Bounds, TAP_PORT } from "../../domain/Bounds.ts"
import type { CapturedFrame } from "../../domain/capture/CaptureReader.ts"
import * as Counters from "../../domain/Counters.ts"
import * as Mac from "../../domain/MacAddress.ts"
import type { PolicySettings } from "../../domain/policy/PolicySettings.ts"
import type { Prefix } from "../../domain/Prefix.ts"
import { reasonNames } from "../../domain/Reason.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import { rest } from "./SimDriver.ts"
import { SimExchange } from "./SimExchange.ts"
import type { SimGuest } from "./SimGuest.ts"
import { SimKernel } from "./SimKernel.ts"
import * as SocketFile from "./SimSocketFile.ts"

/** How a capture is run through a switch. */
export interface ReplayRequest {
  readonly secure: boolean
  readonly prefix: Prefix | undefined
  readonly policy: Partial<PolicySettings>
  /** Frames from this MAC come from the host's side; undefined: none do. */
  readonly hostMac: Mac.MacAddress | undefined
  /**
   * Who sent a frame: `station`, each source address is a guest of its own; `interface`, each interface of the capture
   * is; `one`, all are of one guest.
   */
  readonly guests: "station" | "interface" | "one"
}

/** What the switch did with one frame. */
export interface ReplayedFrame {
  readonly number: number
  readonly timeMs: number
  /** Port it came in on; 0 is the tap, -1 that there was none left. */
  readonly ingress: number
  /** Its source address; undefined if it is too short to have one. */
  readonly station: string | undefined
  /** Name of the reason it was denied for, or null. */
  readonly reason: string | null
  /** Ports that got it. */
  readonly egress: ReadonlyArray<number>
  readonly octets: Uint8Array
}

const PATH = "/var/run/vknet"

/** Where a simulated host's own address is not in the capture: an address that no guest has. */
const UNKNOWN_HOST = { hi: 0x0000_0002, lo: 0xffff }

/**
 * Runs a capture through the switch on a simulated kernel, at the capture's own times, and tells of each frame what
 * became
 * of it. The same loop, rules and tables as those of a running switch; one capture gives one answer.
 */
export class Replay {
  readonly #kernel = new SimKernel({ descriptorLimit: 1_000_000 })
  readonly #request: ReplayRequest
  readonly #exchange: SimExchange
  readonly #forwarder: Forwarder.Forwarder
  readonly #guests = new Map<string, { readonly port: number; readonly guest: SimGuest }>()
  #opened = 0
  #startMs: number | undefined
  #number = 0

  constructor(request: ReplayRequest) {
    this.#request = request
    const tapMac = request.hostMac ?? UNKNOWN_HOST
    const tapFd = this.#kernel.openTap("tap0")
    this.#kernel.interfaces.tap("tap0")!.up = true
    const listening = SocketFile.listen(this.#kernel, { path: PATH, gid: 0, mode: 0o660, backlog: Bounds.backlog })
    if (typeof listening === "number") throw new Error("the simulated kernel does not listen")
    const guestPorts = Bounds.guestPortsMax
    const settings = {
      secure: request.secure,
      prefix: request.prefix,
      tapMac,
      tapMtuBytes: Bounds.mtuBytesDefault,
      frameBytesMax: Bounds.mtuBytesDefault + Bounds.frameOverheadBytes,
      guestPorts,
      guestPortsPerUid: guestPorts,
      stationAgeSeconds: Bounds.stationAgeSeconds,
      policy: request.policy,
      hashSeed: [1, 2] as const
    }
    this.#exchange = new SimExchange(this.#kernel, {
      portCount: guestPorts + 1,
      frameBytesMax: settings.frameBytesMax,
      listener: listening.fd
    })
    this.#forwarder = Forwarder.make({
      exchange: this.#exchange,
      settings,
      counters: Counters.make(guestPorts + 1),
      notify: (notice) => {
        if (notice.kind === "opened") this.#opened = notice.port
      }
    })
    Forwarder.attachTap(this.#forwarder, { handle: tapFd, mac: tapMac, mtuBytes: Bounds.mtuBytesDefault })
  }

  /** Lets the switch forward one frame. Frames come in the order of the capture. */
  frame(captured: CapturedFrame): ReplayedFrame {
    const { octets, timeMs } = captured
    this.#startMs ??= timeMs
    this.#kernel.advance(Math.max(0, timeMs - this.#startMs - this.#kernel.nowMs))
    const station = octets.length >= 12 ? Mac.format(Mac.fromOctets(octets, 6)) : undefined
    const ingress = this.#send(captured, station)
    const host = this.#kernel.hostEnd("tap0")
    const egress = host.taken().length > 0 ? [TAP_PORT] : []
    for (const { guest, port } of this.#guests.values()) {
      if (guest.received().length > 0) egress.push(port)
    }
    // More stations than a switch can have ports: this one's guest was not let in.
    const reason = ingress < 0 ? "CONN_LIMIT" : reasonNames[this.#forwarder.reason[0]!]!
    return {
      number: ++this.#number,
      timeMs,
      ingress,
      station,
      reason: reason === "PASS" ? null : reason,
      egress: egress.sort((a, b) => a - b),
      octets
    }
  }

  #send({ interfaceIndex, octets }: CapturedFrame, station: string | undefined): number {
    const { guests, hostMac } = this.#request
    if (hostMac !== undefined && station === Mac.format(hostMac)) {
      this.#kernel.hostEnd("tap0").inject(octets)
      this.#settle()
      return TAP_PORT
    }
    const key = guests === "one" ? "" : guests === "interface" ? String(interfaceIndex) : station ?? ""
    const { guest, port } = this.#guests.get(key) ?? this.#connect(key)
    guest.send(octets)
    this.#settle()
    return port
  }

  #connect(key: string) {
    this.#opened = -1
    const guest = this.#kernel.guest({ path: PATH, uid: 1000 + this.#guests.size, gid: 0, pid: 1 })
    this.#settle()
    const connected = { guest, port: this.#opened }
    this.#guests.set(key, connected)
    return connected
  }

  #settle(): void {
    rest({ exchange: this.#exchange, forwarder: this.#forwarder })
  }
}
