import { errno } from "./Errno.ts"
import type { SimKernel } from "./SimKernel.ts"
import { sendBufferFor, type SimSocket } from "./SimSocket.ts"

/** How a guest fared with a frame. `full`: the switch has not read enough; `gone`: it has closed the connection. */
export type Sent = "sent" | "full" | "gone" | "too long"

const outcomes: Record<number, Sent | undefined> = {
  0: "sent",
  [errno.EAGAIN]: "full",
  [errno.EMSGSIZE]: "too long"
}

/** A guest: the other end of one of the switch's ports, as a test holds it. One that does not read fills up. */
export class SimGuest {
  readonly #kernel: SimKernel
  readonly #socket: SimSocket
  /** As the history calls it: `guest1`. */
  readonly name: string

  constructor(kernel: SimKernel, socket: SimSocket, name: string) {
    this.#kernel = kernel
    this.#socket = socket
    this.name = name
  }

  /** Whether it has closed its end. */
  get closed(): boolean {
    return this.#socket.closed
  }

  /** Whether the switch has closed its end; what the switch sent before can still be received. */
  get gone(): boolean {
    return this.#socket.otherGone
  }

  /** Frames that wait to be received. */
  get waiting(): number {
    return this.#socket.waiting
  }

  /** Asks for a send buffer with setsockopt(2), SO_SNDBUF. */
  askSendBuffer(bytes: number): void {
    this.#socket.sendBufferBytes = sendBufferFor(bytes)
  }

  send(frame: Uint8Array): Sent {
    return this.sendDescriptors(frame, 0)
  }

  /** Sends a frame with descriptors along (SCM_RIGHTS). */
  sendDescriptors(frame: Uint8Array, descriptors: number): Sent {
    let result = this.#socket.send(frame, descriptors)
    // A reset is told once and stands for itself; what the guest wants to know is whether it can go on.
    if (result === errno.ECONNRESET) result = errno.EPIPE
    const outcome = outcomes[result] ?? "gone"
    const along = descriptors === 0 ? "" : `+${descriptors}fd`
    this.#kernel.note(() => `${this.name}->switch ${frame.length}${along} ${outcome}`)
    return outcome
  }

  /** The next frame, or undefined when none waits. */
  receive(): Uint8Array | undefined {
    let received = this.#socket.receive()
    if (received === "reset") received = this.#socket.receive()
    return typeof received === "string" ? undefined : received.octets
  }

  /** All frames that wait. */
  received(): ReadonlyArray<Uint8Array> {
    const frames: Array<Uint8Array> = []
    for (let next = this.receive(); next !== undefined; next = this.receive()) frames.push(next)
    return frames
  }

  /** Stops sending, but goes on reading: shutdown(2). */
  finish(): void {
    this.#socket.finish()
    this.#kernel.note(() => `${this.name} finished`)
  }

  /** Leaves; what it has not read is lost. */
  close(): void {
    if (this.closed) return
    const unread = this.#socket.close()
    this.#kernel.note(() => `${this.name} closed, ${unread} unread`)
  }
}
