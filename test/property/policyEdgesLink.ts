/** Edges of the rules on sizes, MAC addresses and types, and of those for the tap alone. */
import { fromOctets } from "../../src/domain/MacAddress.ts"
import { BROADCAST, ethernet, mac, padded, patched } from "./frames.ts"
import type { Edge } from "./policyEdge.ts"
import * as world from "./policyWorld.ts"

const { TAP_PORT, bridge, bridgeMac, groupMac, guestMac, nobodyMac, otherMac, packet, tapMac } = world

/** A frame of 60 octets of any type, with zeros inside. */
const typed = (type: number, size = 60): Uint8Array =>
  padded(ethernet({ destination: otherMac, source: guestMac, type }), size)
const from = (source: Uint8Array): Uint8Array => patched(packet({}), 6, ...source)
const to = (destination: Uint8Array): Uint8Array =>
  patched(packet({ destination: world.everybody }), 0, ...destination)
const hexTypes = (types: ReadonlyArray<number>): Record<string, Uint8Array> =>
  Object.fromEntries(types.map((type) => [type.toString(16).padStart(4, "0"), typed(type)]))

const addressEdges = (settings: Edge["settings"] & object, port: number): ReadonlyArray<Edge> => [
  {
    rule: "L1",
    settings,
    port,
    passes: { "even first octet": from(mac("fe:ff:ff:ff:ff:ff")), "ours": from(guestMac) },
    denies: {
      "group bit alone": from(patched(guestMac, 0, 0x01)),
      "broadcast": from(BROADCAST),
      "multicast": from(groupMac)
    }
  },
  {
    rule: "L2",
    settings,
    port,
    passes: Object.fromEntries(
      [0, 1, 2, 3, 4, 5].map((at) => [`octet ${at} is not zero`, from(patched(nobodyMac, at, 2))])
    ),
    denies: { "all zero": from(nobodyMac) }
  },
  {
    rule: "L4",
    settings,
    port,
    passes: {
      "one past the range": to(mac("01:80:c2:00:00:10")),
      "another octet": to(mac("01:80:c2:00:01:00")),
      "fifth octet": to(mac("01:80:c2:01:00:00")),
      "another maker": to(mac("01:80:c3:00:00:00")),
      "second octet": to(mac("01:81:c2:00:00:00")),
      "local group": to(mac("03:80:c2:00:00:00"))
    },
    denies: {
      "spanning tree": to(mac("01:80:c2:00:00:00")),
      "pause": to(mac("01:80:c2:00:00:01")),
      "LLDP": to(mac("01:80:c2:00:00:0e")),
      "last of the range": to(mac("01:80:c2:00:00:0f"))
    }
  }
]

const sizeEdges = (settings: Edge["settings"] & object, port: number): ReadonlyArray<Edge> => [
  {
    rule: "R1",
    settings,
    port,
    passes: settings.secure ? { "a packet": packet({}) } : { "14 octets": typed(0x88b5, 14) },
    denies: Object.fromEntries(
      Array.from({ length: 14 }, (_, size) => [`${size} octets`, packet({}).slice(0, size)])
    )
  },
  {
    rule: "R2",
    settings,
    port,
    passes: { "1,518 octets": padded(packet({}), 1518) },
    denies: {
      "1,519 octets": padded(packet({}), 1519),
      "9,000 octets": padded(packet({}), 9000),
      "cut and broken": patched(padded(packet({}), 9000), 6, ...BROADCAST)
    }
  }
]

const typeEdges = (port: number): ReadonlyArray<Edge> => [
  {
    rule: "L5",
    port,
    passes: Object.fromEntries(
      [0, 1, 2, 3, 4, 5].map((at) => [`octet ${at} is not zero`, to(patched(nobodyMac, at, 2))])
    ),
    denies: { "all zero": to(nobodyMac) }
  },
  {
    rule: "L6",
    port,
    passes: { "a type": packet({}) },
    denies: hexTypes([0x0000, 0x0026, 0x05dc, 0x05dd, 0x05ff])
  },
  {
    rule: "L7",
    port,
    passes: { "no tag": packet({}) },
    denies: {
      ...hexTypes([0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]),
      "a tag cut": typed(0x8100, 15),
      "no tag behind its type": typed(0x8100, 14)
    }
  },
  {
    rule: "L8",
    port,
    passes: { "IPv4": packet({}) },
    denies: { "IPv6": typed(0x86dd), "no header": typed(0x86dd, 14) }
  },
  {
    rule: "L9",
    port,
    passes: { "IPv4": packet({}), "ARP": world.arpFrame({}) },
    denies: {
      ...hexTypes([0x0600, 0x07ff, 0x0801, 0x0805, 0x0807, 0x0835, 0x8035]),
      ...hexTypes([0x80ff, 0x8101, 0x8863, 0x86dc, 0x86de, 0xffff])
    }
  }
]

