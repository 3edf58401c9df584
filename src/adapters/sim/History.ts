/**
 * What happened, one line an event: `12 tap0->switch 60`, with the virtual milliseconds in front.
 *
 * Two runs from one seed must give equal histories. Lines beyond the bound push out the oldest, but the
 * digest covers all of them, so that a difference is seen however long ago it was.
 */
export class History {
  readonly #linesMax: number
  readonly #lines: Array<string> = []
  #oldest = 0
  #count = 0
  #digest = 0x811c9dc5

  /** @param linesMax lines kept; 0 writes nothing at all. */
  constructor(linesMax: number) {
    this.#linesMax = Math.max(0, Math.floor(linesMax))
  }

  /** False when nothing is written: callers then need not build the line. */
  get on(): boolean {
    return this.#linesMax > 0
  }

  /** Events since the beginning, kept or not. */
  get count(): number {
    return this.#count
  }

  /** 32-bit FNV-1a over all lines since the beginning. */
  get digest(): number {
    return this.#digest >>> 0
  }

  note(nowMs: number, event: string): void {
    if (!this.on) return
    const line = `${nowMs} ${event}`
    this.#count++
    for (let i = 0; i < line.length; i++) {
      this.#digest = Math.imul(this.#digest ^ line.charCodeAt(i), 0x01000193)
    }
    this.#digest = Math.imul(this.#digest ^ 10, 0x01000193)
    if (this.#lines.length < this.#linesMax) {
      this.#lines.push(line)
      return
    }
    this.#lines[this.#oldest] = line
    this.#oldest = (this.#oldest + 1) % this.#linesMax
  }

  /** The lines kept, oldest first. */
  lines(): ReadonlyArray<string> {
    return [...this.#lines.slice(this.#oldest), ...this.#lines.slice(0, this.#oldest)]
  }
}
