/**
 * Builders of honest frames. Every length and checksum is right unless a test says
 * otherwise by giving it. Payloads go in, octets come out; nothing is shared.
 */

/** `52:54:00:00:00:01` in six octets. */
export const mac = (text: string): Uint8Array =>
  Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16))

/** `10.1.0.2` in four octets. */
export const address = (text: string): Uint8Array => Uint8Array.from(text.split("."), Number)

/** An unsigned 32-bit address in four octets. */
export const addressOf = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)

export const BROADCAST = mac("ff:ff:ff:ff:ff:ff")
export const ARP = 0x0806
export const IPV4 = 0x0800

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const u16 = (value: number): Uint8Array => Uint8Array.of((value >>> 8) & 255, value & 255)
const u32 = addressOf

/** The ones' complement sum of RFC 1071 over any octets. */
export const checksum = (octets: Uint8Array): number => {
  let sum = 0
  octets.forEach((octet, i) => {
    sum += i % 2 === 0 ? octet << 8 : octet
  })
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A copy of octets with some overwritten at an offset. */
export const patched = (octets: Uint8Array, at: number, ...values: ReadonlyArray<number>): Uint8Array => {
  const copy = octets.slice()
  copy.set(values, at)
  return copy
}

/** A copy followed by zeros up to `size` octets, as a driver pads to 60. */
export const padded = (octets: Uint8Array, size: number): Uint8Array =>
  octets.length >= size ? octets : concat(octets, new Uint8Array(size - octets.length))

export interface EthernetFields {
  readonly destination: Uint8Array
  readonly source: Uint8Array
  readonly type: number
  readonly payload?: Uint8Array
}

export const ethernet = ({ destination, payload, source, type }: EthernetFields): Uint8Array =>
  concat(destination, source, u16(type), payload ?? new Uint8Array(0))

export interface ArpFields {
  /** 1 request, 2 reply. */
  readonly op: number
  readonly senderMac: Uint8Array
  readonly sender: Uint8Array
  readonly targetMac?: Uint8Array
  readonly target: Uint8Array
}

/** RFC 826 for Ethernet and IPv4. */
export const arp = ({ op, sender, senderMac, target, targetMac }: ArpFields): Uint8Array =>
  concat(
    u16(1),
    u16(IPV4),
    Uint8Array.of(6, 4),
    u16(op),
    senderMac,
    sender,
    targetMac ?? new Uint8Array(6),
    target
  )

export interface Ipv4Fields {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly protocol: number
  readonly payload: Uint8Array
  /** A multiple of four octets. */
  readonly options?: Uint8Array
  readonly identification?: number
  /** Octets, a multiple of eight. */
  readonly offsetBytes?: number
  readonly moreFragments?: boolean
  readonly timeToLive?: number
}

/** RFC 791. */
export const ipv4 = (fields: Ipv4Fields): Uint8Array => {
  const options = fields.options ?? new Uint8Array(0)
  const headerBytes = 20 + options.length
  const header = concat(
    Uint8Array.of(0x40 | (headerBytes / 4), 0),
    u16(headerBytes + fields.payload.length),
    u16(fields.identification ?? 0),
    u16((fields.moreFragments === true ? 0x2000 : 0) | ((fields.offsetBytes ?? 0) / 8)),
    Uint8Array.of(fields.timeToLive ?? 64, fields.protocol),
    u16(0),
    fields.source,
    fields.destination,
    options
  )
  header.set(u16(checksum(header)), 10)
  return concat(header, fields.payload)
}

/** One packet cut into fragments of at most `fragmentBytes` octets of data, a multiple of eight. */
export const fragments = (fields: Ipv4Fields, fragmentBytes: number): ReadonlyArray<Uint8Array> => {
  const { payload } = fields
  return Array.from({ length: Math.ceil(payload.length / fragmentBytes) }, (_, i) => {
    const offsetBytes = i * fragmentBytes
    return ipv4({
      ...fields,
      offsetBytes,
      moreFragments: offsetBytes + fragmentBytes < payload.length,
      payload: payload.slice(offsetBytes, offsetBytes + fragmentBytes)
    })
  })
}

/** The two addresses that the checksums of TCP and UDP cover too. */
export interface Endpoints {
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

const withChecksum = (
  segment: Uint8Array,
  at: number,
  protocol: number,
  { destination, source }: Endpoints
): Uint8Array => {
  const pseudo = concat(source, destination, Uint8Array.of(0, protocol), u16(segment.length))
  const sum = checksum(concat(pseudo, segment))
  return patched(segment, at, ...u16(sum === 0 && protocol === 17 ? 0xffff : sum))
}

export interface UdpFields extends Endpoints {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

/** RFC 768. */
export const udp = (fields: UdpFields): Uint8Array =>
  withChecksum(
    concat(
      u16(fields.sourcePort),
      u16(fields.destinationPort),
      u16(8 + fields.payload.length),
      u16(0),
      fields.payload
    ),
    6,
    17,
    fields
  )

export interface TcpFields extends Endpoints {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly flags?: number
  /** A multiple of four octets. */
  readonly options?: Uint8Array
  readonly payload: Uint8Array
}

/** RFC 9293. */
export const tcp = (fields: TcpFields): Uint8Array => {
  const options = fields.options ?? new Uint8Array(0)
  return withChecksum(
    concat(
      u16(fields.sourcePort),
      u16(fields.destinationPort),
      u32(1),
      u32(1),
      Uint8Array.of(((20 + options.length) / 4) << 4, fields.flags ?? 0x10),
      u16(0xffff),
      u16(0),
      u16(0),
      options,
      fields.payload
    ),
    16,
    6,
    fields
  )
}

export interface IcmpFields {
  readonly type: number
  readonly code?: number
  readonly payload: Uint8Array
}

/** RFC 792. */
export const icmp = ({ code, payload, type }: IcmpFields): Uint8Array => {
  const message = concat(Uint8Array.of(type, code ?? 0), u16(0), u16(0x1234), u16(1), payload)
  return patched(message, 2, ...u16(checksum(message)))
}

export interface DhcpFields {
  readonly hardwareAddress: Uint8Array
  /** 1 from a client, 2 from a server. */
  readonly op?: number
  readonly relay?: Uint8Array
  /** After the cookie; a DISCOVER when left out. `null` is plain BOOTP, without cookie. */
  readonly options?: Uint8Array | null
}

/** DHCP message type DISCOVER, a parameter list, the end. */
export const discoverOptions = Uint8Array.of(53, 1, 1, 55, 3, 1, 3, 6, 255)

/** RFC 2131, section 2. */
export const dhcp = ({ hardwareAddress, op, options, relay }: DhcpFields): Uint8Array => {
  const message = new Uint8Array(236)
  message.set([op ?? 1, 1, 6, 0, 0x39, 0x03, 0xf3, 0x26])
  message.set(relay ?? new Uint8Array(4), 24)
  message.set(hardwareAddress, 28)
  return options === null
    ? message
    : concat(message, Uint8Array.of(0x63, 0x82, 0x53, 0x63), options ?? discoverOptions)
}
