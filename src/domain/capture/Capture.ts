import type { CaptureFault, CaptureReader, OctetSource } from "./CapturedFrame.ts"
import * as Pcap from "./PcapReader.ts"
import * as Pcapng from "./PcapngReader.ts"

/**
 * Opens a capture of either kind, told apart by its first four octets: the classic one of pcap(3), with micro- or
 * nanoseconds, or pcapng; in either order of octets.
 *
 * Total: any octets in, frames and at most one fault out. Holds one frame at a time, whatever the file says.
 */
export const open = (source: OctetSource): CaptureReader | CaptureFault => {
  const magic = source.read(4)
  if (magic.length < 4) return { fault: "it is too short to be a capture" }
  return Pcap.open(magic, source) ?? Pcapng.open(magic, source) ??
    { fault: "it is no capture: neither pcap nor pcapng begins so" }
}
