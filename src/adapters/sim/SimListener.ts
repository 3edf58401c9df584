import { errno } from "./Errno.ts"
import { PacketQueue } from "./PacketQueue.ts"
import { SimSocket } from "./SimSocket.ts"

/** A connection as accept(2) gives it, with the credentials that connect(2) left on it. */
export interface Connection {
  readonly socket: SimSocket
  readonly uid: number
  readonly gid: number
  readonly pid: number
  /** As the history calls the guest. */
  readonly name: string
}

/** A listening socket: connections wait in it until they are accepted, and can be sent to meanwhile. */
export class SimListener {
  readonly #waiting = new PacketQueue<Connection>()
  readonly #backlog: number
  #closed = false

  constructor(backlog: number) {
    this.#backlog = backlog
  }

  get closed(): boolean {
    return this.#closed
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** The connecting end; or an errno: EAGAIN when more wait than the backlog says, as Linux counts it. */
  connect(peer: Omit<Connection, "socket">): SimSocket | number {
    if (this.#closed) return errno.ECONNREFUSED
    if (this.#waiting.length > this.#backlog) return errno.EAGAIN
    const [theirs, ours] = SimSocket.pair()
    this.#waiting.push({ socket: ours, ...peer })
    return theirs
  }

  accept(): Connection | undefined {
    return this.#waiting.shift()
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#waiting.drain()) connection.socket.abort()
  }
}
