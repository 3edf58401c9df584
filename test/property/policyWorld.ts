/** The world of the policy's tests: a host, two guests, honest frames between them, their judge. */
import { TAP_PORT } from "../../src/domain/Bounds.ts"
import * as FrameBatch from "../../src/domain/FrameBatch.ts"
import * as MacAddress from "../../src/domain/MacAddress.ts"
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import { judge } from "../../src/domain/policy/Judge.ts"
import * as Policy from "../../src/domain/policy/Policy.ts"
import * as Prefix from "../../src/domain/Prefix.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import * as frames from "./frames.ts"

const { ARP, BROADCAST, IPV4, address, arp, concat, dhcp, ethernet, icmp, ipv4, padded, patched, tcp, udp } = frames

export const GUEST_PORT = 7
/** A guest's port that is a trunk. */
export const TRUNK_PORT = 8
export const MTU_BYTES = 1500

/** Locally administered or not: no rule may depend on it, so one of each. */
export const guestMac = frames.mac("00:01:5e:10:a2:2c")
export const otherMac = frames.mac("52:54:00:12:34:56")
export const tapMac = frames.mac("02:00:00:aa:bb:cc")
/** Of a bridge that the tap may be in. */
export const bridgeMac = frames.mac("52:54:00:00:00:05")
export const groupMac = frames.mac("01:00:5e:00:00:fb")
export const nobodyMac = frames.mac("00:00:00:00:00:00")

export const host = address("10.1.0.1")
export const guest = address("10.1.0.2")
export const other = address("10.1.0.3")
export const nobody = address("0.0.0.0")
export const everybody = address("255.255.255.255")
export const subnetBroadcast = address("10.1.0.255")
export const remote = address("192.0.2.9")
export const group = address("224.0.0.251")

const value = (octets: Uint8Array): number => new DataView(octets.buffer, octets.byteOffset).getUint32(0)

/** Settings of `secure` (default) or `-U`, with the host at 10.1.0.1 unless told. */
export const settings = (
  bits: number,
  { hostAddress = host, secure = true }: { readonly hostAddress?: Uint8Array; readonly secure?: boolean } = {}
): SwitchSettings => ({
  secure,
  prefix: Prefix.make(value(hostAddress), bits),
  tapMac: MacAddress.fromOctets(tapMac),
  tapMtuBytes: MTU_BYTES,
  frameBytesMax: MTU_BYTES + 18,
  guestPorts: 16_384,
  guestPortsPerUid: 16,
  stationAgeSeconds: 300,
  hashSeed: [1, 2]
})

export const secure = settings(24)
export const bridge = settings(24, { secure: false })
export const noPrefix: SwitchSettings = { ...secure, prefix: undefined }

export interface Judged {
  readonly reason: number
  readonly tapReason: number
}

/** The slot that is judged: not the first, so that offsets count. */
const SLOT = 2
const batches = new Map<number, FrameBatch.FrameBatch>()

const batchFor = (frameBytesMax: number): FrameBatch.FrameBatch => {
  const batch = batches.get(frameBytesMax) ?? FrameBatch.make(frameBytesMax)
  batches.set(frameBytesMax, batch)
  return batch
}

/** Places one frame behind others, with `filler` in every octet that is not the frame's. */
export const placed = (octets: Uint8Array, port: number, frameBytesMax: number, filler: number) => {
  const batch = batchFor(frameBytesMax)
  batch.count = 0
  batch.bytes.fill(filler, 0, (SLOT + 2) * batch.slotBytes)
  for (let slot = 0; slot < SLOT; slot++) FrameBatch.append(batch, new Uint8Array(20 + slot).fill(filler), port)
  FrameBatch.append(batch, octets, port)
  return batch
}

const reason = new Uint8Array(SLOT + 1)
const tapReason = new Uint8Array(SLOT + 1)

/** Judges the frame that `placed` left in a batch. */
export const judgePlaced = (batch: FrameBatch.FrameBatch, policy: Policy.Policy): Judged => {
  reason.fill(255)
  tapReason.fill(255)
  judge(batch, policy, reason, tapReason)
  return { reason: reason[SLOT]!, tapReason: tapReason[SLOT]! }
}

/** What the rules compare with, where such ports are. */
export const policyOf = (settings: SwitchSettings, allowances: Allowances = {}): Policy.Policy => {
  const policy = Policy.make(settings, allowances)
  policy.trunks[TRUNK_PORT] = 1
  return policy
}

