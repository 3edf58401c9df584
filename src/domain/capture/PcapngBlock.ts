import { Bounds } from "../Bounds.ts"

// What reader and writer of pcapng have in common: numbers of the Internet-Draft "PCAP Next Generation (pcapng)
// Capture File Format".

export const BlockType = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  STATISTICS: 5,
  ENHANCED_PACKET: 6
} as const

export const BYTE_ORDER = 0x1a2b3c4d
/** Octets of a block around its body: type, length, and length again. */
export const FRAME_BYTES = 12

/** Guests after the first of their ports that a capture announces as interfaces of their own. */
export const NEXT_GUESTS_MAX = 4096
/** Interfaces of one file that is read: whatever a switch with as many ports as it may have writes, the tap's too. */
export const INTERFACES_MAX = Bounds.guestPortsMax + 1 + NEXT_GUESTS_MAX

export const Option = {
  END: 0,
  COMMENT: 1,
  INTERFACE_NAME: 2,
  INTERFACE_DESCRIPTION: 3,
  APPLICATION: 4,
  TIME_RESOLUTION: 9,
  FCS_BYTES: 13,
  TIME_OFFSET: 14,
  PACKET_FLAGS: 2,
  DROPPED_FRAMES: 5,
  DELIVERED_FRAMES: 8
} as const

/** The lowest two bits of a packet's flags. */
export const DirectionFlag = { INBOUND: 1, OUTBOUND: 2 } as const

export const padded = (bytes: number): number => (bytes + 3) & ~3
