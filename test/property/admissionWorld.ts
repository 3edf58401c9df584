import * as Admission from "../../src/domain/Admission.ts"
import * as State from "../../src/domain/AdmissionState.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import { formatAddress } from "../../src/domain/Ipv6Prefix.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { isIpv4 } from "../../src/domain/Network.ts"
import * as Owners from "../../src/domain/OwnerTable.ts"
import { Field } from "../../src/domain/OwnerTable.ts"
import { judge } from "../../src/domain/policy/Judge.ts"
import * as Policies from "../../src/domain/policy/Policy.ts"
import type { PolicySettings } from "../../src/domain/policy/PolicySettings.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import type { SwitchSettings } from "../../src/domain/SwitchSettings.ts"
import {
  address,
  addressOf as addressOfWord,
  ARP,
  arp,
  BROADCAST,
  concat,
  dhcp,
  ethernet,
  IPV4,
  ipv4,
  mac,
  udp
} from "./frames.ts"
import * as six from "./policyFrames6.ts"

export const PORTS = 4
export const tapMac = "02:00:00:00:00:01"
export const macOf = (n: number) => `52:54:00:00:00:0${n}`
export const addressOf = (n: number) => `10.1.0.${n + 2}`
export const HOST = "10.1.0.1"
/** The host's IPv6 address is fd00:1::1. */
export const address6Of = (n: number) => `fd00:1::${n + 2}`

export const settingsWith = (policy: Partial<PolicySettings>): SwitchSettings => ({
  secure: true,
  prefix: Prefixes.make(0x0a010001, 24),
  tapMac: Mac.parse(tapMac),
  tapMtuBytes: 1500,
  frameBytesMax: 1518,
  guestPorts: PORTS - 1,
  guestPortsPerUid: PORTS,
  trunkPorts: PORTS - 1,
  stationAgeSeconds: 300,
  policy: { ipv6: { address: six.host6, bits: 64 }, ...policy },
  hashSeed: [3, 4]
})

/**
 * One port's worth of the two passes, a frame at a time. Whoever opens a port writes its `uid`, `trunk` and, where it
 * is that of a DHCP server of some user, `dhcpServers`.
 */
export const makeFast = (policy: Partial<PolicySettings>) => {
  const settings = settingsWith(policy)
  const uid = new Uint32Array(PORTS)
  const rules = Policies.make(settings, settings.policy)
  const { dhcpServers, trunks: trunk } = rules
  const state = State.make(settings, { uid, trunk })
  const batch = Batch.make(1518)
  const reason = new Uint8Array(Bounds.batchFrames)
  const tapReason = new Uint8Array(Bounds.batchFrames)
  const destination = new Int32Array(Bounds.batchFrames)
  const receive = (frame: Uint8Array, port: number, nowMs: number): number => {
    batch.count = 0
    Batch.append(batch, frame, port)
    judge(batch, rules, reason, tapReason)
    Admission.admit(state, batch, reason, destination, nowMs)
    return reason[0]!
  }
  return { state, uid, trunk, dhcpServers, receive, destination }
}

export const datagram = (from: number, source: string) =>
  ethernet({
    destination: mac(macOf(9)),
    source: mac(macOf(from)),
    type: IPV4,
    payload: ipv4({
      source: address(source),
      destination: address("10.1.0.99"),
      protocol: 17,
      payload: udp({
        source: address(source),
        destination: address("10.1.0.99"),
        sourcePort: 5000,
        destinationPort: 5001,
        payload: new Uint8Array(4)
      })
    })
  })

/** IPv6 of one kind or another: a datagram, or a neighbour advertisement or solicitation with a target. */
export const packet6 = (from: string, source: string) =>
  six.packet6({ from: mac(from), to: mac(macOf(9)), source: six.address6(source) })

/** @param to one station, or all nodes' group. */
export const advertise = (from: string, source: string, target: string, to = macOf(9)) =>
  six.advertisement(six.linkLayer(2, mac(from)), {
    from: mac(from),
    to: mac(to),
    source: six.address6(source),
    target: six.address6(target),
    ...(to.startsWith("33:33") ? { destination: six.allNodes } : {})
  })

