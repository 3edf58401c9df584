import { errno } from "./Errno.ts"

/**
 * Descriptors of the simulated process: small numbers, the lowest free one first, as open(2) gives them.
 * 0 to 2 are taken by the standard streams.
 */
export class DescriptorTable<Open> {
  readonly #open = new Map<number, Open>()
  /** As RLIMIT_NOFILE: no descriptor gets this number or a higher one. May be changed at any time. */
  limit: number
  /** No number below this one is free. */
  #lowest = 3

  constructor(limit: number) {
    this.limit = limit
  }

  /** Descriptors open, the standard streams not counted. */
  get count(): number {
    return this.#open.size
  }

  /** A descriptor, or the negated EMFILE. */
  add(open: Open): number {
    let fd = this.#lowest
    while (this.#open.has(fd)) fd++
    this.#lowest = fd
    if (fd >= this.limit) return -errno.EMFILE
    this.#open.set(fd, open)
    return fd
  }

  get(fd: number): Open | undefined {
    return this.#open.get(fd)
  }

  /** What the number stood for, or undefined if it was not open. */
  remove(fd: number): Open | undefined {
    const open = this.#open.get(fd)
    if (this.#open.delete(fd)) this.#lowest = Math.min(this.#lowest, fd)
    return open
  }

  /** Numbers that are open, ascending. */
  numbers(): ReadonlyArray<number> {
    return [...this.#open.keys()].sort((a, b) => a - b)
  }
}
