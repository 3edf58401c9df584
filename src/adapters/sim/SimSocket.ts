import { errno } from "./Errno.ts"
import { PacketQueue } from "./PacketQueue.ts"

/**
 * One end of a connected `AF_UNIX` `SOCK_SEQPACKET` socket, with the limits of Linux (measured on 6.18,
 * November 2026; they have been so for years):
 *
 * - What lies in the other end's queue is charged to the *sender's* send buffer; the receiver's plays no part.
 * - While less than the whole send buffer is charged, one more packet of any legal size goes through.
 * - A sender that was refused is told that there is room only when three quarters have been read.
 * - A packet larger than the send buffer less 32 octets never goes.
 * - An end that closes with packets unread resets the other: that is told once, and what it had sent follows.
 */

/** `net.core.wmem_default`: the send buffer of a socket that asked for none. */
export const SEND_BUFFER_DEFAULT = 212_992

/** setsockopt(2) SO_SNDBUF doubles what it is asked for, to have room for the bookkeeping that it charges. */
export const sendBufferFor = (requestedBytes: number): number => requestedBytes * 2

const STRUCTURE_BYTES = 256
const TRAILER_BYTES = 320
/** Octets that fit beside the trailer in the largest single allocation. */
const LINEAR_BYTES_MAX = 16_384 - TRAILER_BYTES
const PAGE_BYTES = 4096

/** What a packet of `size` octets is charged: its allocation, a power of two, and a structure. */
export const packetCost = (size: number): number => {
  const linear = Math.min(size, LINEAR_BYTES_MAX)
  let allocation = 512
  while (allocation < Math.ceil(linear / 64) * 64 + TRAILER_BYTES) allocation *= 2
  const pages = Math.ceil((size - linear) / PAGE_BYTES)
  return STRUCTURE_BYTES + allocation + pages * PAGE_BYTES
}

/** One packet on its way. */
export interface Packet {
  readonly octets: Uint8Array
  /** Descriptors that came along. */
  readonly rights: number
}

/** What a read gives: a packet, or nothing yet, or that the other end has gone and all of its packets are read. */
export type Received = Packet | "nothing" | "end" | "reset"

export class SimSocket {
  readonly #incoming = new PacketQueue<Packet>()
  #other: SimSocket | undefined
  #closed = false
  /** No more can be sent from this end, because it or the other end said so. */
  #sendShut = false
  /** No more will come, once what waits has been read. */
  #receiveShut = false
  #resetUntold = false
  #chargedBytes = 0
  sendBufferBytes = SEND_BUFFER_DEFAULT

  /** Two ends that are connected with each other. */
  static pair(): readonly [SimSocket, SimSocket] {
    const one = new SimSocket()
    const two = new SimSocket()
    one.#other = two
    two.#other = one
    return [one, two]
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether the other end has been closed. */
  get otherGone(): boolean {
    return this.#other?.closed ?? true
  }

  /** Packets that wait to be read here. */
  get waiting(): number {
    return this.#incoming.length
  }

  /** Whether a read would tell something: a packet, the end, or a reset. */
  get readable(): boolean {
    return !this.#closed && (this.#incoming.length > 0 || this.#receiveShut || this.#resetUntold)
  }

  /** Whether poll(2) would call it writable: at most a quarter of the send buffer is charged. */
  get writable(): boolean {
    return (this.#chargedBytes + 1) * 4 <= this.sendBufferBytes
  }

  /** Sends one packet, of which a copy is kept. Returns 0 or an errno. */
  send(octets: Uint8Array, rights = 0): number {
    const other = this.#other
    if (this.#closed || other === undefined) return errno.EBADF
    if (this.#resetUntold) {
      this.#resetUntold = false
      return errno.ECONNRESET
    }
    if (octets.length > this.sendBufferBytes - 32) return errno.EMSGSIZE
    if (this.#sendShut) return errno.EPIPE
    if (this.#chargedBytes >= this.sendBufferBytes) return errno.EAGAIN
    this.#chargedBytes += packetCost(octets.length)
    other.#incoming.push({ octets: octets.slice(), rights })
    return 0
  }

  receive(): Received {
    if (this.#resetUntold) {
      this.#resetUntold = false
      return "reset"
    }
    const packet = this.#incoming.shift()
    if (packet === undefined) return this.#receiveShut ? "end" : "nothing"
    this.#other!.#chargedBytes -= packetCost(packet.octets.length)
    return packet
  }

  /** shutdown(2) for sending: the other end reads what waits, then the end, and can still send. */
  finish(): void {
    this.#sendShut = true
    if (this.#other !== undefined) this.#other.#receiveShut = true
  }

  /** Closes this end. Returns how many packets it leaves unread, which are lost. */
  close(): number {
    if (this.#closed) return 0
    this.#closed = true
    const unread = this.#incoming.drain()
    const other = this.#other
    if (other !== undefined) {
      for (const packet of unread) other.#chargedBytes -= packetCost(packet.octets.length)
      other.#sendShut = true
      other.#receiveShut = true
      other.#resetUntold = unread.length > 0
    }
    return unread.length
  }

  /** The other end closes, as when its process dies. */
  loseOther(): void {
    this.#other?.close()
  }

  /** Closes an end that was never accepted: the other is reset whether it sent or not. */
  abort(): void {
    const unread = this.close()
    if (this.#other !== undefined && unread === 0) this.#other.#resetUntold = true
  }
}
