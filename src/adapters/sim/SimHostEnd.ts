import type { SimKernel } from "./SimKernel.ts"
import type { Injected, SimTap } from "./SimTap.ts"

/** What a host's stack does with a frame: the frames that it sends in answer. `SimHost` is one. */
export interface HostStack {
  readonly answer: (frame: Uint8Array, nowMs: number) => ReadonlyArray<Uint8Array>
}

/** The host's side of a tap, as a test holds it. */
export class SimHostEnd {
  readonly #kernel: SimKernel
  readonly #tap: SimTap

  constructor(kernel: SimKernel, tap: SimTap) {
    this.#kernel = kernel
    this.#tap = tap
  }

  /** Sends a frame to the switch; `full` is lost, as the host's own queue does. */
  inject(frame: Uint8Array): Injected {
    const result = this.#tap.inject(frame)
    this.#kernel.note(() => `${this.#tap.interfaceName}->switch ${frame.length} ${result}`)
    return result
  }

  /** All frames that the switch has sent since it was last asked. */
  taken(): ReadonlyArray<Uint8Array> {
    return this.#tap.taken()
  }

  /** Lets a stack answer what the switch has sent. Returns the frames it was given. */
  serve(stack: HostStack): ReadonlyArray<Uint8Array> {
    const frames = this.taken()
    for (const frame of frames) {
      for (const answer of stack.answer(frame, this.#kernel.nowMs)) this.inject(answer)
    }
    return frames
  }

  /** Brings the interface down or up, as ifconfig(8) does. */
  set up(up: boolean) {
    this.#tap.up = up
    this.#kernel.note(() => `${this.#tap.interfaceName} ${up ? "up" : "down"}`)
  }

  /** Gives the interface another MAC address, or MTU, as ip-link(8) does. */
  change({ mac = this.#tap.mac, mtuBytes = this.#tap.mtuBytes }: { mac?: Uint8Array; mtuBytes?: number }): void {
    this.#tap.mac = mac
    this.#tap.mtuBytes = mtuBytes
    this.#kernel.note(() => `${this.#tap.interfaceName} changed`)
  }

  /** Has a bridge with that MAC address take the interface in, or gives its bridge that one; undefined takes it out. */
  bridge(mac: Uint8Array | undefined): void {
    this.#tap.bridgeMac = mac
    this.#kernel.note(() => `${this.#tap.interfaceName} ${mac === undefined ? "is in no bridge" : "is in a bridge"}`)
  }

  /** Deletes the interface under the switch. */
  vanish(): void {
    this.#kernel.vanish(this.#tap)
  }
}
