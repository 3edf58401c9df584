/** One frame of a capture file. */
export interface CapturedFrame {
  /** Interface it was seen on; 0 in a classic file. */
  readonly interfaceIndex: number
  /** Milliseconds since 1970, with fractions. */
  readonly timeMs: number
  /** As many of its octets as were kept. */
  readonly octets: Uint8Array
}

/** A capture file. */
export interface Capture {
  readonly interfaceCount: number
  readonly frames: ReadonlyArray<CapturedFrame>
}

const ETHERNET = 1
const MAGIC_MICRO = 0xa1b2c3d4
const MAGIC_NANO = 0xa1b23c4d
const PCAPNG_SECTION = 0x0a0d0d0a
const PCAPNG_ORDER = 0x1a2b3c4d
/** Longest frame or block that is believed: no capture of Ethernet has more. */
const BLOCK_BYTES_MAX = 16_777_216

/**
 * Reads a classic capture file (microseconds or nanoseconds, either byte order) or a pcapng file.
 *
 * A file that ends in the middle of a frame, as one of a running capture does, gives the frames before. Returns what is
 * wrong in words, for anything else. Never throws; memory is that of the file.
 */
export const readCapture = (file: Uint8Array): Capture | string => {
  if (file.length < 24) return "it is too short for a capture file"
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  if (view.getUint32(0) === PCAPNG_SECTION) return readPcapng(file, view)
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little)
    if (magic === MAGIC_MICRO || magic === MAGIC_NANO) {
      return readClassic(file, view, little, magic === MAGIC_NANO ? 1e6 : 1e3)
    }
  }
  return "it is neither a pcap nor a pcapng file"
}

/** Format of libpcap's savefiles, pcap-savefile(5). */
const readClassic = (file: Uint8Array, view: DataView, little: boolean, perMs: number): Capture | string => {
  const link = view.getUint32(20, little) & 0x0fffffff
  if (link !== ETHERNET) return `its link type is ${link}; only Ethernet, 1, is understood`
  const frames: Array<CapturedFrame> = []
  for (let at = 24; at + 16 <= file.length;) {
    const kept = view.getUint32(at + 8, little)
    if (kept > BLOCK_BYTES_MAX) return `frame ${frames.length + 1} claims ${kept} octets`
    if (at + 16 + kept > file.length) break
    const timeMs = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / perMs
    frames.push({ interfaceIndex: 0, timeMs, octets: file.subarray(at + 16, at + 16 + kept) })
    at += 16 + kept
  }
  return { interfaceCount: 1, frames }
}

/** What an interface description block says. */
interface Interface {
  readonly link: number
  /** Units of its time stamps in a millisecond. */
  readonly perMs: number
}

/** Blocks of pcapng that matter here. */
const Block = { Interface: 1, Simple: 3, Enhanced: 6 } as const

const readPcapng = (file: Uint8Array, view: DataView): Capture | string => {
  const interfaces: Array<Interface> = []
  const frames: Array<CapturedFrame> = []
  let little = true
  let sectionFrom = 0
  for (let at = 0; at + 12 <= file.length;) {
    const isSection = view.getUint32(at) === PCAPNG_SECTION
    if (isSection) {
      little = view.getUint32(at + 8, true) === PCAPNG_ORDER
      sectionFrom = interfaces.length
    }
    const type = view.getUint32(at, little)
    const size = view.getUint32(at + 4, little)
    if (size < 12 || size % 4 !== 0 || size > BLOCK_BYTES_MAX) return `a block at octet ${at} claims ${size} octets`
    if (at + size > file.length) break
    const body = new DataView(file.buffer, file.byteOffset + at + 8, size - 12)
    if (type === Block.Interface && body.byteLength >= 8) interfaces.push(readInterface(body, little))
    const frame = type === Block.Enhanced ? readEnhanced(body, little, interfaces, sectionFrom) : undefined
    if (typeof frame === "string") return frame
    if (frame !== undefined) frames.push(frame)
    at += size
  }
  const odd = interfaces.find(({ link }) => link !== ETHERNET)
  if (odd !== undefined) return `an interface's link type is ${odd.link}; only Ethernet, 1, is understood`
  return { interfaceCount: Math.max(1, interfaces.length), frames }
}

/** Option 9, if_tsresol: a power of ten, or of two with the highest bit set. Microseconds without it. */
const TIME_RESOLUTION = 9

const readInterface = (body: DataView, little: boolean): Interface => {
  let perSecond = 1e6
  for (let at = 8; at + 4 <= body.byteLength;) {
    const code = body.getUint16(at, little)
    const length = body.getUint16(at + 2, little)
    if (code === 0 || at + 4 + length > body.byteLength) break
    if (code === TIME_RESOLUTION && length === 1) {
      const value = body.getUint8(at + 4)
      perSecond = (value & 0x80) === 0 ? 10 ** value : 2 ** (value & 0x7f)
    }
    at += 4 + Math.ceil(length / 4) * 4
  }
  return { link: body.getUint16(0, little), perMs: perSecond / 1000 }
}

const readEnhanced = (
  body: DataView,
  little: boolean,
  interfaces: ReadonlyArray<Interface>,
  sectionFrom: number
): CapturedFrame | string | undefined => {
  if (body.byteLength < 20) return undefined
  const index = sectionFrom + body.getUint32(0, little)
  const kept = body.getUint32(12, little)
  const known = interfaces[index]
  if (known === undefined) return `a frame names interface ${index}, which is not described`
  if (20 + kept > body.byteLength) return `a frame of ${kept} octets does not fit its block`
  const time = (BigInt(body.getUint32(4, little)) << 32n) | BigInt(body.getUint32(8, little))
  return {
    interfaceIndex: index,
    timeMs: milliseconds(time, known.perMs),
    octets: new Uint8Array(body.buffer, body.byteOffset + 20, kept)
  }
}

/** Nanoseconds since 1970 are more than a number holds exactly: whole milliseconds are taken out first. */
const milliseconds = (time: bigint, perMs: number): number => {
  if (!Number.isInteger(perMs)) return Number(time) / perMs
  const unit = BigInt(perMs)
  return Number(time / unit) + Number(time % unit) / perMs
}