/** Judges one frame. */
export const judged = (
  octets: Uint8Array,
  port: number = GUEST_PORT,
  which: SwitchSettings = secure,
  filler = 0,
  allowances: Allowances = {}
): Judged => judgePlaced(placed(octets, port, which.frameBytesMax, filler), policyOf(which, allowances))

/**
 * The same batch, whose octets may be read only within one frame's first `limitBytes`.
 * Any other read throws.
 */
export const guarded = (batch: FrameBatch.FrameBatch, limitBytes: number): FrameBatch.FrameBatch => {
  const start = SLOT * batch.slotBytes
  const guard = <A extends Uint8Array | Uint16Array>(array: A): A =>
    new Proxy(array, {
      get: (target, key) => {
        if (typeof key === "string" && /^-?\d+$/.test(key)) {
          const from = Number(key) * array.BYTES_PER_ELEMENT
          const end = from + array.BYTES_PER_ELEMENT - start
          if (from >= start && end > limitBytes) throw new RangeError(`octet ${end - 1} of ${limitBytes} was read`)
        }
        return Reflect.get(target, key)
      }
    })
  return { ...batch, bytes: guard(batch.bytes), halves: guard(batch.halves) }
}

export { TAP_PORT }

/** An IPv4 packet of the guest in a frame to the other guest; any field may be changed. */
export const packet = (fields: Partial<frames.Ipv4Fields> & { readonly to?: Uint8Array }): Uint8Array =>
  ethernet({
    destination: fields.to ?? otherMac,
    source: guestMac,
    type: IPV4,
    payload: ipv4({ source: guest, destination: other, protocol: 17, payload: datagram({}), ...fields })
  })

/** What a guest without an address says of a group it listens to: an IGMP report, or what the type says. */
export const membership = (fields: {
  readonly type?: number
  readonly group?: string
  readonly dataBytes?: number
  readonly from?: string
}): Uint8Array => {
  const payload = new Uint8Array(fields.dataBytes ?? 8)
  payload[0] = fields.type ?? 0x22
  return packet({
    to: groupMac,
    source: address(fields.from ?? "0.0.0.0"),
    destination: address(fields.group ?? "224.0.0.22"),
    protocol: 2,
    options: option(148, 4, 0, 0),
    payload
  })
}

/** A UDP datagram from guest to guest; any field may be changed. */
export const datagram = (fields: Partial<frames.UdpFields>): Uint8Array =>
  udp({
    source: guest,
    destination: other,
    sourcePort: 5000,
    destinationPort: 53,
    payload: new Uint8Array(16).fill(0xa5),
    ...fields
  })

/** A TCP segment from guest to guest; any field may be changed. */
export const segment = (fields: Partial<frames.TcpFields>): Uint8Array =>
  tcp({
    source: guest,
    destination: other,
    sourcePort: 40000,
    destinationPort: 22,
    payload: new Uint8Array(32).fill(0x5a),
    ...fields
  })

export const echo = icmp({ type: 8, payload: new Uint8Array(32).fill(0x11) })

/** An ARP packet of the guest; any field may be changed. */
export const arpFrame = (fields: Partial<frames.ArpFields> & { readonly to?: Uint8Array }): Uint8Array =>
  ethernet({
    destination: fields.to ?? BROADCAST,
    source: guestMac,
    type: ARP,
    payload: arp({ op: 1, senderMac: guestMac, sender: guest, target: other, ...fields })
  })

/** A DHCP message of the guest, to everybody; any part may be changed. */
export const dhcpFrame = (
  fields: Partial<frames.DhcpFields> & Partial<frames.Endpoints> & { readonly ports?: readonly [number, number] }
): Uint8Array => {
  const { destination = everybody, ports: [sourcePort, destinationPort] = [68, 67], source = nobody } = fields
  const payload = dhcp({ hardwareAddress: guestMac, ...fields })
  return packet({
    to: destination === everybody ? BROADCAST : tapMac,
    source,
    destination,
    payload: udp({ source, destination, sourcePort, destinationPort, payload })
  })
}

