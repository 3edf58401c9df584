import { Bounds } from "../Bounds.ts"
import type { CapturedFrame, CaptureFault, CaptureReader, OctetSource } from "./CapturedFrame.ts"
import { ETHERNET, faultAt, linkFault } from "./CapturedFrame.ts"

// The classic format: a header of 24 octets, then frames, each behind a header of 16.

const MICROSECONDS = 0xa1b2c3d4
const NANOSECONDS = 0xa1b23c4d
const FILE_HEADER_BYTES = 24
const FRAME_HEADER_BYTES = 16
const MAJOR_VERSION = 2
/** In the field of the link type: that its highest four bits count the FCS, in pairs of octets. */
const FCS_BIT = 0x04000000

const viewOf = (octets: Uint8Array): DataView => new DataView(octets.buffer, octets.byteOffset, octets.length)

/** @param magic the first four octets, read already. Undefined if it is not of this format. */
export const open = (magic: Uint8Array, source: OctetSource): CaptureReader | CaptureFault | undefined => {
  const order = [true, false].find((little) => {
    const number = viewOf(magic).getUint32(0, little)
    return number === MICROSECONDS || number === NANOSECONDS
  })
  if (order === undefined) return undefined
  const unitNs = viewOf(magic).getUint32(0, order) === NANOSECONDS ? 1n : 1000n
  const header = source.read(FILE_HEADER_BYTES - magic.length)
  if (header.length < FILE_HEADER_BYTES - magic.length) return { fault: "its header is cut" }
  const view = viewOf(header)
  if (view.getUint16(0, order) !== MAJOR_VERSION) return { fault: `its version is ${view.getUint16(0, order)}, not 2` }
  const link = view.getUint32(16, order)
  if ((link & 0xffff) !== ETHERNET) return linkFault(link & 0xffff)
  const fcsBytes = (link & FCS_BIT) === 0 ? 0 : (link >>> 28) * 2
  return reader(source, order, unitNs, fcsBytes)
}

const reader = (source: OctetSource, order: boolean, unitNs: bigint, fcsBytes: number): CaptureReader => {
  let at = FILE_HEADER_BYTES
  return {
    interfaces: [{ name: undefined }],
    next: (): CapturedFrame | CaptureFault | undefined => {
      const header = source.read(FRAME_HEADER_BYTES)
      if (header.length === 0) return undefined
      if (header.length < FRAME_HEADER_BYTES) return faultAt("a frame's header is cut", at)
      const view = viewOf(header)
      const bytes = view.getUint32(8, order)
      if (bytes > Bounds.captureSnapBytesMax) return faultAt(`a frame of ${bytes} octets is longer than any`, at)
      const octets = source.read(bytes)
      if (octets.length < bytes) return faultAt("a frame is cut", at)
      at += FRAME_HEADER_BYTES + bytes
      const originalBytes = view.getUint32(12, order)
      const timeNs = BigInt(view.getUint32(0, order)) * 1_000_000_000n + BigInt(view.getUint32(4, order)) * unitNs
      const checkBytes = originalBytes > bytes ? 0 : fcsBytes
      return {
        octets: octets.subarray(0, Math.max(0, bytes - checkBytes)),
        originalBytes: Math.max(0, originalBytes - fcsBytes),
        timeNs,
        interfaceIndex: 0,
        direction: undefined,
        comment: undefined
      }
    }
  }
}
