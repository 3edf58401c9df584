/** A queue of packets: first in, first out. Taking one does not move the others. */
export class PacketQueue<Packet> {
  #packets: Array<Packet> = []
  #head = 0

  get length(): number {
    return this.#packets.length - this.#head
  }

  push(packet: Packet): void {
    this.#packets.push(packet)
  }

  shift(): Packet | undefined {
    if (this.#head >= this.#packets.length) return undefined
    const packet = this.#packets[this.#head++]
    // What has been read is let go of in one piece, once it is the larger part.
    if (this.#head * 2 > this.#packets.length) {
      this.#packets = this.#packets.slice(this.#head)
      this.#head = 0
    }
    return packet
  }

  /** Takes all. */
  drain(): ReadonlyArray<Packet> {
    const all = this.#packets.slice(this.#head)
    this.#packets = []
    this.#head = 0
    return all
  }
}
