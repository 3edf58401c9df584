/** What guests and the host send while the forwarding loop's memory is watched. */
import { TAP_PORT } from "../../src/domain/Bounds.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { address, ARP, arp, BROADCAST, concat, dhcp, ethernet, IPV4, ipv4, mac, udp } from "./frames.ts"
import * as six from "./policyFrames6.ts"

export const GUESTS = 16

// With high first bits: a word that is no small number is where V8 makes an object of it.
export const prefix = Prefixes.make(0xc0a80101, 16)
export const host = "192.168.1.1"
export const hostMac = Mac.toOctets(Mac.parse("02:00:00:ff:00:01")!)
export const guestMac = (guest: number) => mac(`52:54:00:ff:ff:${guest.toString(16).padStart(2, "0")}`)
export const guestAddress = (guest: number) => `192.168.1.${guest + 1}`
export const host6 = six.address6("fd00:1::1")
const guest6 = (guest: number) => six.address6(`fd00:1::8000:0:ffff:ff${guest.toString(16).padStart(2, "0")}`)

const DhcpPort = { SERVER: 67, CLIENT: 68 } as const
interface Datagram {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly source: string
  readonly destination: string
  readonly ports?: readonly [number, number]
  readonly payload?: Uint8Array
}

const datagram = (of: Datagram): Uint8Array => {
  const source = address(of.source)
  const destination = address(of.destination)
  const [sourcePort, destinationPort] = of.ports ?? [5000, 5001]
  const payload = udp({ source, destination, sourcePort, destinationPort, payload: of.payload ?? new Uint8Array(20) })
  return ethernet({
    destination: of.to,
    source: of.from,
    type: IPV4,
    payload: ipv4({ source, destination, protocol: 17, payload })
  })
}

export const between = (from: number, to: number) => ({
  octets: datagram({
    from: guestMac(from),
    to: guestMac(to),
    source: guestAddress(from),
    destination: guestAddress(to)
  }),
  port: from
})

export const toAll = (from: number) => ({
  octets: datagram({
    from: guestMac(from),
    to: BROADCAST,
    source: guestAddress(from),
    destination: "255.255.255.255"
  }),
  port: from
})

export const toHost = (from: number, source = guestAddress(from)) => ({
  octets: datagram({ from: guestMac(from), to: hostMac, source, destination: host }),
  port: from
})

/** @param senderMac of a guest, of the host, or behind it. */
export const arpFrame = (op: 1 | 2, senderMac: Uint8Array, sender: string, to: Uint8Array, port: number) => ({
  octets: ethernet({
    destination: to,
    source: senderMac,
    type: ARP,
    payload: arp({ op, sender: address(sender), senderMac, target: address("192.168.1.99"), targetMac: to })
  }),
  port
})

export const all = Array.from({ length: GUESTS }, (_, i) => i + 1)
export const neighbour = (guest: number): number => 1 + (guest % GUESTS)

const seconds = Uint8Array.of(51, 4, 0xff, 0xff, 0xff, 0xff)
const dhcpMessage = (of: {
  readonly hardwareAddress: Uint8Array
  readonly kind: number
  readonly yours?: string
  readonly client?: string
  /** Option 61 is these four octets. */
  readonly name?: Uint8Array | undefined
}): Uint8Array => {
  const isReply = of.kind === 5
  const name = of.name === undefined ? new Uint8Array(0) : concat(Uint8Array.of(61, 5, 0), of.name)
  const kind = Uint8Array.of(53, 1, of.kind)
  const options = concat(name, kind, isReply ? seconds : new Uint8Array(0), Uint8Array.of(255))
  const message = dhcp({ hardwareAddress: of.hardwareAddress, op: isReply ? 2 : 1, options })
  if (of.yours !== undefined) message.set(address(of.yours), 16)
  if (of.client !== undefined) message.set(address(of.client), 12)
  return message
}

const fromClient = [DhcpPort.CLIENT, DhcpPort.SERVER] as const
const fromServer = [DhcpPort.SERVER, DhcpPort.CLIENT] as const

export const dhcpToAll = (guest: number, kind = 1) => ({
  octets: datagram({
    from: guestMac(guest),
    to: BROADCAST,
    source: "0.0.0.0",
    destination: "255.255.255.255",
    ports: fromClient,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind })
  }),
  port: guest
})

/** @param client an address other than the guest's, of which it speaks. */
export const dhcpToHost = (guest: number, kind = 3, name?: Uint8Array, client = guestAddress(guest)) => ({
  octets: datagram({
    from: guestMac(guest),
    to: hostMac,
    source: guestAddress(guest),
    destination: host,
    ports: fromClient,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind, client, name })
  }),
  port: guest
})

export const ack = (guest: number, isToAll: boolean) => ({
  octets: datagram({
    from: hostMac,
    to: isToAll ? BROADCAST : guestMac(guest),
    source: host,
    destination: isToAll ? "255.255.255.255" : guestAddress(guest),
    ports: fromServer,
    payload: dhcpMessage({ hardwareAddress: guestMac(guest), kind: 5, yours: guestAddress(guest) })
  }),
  port: TAP_PORT
})

export const packet6 = (from: number, to: number) => ({
  octets: six.packet6({ from: guestMac(from), to: guestMac(to), source: guest6(from), destination: guest6(to) }),
  port: from
})

export const solicit = (from: number) => ({
  octets: six.solicitation(six.linkLayer(1, guestMac(from)), { from: guestMac(from), source: guest6(from) }),
  port: from
})

/** Whether an address is free. */
export const solicitFree = (from: number) => ({
  octets: six.solicitation(new Uint8Array(0), {
    from: guestMac(from),
    source: six.address6("::"),
    target: six.address6("fd00:1::9999")
  }),
  port: from
})

export const advertise = (from: number, to: number, target = guest6(from)) => ({
  octets: six.advertisement(six.linkLayer(2, guestMac(from)), {
    from: guestMac(from),
    to: guestMac(to),
    source: guest6(from),
    destination: guest6(to),
    target
  }),
  port: from
})

/** A host behind the tap. */
export const farMac = mac("52:54:00:ff:fe:ff")
const far6 = six.address6("fd00:1::ffff:ffff:ffff:fffe")
const farFields = { from: farMac, source: far6 }
export const fromFar = [
  six.advertisement(six.linkLayer(2, farMac), { ...farFields, to: guestMac(1), target: far6 }),
  six.solicitation(six.linkLayer(1, farMac), farFields),
  six.packet6({ ...farFields, to: guestMac(1) })
].map((octets) => ({ octets, port: TAP_PORT }))

const RARP = 0x8035
/** A migrated guest's, in which it speaks for itself (rule L10). */
export const announcement = (guest: number) => ({
  octets: ethernet({
    destination: BROADCAST,
    source: guestMac(guest),
    type: RARP,
    payload: arp({
      op: 3,
      senderMac: guestMac(guest),
      sender: address("0.0.0.0"),
      target: address("0.0.0.0"),
      targetMac: guestMac(guest)
    })
  }),
  port: guest
})

/** What two hosts behind a trunk route here, of networks that are bound to trunks. */
export const routed = [
  toHost(1, "203.0.113.7"),
  toHost(1, "203.0.113.8"),
  { ...packet6(1, 3), octets: six.packet6({ from: guestMac(1), to: hostMac, source: six.address6("fd00:2::8000:1") }) }
]

/** Of a guest that leaves before all others begin. */
export const leaver = toHost(GUESTS + 1)
