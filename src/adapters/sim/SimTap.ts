import { formatAddress, type Ipv6Prefix } from "../../domain/Ipv6Prefix.ts"
import type { Prefix } from "../../domain/Prefix.ts"
import { errno } from "./Errno.ts"
import { PacketQueue } from "./PacketQueue.ts"

/** Frames that wait for the switch: Linux' queue of a tap. (tap(4) on DragonFly: 250.) */
export const TAP_QUEUE_FRAMES = 500

/** Frames from the switch that are kept for a test to look at; the oldest go first. */
const TAKEN_FRAMES_MAX = 65_536

/** Two addresses and a type: less is not a frame to the kernel. */
const HEADER_BYTES = 14

/** What a read of a tap gives: a frame, nothing yet, or that the interface has gone. */
export type TapReceived = Uint8Array | "nothing" | "gone"

/** How the host fared with a frame for the switch. */
export type Injected = "sent" | "full" | "down" | "gone"

/** One tap interface: between the switch, which holds its descriptor, and the host's stack. */
export class SimTap {
  readonly kind = "tap"
  readonly addresses: Array<Prefix> = []
  /** Of IPv6, by the address's own text: one has one length of prefix, the latest. */
  readonly addresses6 = new Map<string, Ipv6Prefix>()
  readonly #toSwitch = new PacketQueue<Uint8Array>()
  readonly #toHost = new PacketQueue<Uint8Array>()
  readonly interfaceName: string
  /** Six octets. */
  mac: Uint8Array
  /** Made by the administrator, so that it outlives whoever opens it. */
  readonly persistent: boolean
  mtuBytes: number
  up = false
  /** Whether a process has it open. */
  held = false
  /** The bridge it is in. */
  bridgeName: string | undefined
  /** Of that bridge, if it has another than the tap. */
  bridgeMac: Uint8Array | undefined
  #gone = false
  #lost = 0

  constructor(interfaceName: string, mac: Uint8Array, mtuBytes: number, persistent: boolean) {
    this.interfaceName = interfaceName
    this.mac = mac
    this.mtuBytes = mtuBytes
    this.persistent = persistent
  }

  get gone(): boolean {
    return this.#gone
  }

  /** Frames of the host that found the queue full. */
  get lost(): number {
    return this.#lost
  }

  /** Frames that wait for the switch. */
  get waiting(): number {
    return this.#toSwitch.length
  }

  assign6(prefix: Ipv6Prefix): void {
    this.addresses6.set(formatAddress(prefix.address), prefix)
  }

  /** For the switch: writes a frame. Returns 0 or an errno. */
  write(octets: Uint8Array): number {
    if (this.#gone) return errno.EBADFD
    if (!this.up) return errno.EIO
    if (octets.length < HEADER_BYTES) return errno.EINVAL
    this.#toHost.push(octets.slice())
    if (this.#toHost.length > TAKEN_FRAMES_MAX) this.#toHost.shift()
    return 0
  }

  /** For the switch: reads a frame. */
  read(): TapReceived {
    if (this.#gone) return "gone"
    return this.#toSwitch.shift() ?? "nothing"
  }

  /** For the host: sends a frame, of which a copy is kept, to the switch. */
  inject(octets: Uint8Array): Injected {
    if (this.#gone) return "gone"
    if (!this.up || !this.held) return "down"
    if (this.#toSwitch.length >= TAP_QUEUE_FRAMES) {
      this.#lost++
      return "full"
    }
    this.#toSwitch.push(octets.slice())
    return "sent"
  }

  /** For the host: all frames from the switch since it was last asked. */
  taken(): ReadonlyArray<Uint8Array> {
    return this.#toHost.drain()
  }

  /** The process that held it has closed it: what waited for it is thrown away. */
  release(): void {
    this.held = false
    this.#toSwitch.drain()
  }

  vanish(): void {
    this.#gone = true
    this.up = false
    this.bridgeName = undefined
    this.bridgeMac = undefined
    this.#toSwitch.drain()
  }
}
