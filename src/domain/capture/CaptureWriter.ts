/**
 * Writes pcapng: a section, a description for each interface, then a block a frame with its time in nanoseconds, its
 * direction and a comment. Each function gives the octets of one block, so that a file and a pipe are written alike.
 *
 * draft-ietf-opsawg-pcapng; little-endian throughout.
 */

const ETHERNET = 1

const block = (type: number, body: Uint8Array): Uint8Array => {
  const padded = Math.ceil(body.length / 4) * 4
  const octets = new Uint8Array(12 + padded)
  const view = new DataView(octets.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, octets.length, true)
  octets.set(body, 8)
  view.setUint32(8 + padded, octets.length, true)
  return octets
}

const option = (code: number, value: Uint8Array): Uint8Array => {
  const octets = new Uint8Array(4 + Math.ceil(value.length / 4) * 4)
  const view = new DataView(octets.buffer)
  view.setUint16(0, code, true)
  view.setUint16(2, value.length, true)
  octets.set(value, 4)
  return octets
}

const join = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const octets = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    octets.set(part, at)
    at += part.length
  }
  return octets
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const end = new Uint8Array(4)

/** The head of a file. */
export const sectionHeader = (application: string): Uint8Array => {
  const body = new Uint8Array(16)
  const view = new DataView(body.buffer)
  view.setUint32(0, 0x1a2b3c4d, true)
  view.setUint16(4, 1, true)
  // A section whose length is not known.
  view.setBigInt64(8, -1n, true)
  return block(0x0a0d0d0a, join(body, option(4, text(application)), end))
}

/** An interface; the first one is number 0. Its times are nanoseconds. */
export const interfaceDescription = (name: string): Uint8Array => {
  const body = new Uint8Array(8)
  new DataView(body.buffer).setUint16(0, ETHERNET, true)
  return block(1, join(body, option(2, text(name)), option(9, Uint8Array.of(9)), end))
}

/** Which way a frame went, seen from the switch: epb_flags. */
export const Direction = { In: 1, Out: 2 } as const

/** A frame. @param timeMs milliseconds since 1970, with fractions. */
export const frame = (fields: {
  readonly interfaceIndex: number
  readonly timeMs: number
  readonly octets: Uint8Array
  readonly direction: (typeof Direction)[keyof typeof Direction]
  readonly comment: string
}): Uint8Array => {
  const { comment, direction, interfaceIndex, octets, timeMs } = fields
  const head = new Uint8Array(20)
  const view = new DataView(head.buffer)
  const wholeMs = Math.floor(timeMs)
  const time = BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((timeMs - wholeMs) * 1e6))
  view.setUint32(0, interfaceIndex, true)
  view.setUint32(4, Number(time >> 32n), true)
  view.setUint32(8, Number(time & 0xffffffffn), true)
  view.setUint32(12, octets.length, true)
  view.setUint32(16, octets.length, true)
  const padding = new Uint8Array(Math.ceil(octets.length / 4) * 4 - octets.length)
  const options = [option(1, text(comment)), option(2, Uint8Array.of(direction, 0, 0, 0)), end]
  return block(6, join(head, octets, padding, ...options))
}
