/**
 * Messages of the Dynamic Host Configuration Protocol, RFC 2131 and 2132: the fixed BOOTP header, a magic cookie, and
 * options. Offsets are RFC 2131, figure 1.
 */

export const DhcpType = {
  Discover: 1,
  Offer: 2,
  Request: 3,
  Decline: 4,
  Ack: 5,
  Nak: 6,
  Release: 7,
  Inform: 8
} as const

const Option = {
  Pad: 0,
  SubnetMask: 1,
  Router: 3,
  RequestedAddress: 50,
  LeaseTime: 51,
  MessageType: 53,
  Server: 54,
  RenewalTime: 58,
  RebindingTime: 59,
  End: 255
} as const

const MAGIC_COOKIE = 0x63825363
const COOKIE_AT = 236
const OPTIONS_AT = 240
const BROADCAST_FLAG = 0x8000
/** Shorter ones are dropped by old BOOTP clients: RFC 1542, 2.1. */
const MESSAGE_BYTES_MIN = 300

/** What a client sent. Addresses are unsigned 32-bit; 0 where there is none. */
export interface DhcpRequest {
  readonly type: number
  readonly transaction: number
  readonly flags: number
  readonly broadcast: boolean
  /** The address that it uses already. */
  readonly clientAddress: number
  /** Not 0: it came through a relay. */
  readonly relay: number
  /** Six octets. */
  readonly mac: Uint8Array
  readonly requestedAddress: number
  readonly server: number
}

/** What a server answers with. */
export interface DhcpReply {
  readonly type: number
  readonly yourAddress: number
  readonly server: number
  /** Undefined in a NAK, which has none of them. */
  readonly offered: {
    readonly mask: number
    readonly router: number
    /** Undefined to a client that has its address from elsewhere. */
    readonly leaseSeconds: number | undefined
  } | undefined
}

/** A client's message, or undefined for octets that are none. */
export const parse = (octets: Uint8Array): DhcpRequest | undefined => {
  if (octets.length < OPTIONS_AT) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  // BOOTREQUEST over Ethernet, with addresses of six octets.
  if (octets[0] !== 1 || octets[1] !== 1 || octets[2] !== 6 || view.getUint32(COOKIE_AT) !== MAGIC_COOKIE) {
    return undefined
  }
  const options = parseOptions(octets)
  if (options === undefined) return undefined
  const flags = view.getUint16(10)
  return {
    type: options.get(Option.MessageType)?.[0] ?? 0,
    transaction: view.getUint32(4),
    flags,
    broadcast: (flags & BROADCAST_FLAG) !== 0,
    clientAddress: view.getUint32(12),
    relay: view.getUint32(24),
    mac: octets.slice(28, 34),
    requestedAddress: addressIn(options.get(Option.RequestedAddress)),
    server: addressIn(options.get(Option.Server))
  }
}

const addressIn = (value: Uint8Array | undefined): number =>
  value?.length === 4 ? ((value[0]! << 24) | (value[1]! << 16) | (value[2]! << 8) | value[3]!) >>> 0 : 0

/** Options by number, the first of each; undefined if one does not fit. A missing end is forgiven. */
const parseOptions = (octets: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined => {
  const options = new Map<number, Uint8Array>()
  for (let at = OPTIONS_AT; at < octets.length && octets[at] !== Option.End;) {
    const option = octets[at]!
    if (option === Option.Pad) {
      at++
      continue
    }
    const size = octets[at + 1]
    if (size === undefined || at + 2 + size > octets.length) return undefined
    if (!options.has(option)) options.set(option, octets.subarray(at + 2, at + 2 + size))
    at += 2 + size
  }
  return options
}

const u32 = (value: number): ReadonlyArray<number> => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255
]

const addressOption = (option: number, value: number): ReadonlyArray<number> => [option, 4, ...u32(value)]

/** The answer to a client's message, RFC 2131 table 3; at least 300 octets. */
export const build = (request: DhcpRequest, reply: DhcpReply): Uint8Array => {
  const options = [Option.MessageType, 1, reply.type, ...addressOption(Option.Server, reply.server)]
  if (reply.offered !== undefined) {
    const { leaseSeconds, mask, router } = reply.offered
    if (leaseSeconds !== undefined) {
      options.push(
        ...addressOption(Option.LeaseTime, leaseSeconds),
        ...addressOption(Option.RenewalTime, Math.floor(leaseSeconds / 2)),
        ...addressOption(Option.RebindingTime, Math.floor((leaseSeconds * 7) / 8))
      )
    }
    options.push(...addressOption(Option.SubnetMask, mask), ...addressOption(Option.Router, router))
  }
  options.push(Option.End)

  const octets = new Uint8Array(Math.max(MESSAGE_BYTES_MIN, OPTIONS_AT + options.length))
  const view = new DataView(octets.buffer)
  octets.set([2, 1, 6, 0])
  view.setUint32(4, request.transaction)
  view.setUint16(10, request.flags)
  view.setUint32(12, reply.type === DhcpType.Ack ? request.clientAddress : 0)
  view.setUint32(16, reply.yourAddress)
  octets.set(request.mac, 28)
  view.setUint32(COOKIE_AT, MAGIC_COOKIE)
  octets.set(options, OPTIONS_AT)
  return octets
}
