/** Where a capture's octets come from, in order. */
export interface OctetSource {
  /** The next octets: as many as asked for, fewer only at the end. They are the caller's to keep. */
  readonly read: (count: number) => Uint8Array
}

/** Which way a frame went, as whoever captured it says: into the interface, or out of it. */
export type Direction = "inbound" | "outbound" | undefined

/** One frame of a capture. */
export interface CapturedFrame {
  readonly octets: Uint8Array
  /** Octets that the frame had; more than are here if it was cut when it was captured. */
  readonly originalBytes: number
  /** Nanoseconds since 1970; 0 where the capture does not tell. */
  readonly timeNs: bigint
  /** Which of `CaptureReader.interfaces` it was seen on. */
  readonly interfaceIndex: number
  readonly direction: Direction
  readonly comment: string | undefined
}

/** What is wrong with a capture, in one line. Nothing can be read behind it. */
export interface CaptureFault {
  readonly fault: string
}

/** Reads a capture, frame by frame. */
export interface CaptureReader {
  /** Interfaces so far, over all sections; a classic capture has one, without a name. */
  readonly interfaces: ReadonlyArray<{ readonly name: string | undefined }>
  /** The next frame; undefined at the end. */
  readonly next: () => CapturedFrame | CaptureFault | undefined
}

/** The only kind of link that a switch has (LINKTYPE_ETHERNET). */
export const ETHERNET = 1

export const isFault = <A extends object>(value: A | CaptureFault | undefined): value is CaptureFault =>
  value !== undefined && "fault" in value

/** A fault, with where in the file it is. */
export const faultAt = (what: string, at: number): CaptureFault => ({ fault: `${what}, at octet ${at}` })

/** What stands instead of Ethernet. */
export const linkFault = (linkType: number): CaptureFault => ({
  fault: `its frames are not Ethernet but of link type ${linkType}`
})