const tapEdges: ReadonlyArray<Edge> = [
  {
    rule: "E2",
    passes: {
      "ICMP": packet({ protocol: 1, payload: world.echo }),
      "TCP": packet({ protocol: 6, payload: world.segment({}) }),
      "UDP": packet({}),
      "ARP": world.arpFrame({}),
      "IGMP report": world.membership({ from: "10.1.0.2" }),
      "IGMP report from nobody": world.membership({}),
      "IGMP leave": world.membership({ type: 0x17, from: "10.1.0.2" })
    },
    denies: {
      "IGMP query": world.membership({ type: 0x11, from: "10.1.0.2" }),
      "IGMP report cut": world.membership({ dataBytes: 7, from: "10.1.0.2" }),
      "IGMP report, more fragments": patched(world.membership({ from: "10.1.0.2" }), 20, 0x20),
      "IGMP report, later fragment": patched(world.membership({ from: "10.1.0.2" }), 21, 1),
      "IGMP report to one": packet({ protocol: 2, payload: Uint8Array.of(0x16, 0, 0x09, 0x04, 224, 0, 0, 251) }),
      ...Object.fromEntries(
        [0, 2, 4, 5, 7, 16, 18, 41, 47, 50, 58, 132, 255].map((protocol) => [
          `protocol ${protocol}`,
          packet({ protocol, payload: new Uint8Array(24) })
        ])
      )
    }
  },
  {
    rule: "E4",
    passes: { "1,514 octets": padded(packet({}), 1514) },
    denies: { "1,515 octets": padded(packet({}), 1515), "1,518 octets": padded(packet({}), 1518) }
  },
  {
    rule: "E4",
    settings: bridge,
    passes: {
      "1,514 octets": typed(0x0800, 1514),
      "1,518 octets with a tag": typed(0x8100, 1518),
      "1,518 octets with a service tag": typed(0x88a8, 1518)
    },
    denies: { "1,515 octets": typed(0x0800, 1515), "1,518 octets of IPv6": typed(0x86dd, 1518) }
  },
  {
    rule: "E4",
    settings: { ...bridge, tapMtuBytes: 1400 },
    passes: { "1,414 octets": typed(0x0800, 1414), "1,418 octets with a tag": typed(0x8100, 1418) },
    denies: { "1,415 octets": typed(0x0800, 1415), "1,419 octets with a tag": typed(0x8100, 1419) }
  }
]

export const linkEdges: ReadonlyArray<Edge> = [
  ...[world.secure, bridge].flatMap((settings) =>
    [world.GUEST_PORT, TAP_PORT].flatMap((port) => [...sizeEdges(settings, port), ...addressEdges(settings, port)])
  ),
  ...[world.secure, bridge].map((settings): Edge => ({
    rule: "L3",
    settings,
    passes: Object.fromEntries(
      [0, 1, 2, 3, 4, 5].map((at) => [
        `octet ${at} differs`,
        from(patched(tapMac, at, tapMac[at]! ^ 0x04))
      ])
    ),
    denies: { "the tap's own": from(tapMac) }
  })),
  ...[world.secure, bridge].map((settings): Edge => ({
    rule: "L3",
    settings: { ...settings, bridgeMac: fromOctets(bridgeMac) },
    passes: Object.fromEntries(
      [0, 1, 2, 3, 4, 5].map((at) => [
        `octet ${at} differs`,
        from(patched(bridgeMac, at, bridgeMac[at]! ^ 0x04))
      ])
    ),
    denies: { "the bridge's": from(bridgeMac), "the tap's own": from(tapMac) }
  })),
  ...[world.GUEST_PORT, TAP_PORT].flatMap(typeEdges),
  ...tapEdges
]