/** @param to one station, or its group's where it is left out. */
export const solicit = (from: string, source: string, target: string, to?: string) =>
  six.solicitation(source === "::" ? new Uint8Array(0) : six.linkLayer(1, mac(from)), {
    from: mac(from),
    source: six.address6(source),
    target: six.address6(target),
    ...(to === undefined ? {} : { to: mac(to) })
  })

/**
 * ARP by which somebody says its address, or, from 0.0.0.0, asks whether another is free: unless that is said, one from
 * outside the subnet, which claims nothing.
 */
export const request = (from: string, sender: string, target = sender === "0.0.0.0" ? "192.0.2.77" : "10.1.0.77") =>
  ethernet({
    destination: BROADCAST,
    source: mac(from),
    type: ARP,
    payload: arp({
      op: 1,
      sender: address(sender),
      senderMac: mac(from),
      target: address(target),
      targetMac: mac("00:00:00:00:00:00")
    })
  })

const nameOption = (name: string) => {
  const octets = new TextEncoder().encode(name)
  return Uint8Array.of(61, 1 + octets.length, 0, ...octets)
}

/** A DHCP message: from a guest to all, or from a server, the host unless another is named, to a guest. */
export const dhcpFrame = (fields: {
  readonly from: string
  readonly hardware: string
  readonly xid: number
  readonly kind: number
  readonly yours?: string
  readonly client?: string
  /** Option 50, as in DECLINE. */
  readonly requested?: string
  readonly seconds?: number
  readonly server?: string
  /** Option 61 is this name. */
  readonly name?: string | undefined
}) => {
  const reply = fields.kind === 5 || fields.kind === 6
  const options = concat(
    Uint8Array.of(53, 1, fields.kind),
    fields.seconds === undefined
      ? new Uint8Array(0)
      : Uint8Array.of(51, 4, 0, 0, fields.seconds >> 8, fields.seconds & 255),
    fields.requested === undefined ? new Uint8Array(0) : Uint8Array.of(50, 4, ...address(fields.requested)),
    fields.name === undefined ? new Uint8Array(0) : nameOption(fields.name),
    Uint8Array.of(255)
  )
  const message = dhcp({ hardwareAddress: mac(fields.hardware), op: reply ? 2 : 1, options })
  message.set([0, 0, 0, fields.xid], 4)
  if (fields.yours !== undefined) message.set(address(fields.yours), 16)
  if (fields.client !== undefined) message.set(address(fields.client), 12)
  const source = address(reply ? fields.server ?? HOST : fields.client ?? "0.0.0.0")
  const destination = address(reply ? "255.255.255.255" : fields.client === undefined ? "255.255.255.255" : HOST)
  const [sourcePort, destinationPort] = reply ? [67, 68] : [68, 67]
  return ethernet({
    destination: fields.client === undefined ? BROADCAST : mac(tapMac),
    source: mac(fields.from),
    type: IPV4,
    payload: ipv4({
      source,
      destination,
      protocol: 17,
      payload: udp({ source, destination, sourcePort, destinationPort, payload: message })
    })
  })
}

/** All that is remembered, as text. */
export const dump = (state: State.AdmissionState) => {
  const stations: Array<string> = []
  Owners.forEach(state.stations, (fact) => {
    const at = (field: number) => Owners.get(state.stations, fact, field)
    stations.push(`${Mac.format({ hi: at(0), lo: at(1) })} ${at(Field.port)} ${at(Field.seen)}`)
  })
  const claims: Array<string> = []
  Owners.forEach(state.claims, (fact) => {
    const at = (field: number) => Owners.get(state.claims, fact, field)
    const kind = ["probe", "claim", "lease", "host"][1 + at(Field.kind)]
    const octets = concat(...[0, 1, 2, 3].map((word) => addressOfWord(at(word) >>> 0)))
    const text = isIpv4(at(0), at(1), at(2)) ? Prefixes.formatAddress(at(3) >>> 0) : formatAddress(octets)
    claims.push(`${text} ${at(Field.port)} ${kind} ${at(Field.seen)} ${at(Field.until)} ${at(Field.probed)}`)
  })
  return { stations: stations.sort(), claims: claims.sort() }
}