const option = (...octets: ReadonlyArray<number>): Uint8Array => Uint8Array.from(octets)
const fragmentsOf = (protocol: number, payload: Uint8Array): ReadonlyArray<Uint8Array> =>
  frames.fragments({ source: guest, destination: other, protocol, payload, identification: 9 }, 40)
    .map((payload) => ethernet({ destination: otherMac, source: guestMac, type: IPV4, payload }))

/** Frames of an honest guest at 10.1.0.2 in 10.1.0.0/24, by name. Each passes, and may reach every guest. */
export const honest: Readonly<Record<string, Uint8Array>> = {
  "ARP request": arpFrame({}),
  "ARP request, padded": padded(arpFrame({}), 60),
  "ARP request to one": arpFrame({ to: otherMac, targetMac: otherMac }),
  "ARP reply": arpFrame({ op: 2, to: otherMac, targetMac: otherMac }),
  "ARP reply to all": arpFrame({ op: 2, targetMac: otherMac }),
  "ARP probe": arpFrame({ sender: nobody, target: guest }),
  "ARP probe for the host's address": arpFrame({ sender: nobody, target: host }),
  "ARP announcement": arpFrame({ target: guest }),
  "ARP announcement by reply": arpFrame({ op: 2, target: guest, targetMac: BROADCAST }),
  "ARP reply about another of the host's addresses": arpFrame({ to: tapMac, op: 2, targetMac: tapMac, target: remote }),
  "echo to the host": packet({ to: tapMac, destination: host, protocol: 1, payload: echo }),
  "echo to a guest": packet({ protocol: 1, payload: echo }),
  "UDP": packet({}),
  "UDP, padded": padded(packet({ payload: datagram({ payload: new Uint8Array(1) }) }), 60),
  "UDP, empty": packet({ payload: datagram({ payload: new Uint8Array(0) }) }),
  "UDP to everybody": packet({ to: BROADCAST, destination: everybody }),
  "UDP to the subnet": packet({ to: BROADCAST, destination: subnetBroadcast }),
  "UDP to a group": packet({ to: groupMac, destination: group }),
  "UDP beyond the host": packet({ to: tapMac, destination: remote }),
  "TCP": packet({ protocol: 6, payload: segment({}) }),
  "TCP with options": packet({
    protocol: 6,
    payload: segment({ flags: 2, options: option(2, 4, 5, 180, 1, 3, 3, 7), payload: new Uint8Array(0) })
  }),
  "TCP of a whole MTU": packet({ protocol: 6, payload: segment({ payload: new Uint8Array(1460) }) }),
  "IGMP with router alert": packet({
    to: groupMac,
    destination: group,
    protocol: 2,
    options: option(148, 4, 0, 0),
    payload: option(0x16, 0, 0x09, 0x04, 224, 0, 0, 251)
  }),
  "options of nothing": packet({ options: option(1, 1, 0, 0) }),
  "GRE": packet({ protocol: 47, payload: new Uint8Array(24) }),
  "SCTP": packet({ protocol: 132, payload: new Uint8Array(24) }),
  "protocol 0": packet({ protocol: 0, payload: new Uint8Array(24) }),
  "protocol 255, no data": packet({ protocol: 255, payload: new Uint8Array(0) }),
  "TTL 0": packet({ timeToLive: 0 }),
  "wrong checksum": patched(packet({}), 24, 0xde, 0xad),
  "reserved flag": patched(packet({}), 20, 0x80),
  "do not fragment": patched(packet({}), 20, 0x40),
  "DHCP": dhcpFrame({}),
  "DHCP renewal": dhcpFrame({ source: guest, destination: host }),
  "DHCP with pads": dhcpFrame({
    options: concat(option(0, 0, 53, 1, 3, 0, 12, 3, 97, 98, 99, 255), new Uint8Array(20))
  }),
  "BOOTP": dhcpFrame({ options: null }),
  ...Object.fromEntries(
    [...fragmentsOf(17, datagram({ payload: new Uint8Array(100) })).entries()]
      .map(([i, f]) => [`UDP fragment ${i}`, f])
  ),
  ...Object.fromEntries(
    [...fragmentsOf(6, segment({ payload: new Uint8Array(100) })).entries()]
      .map(([i, f]) => [`TCP fragment ${i}`, f])
  ),
  ...Object.fromEntries(
    [...fragmentsOf(1, icmp({ type: 8, payload: new Uint8Array(100) })).entries()]
      .map(([i, f]) => [`ICMP fragment ${i}`, f])
  )
}
