/** What a TCP segment's frame is made of; sums and lengths are made right. */
export interface TcpFrame {
  readonly version: 4 | 6
  /** Number of the connection: its ports and addresses. */
  readonly connection: number
  readonly id: number
  readonly sequence: number
  readonly acknowledged: number
  /** The flags' octet. */
  readonly flags: number
  /** Octets, a multiple of four. */
  readonly options: ReadonlyArray<number>
  readonly payload: Uint8Array
}

export const Flag = { push: 0x08, ack: 0x10 } as const

const checksum = (octets: Uint8Array, start = 0): number => {
  let sum = start
  for (let i = 0; i < octets.length; i++) sum += octets[i]! << (i % 2 === 0 ? 8 : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const sumOf = (octets: Uint8Array): number => ~checksum(octets) & 0xffff

/** The sum of TCP's pseudo-header. @param length octets of TCP header and payload. */
export const pseudoSum = (addresses: Uint8Array, length: number): number =>
  ~checksum(new Uint8Array(0), sumOf(addresses) + 6 + length) & 0xffff

/** The frame, its destination a group so that a bridge gives it to everybody. RFC 791, RFC 8200, RFC 9293. */
export const frameOf = (of: TcpFrame): Uint8Array => {
  const network = of.version === 4 ? 20 : 40
  const transport = 20 + of.options.length
  const frame = new Uint8Array(14 + network + transport + of.payload.length)
  const view = new DataView(frame.buffer)
  frame.set([0x03, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, of.connection])
  view.setUint16(12, of.version === 4 ? 0x0800 : 0x86dd)
  const l4 = 14 + network
  const length = transport + of.payload.length
  if (of.version === 4) {
    frame.set([0x45, 0], 14)
    view.setUint16(16, network + length)
    view.setUint16(18, of.id)
    frame.set([0x40, 0, 64, 6, 0, 0, 10, 1, 0, of.connection, 10, 1, 0, 1], 20)
    view.setUint16(24, checksum(frame.subarray(14, l4)))
  } else {
    frame.set([0x60, 0, 0, 1], 14)
    view.setUint16(18, length)
    frame.set([6, 64], 20)
    frame.set([0xfd, ...new Uint8Array(14), of.connection, 0xfd, ...new Uint8Array(14), 1], 22)
  }
  view.setUint16(l4, 40_000 + of.connection)
  view.setUint16(l4 + 2, 80)
  view.setUint32(l4 + 4, of.sequence)
  view.setUint32(l4 + 8, of.acknowledged)
  frame.set([(transport / 4) << 4, of.flags, 0x20, 0], l4 + 12)
  frame.set(of.options, l4 + 20)
  frame.set(of.payload, l4 + transport)
  const addresses = frame.subarray(of.version === 4 ? 26 : 22, l4)
  view.setUint16(l4 + 16, checksum(frame.subarray(l4), pseudoSum(addresses, length)))
  return frame
}
