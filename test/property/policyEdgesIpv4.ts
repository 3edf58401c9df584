/** Edges of the rules on IPv4 and what it carries, from honest packets with one field wrong. */
import { BROADCAST, address, concat, ethernet, icmp, mac, padded, patched } from "./frames.ts"
import { networkOf } from "./networkOf.ts"
import type { Edge } from "./policyEdge.ts"
import * as world from "./policyWorld.ts"

const { datagram, dhcpFrame, everybody, groupMac, host, membership, nobody, packet, segment, settings, tapMac } = world

const plain = packet({ protocol: 47, payload: new Uint8Array(24) })
const withOptions = (...octets: ReadonlyArray<number>): Uint8Array =>
  packet({ options: Uint8Array.from(octets) })
const from = (text: string): Uint8Array => packet({ source: address(text) })
const fromNobody = (payload: Uint8Array): Uint8Array =>
  packet({ source: nobody, destination: everybody, to: BROADCAST, payload })
const to = (text: string): Uint8Array => packet({ to: tapMac, destination: address(text) })
const toEach = (texts: ReadonlyArray<string>): Record<string, Uint8Array> =>
  Object.fromEntries(texts.map((text) => [text, to(text)]))
const membershipsOf = (...kinds: ReadonlyArray<number>): Record<string, Uint8Array> =>
  Object.fromEntries(kinds.map((type) => [`IGMP of type 0x${type.toString(16)}`, membership({ type })]))
const reported = { source: nobody, protocol: 2, payload: Uint8Array.of(0x16, 0, 0x09, 0x04, 224, 0, 0, 251) }
const data = (size: number): Uint8Array => new Uint8Array(size).fill(0xff)

/** Sources that no prefix of 10.1.0.0/24 or shorter than /1 covers. */
const strangers = [
  "10.0.255.255", "10.1.1.0", "9.1.0.2", "11.1.0.2", "10.1.128.2", "127.0.0.1", "138.1.0.2", "169.254.1.1",
  "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.1"
]

const headerEdges: ReadonlyArray<Edge> = [
  {
    rule: "I1",
    passes: {
      "whole": plain,
      "padding behind": padded(plain, 1514),
      "header alone": packet({ protocol: 47, payload: data(0) }),
      "longest header": packet({ options: new Uint8Array(40) }),
      "fragment of a multiple of eight": packet({ protocol: 47, payload: data(16), moreFragments: true }),
      "last fragment of any length": packet({ protocol: 47, payload: data(13), offsetBytes: 16 }),
      "end hides the rest": withOptions(0, 131, 0, 1),
      "option to the end": withOptions(1, 1, 1, 1, 148, 4, 0, 0)
    },
    denies: {
      "33 octets": plain.slice(0, 33),
      "version 5": patched(plain, 14, 0x55),
      "version 0": patched(plain, 14, 0x05),
      "version 6": patched(plain, 14, 0x65),
      "header of 16": patched(plain, 14, 0x44),
      "header of 0": patched(plain, 14, 0x40),
      "total 0": patched(plain, 16, 0, 0),
      "total one below the header": patched(plain, 16, 0, 19),
      "total one beyond the frame": patched(plain, 16, 0, 45),
      "total 65,535": patched(plain, 16, 255, 255),
      "header beyond the total": patched(packet({ protocol: 47, payload: data(0) }), 14, 0x46),
      "option without length": withOptions(1, 1, 1, 148),
      "option without length, at the end of the frame": packet({
        protocol: 47,
        payload: data(0),
        options: Uint8Array.of(1, 1, 1, 148)
      }),
      "option of length 0": withOptions(148, 0, 0, 0),
      "option of length 1": withOptions(148, 1, 0, 0),
      "option beyond the header": withOptions(148, 5, 0, 0),
      "denied, then malformed": withOptions(7, 3, 4, 148),
      "fragment of seven more": packet({ protocol: 47, payload: data(15), moreFragments: true }),
      "fragment of one more": packet({ protocol: 47, payload: data(17), moreFragments: true, offsetBytes: 8 })
    }
  },
  {
    rule: "I2",
    passes: {
      "router alert": withOptions(148, 4, 0, 0),
      "none": withOptions(1, 1, 1, 0),
      "two": withOptions(148, 4, 0, 0, 148, 4, 0, 0)
    },
    denies: {
      "loose source route": withOptions(131, 7, 4, 8, 8, 8, 8, 0),
      "strict source route": withOptions(137, 7, 4, 8, 8, 8, 8, 0),
      "record route": withOptions(7, 7, 4, 0, 0, 0, 0, 0),
      "timestamp": withOptions(68, 4, 5, 0),
      "security": withOptions(130, 4, 0, 0),
      "type 2": withOptions(2, 2, 0, 0),
      "router alert of 3": withOptions(148, 3, 0, 0),
      "router alert of 5": withOptions(148, 5, 0, 0, 0, 0, 0, 0),
      "behind nothing": withOptions(1, 1, 131, 2),
      "behind a router alert": withOptions(148, 4, 0, 0, 131, 3, 4, 0)
    }
  },
  {
    rule: "I3",
    passes: {
      "ends at 65,535": packet({ protocol: 47, payload: data(11), offsetBytes: 65_504 }),
      "no offset": plain
    },
    denies: {
      "ends at 65,536": packet({ protocol: 47, payload: data(12), offsetBytes: 65_504 }),
      "last offset": packet({ protocol: 47, payload: data(1), offsetBytes: 65_528 }),
      "options count": packet({ protocol: 47, payload: data(8), offsetBytes: 65_504, options: new Uint8Array(4) })
    }
  }
]

const addressEdges: ReadonlyArray<Edge> = [
  {
    rule: "I4",
    passes: { "the next address": from("10.1.0.2") },
    denies: {
      "UDP": packet({ source: host }),
      "ICMP": packet({ source: host, protocol: 1, payload: world.echo }),
      "GRE": packet({ source: host, protocol: 47 }),
      "later fragment": packet({ source: host, offsetBytes: 80 }),
      "to itself": packet({ source: host, destination: host })
    }
  },
  {
    rule: "I5",
    passes: {
      "DHCP": dhcpFrame({}),
      ...membershipsOf(0x12, 0x16, 0x17, 0x22),
      "IGMP without options": packet({ ...reported, to: groupMac, destination: address("224.0.0.22") }),
      "first group": membership({ group: "224.0.0.0" }),
      "last group": membership({ group: "239.255.255.255" })
    },
    denies: {
      ...membershipsOf(0, 0x11, 0x13, 0x15, 0x18, 0x21, 0x23, 0x30),
      "IGMP to the host": packet({ ...reported, destination: host, to: tapMac }),
      "IGMP to all": packet({ ...reported, destination: everybody, to: BROADCAST }),
      "IGMP below the groups": packet({ ...reported, destination: address("223.255.255.255") }),
      "IGMP cut": membership({ dataBytes: 7 }),
      "IGMP, more fragments": patched(membership({}), 20, 0x20),
      "IGMP, later fragment": patched(membership({}), 21, 1),
      "a report in another protocol": patched(membership({}), 23, 3),
      "to the host": dhcpFrame({ destination: host }),
      "to the subnet": packet({ source: nobody, destination: world.subnetBroadcast, to: BROADCAST }),
      "source port 69": dhcpFrame({ ports: [69, 67] }),
      "destination port 66": dhcpFrame({ ports: [68, 66] }),
      "ports exchanged": dhcpFrame({ ports: [67, 68] }),
      "more fragments": patched(dhcpFrame({ options: new Uint8Array(8) }), 20, 0x20),
      "later fragment": patched(dhcpFrame({}), 21, 1),
      "TCP": patched(dhcpFrame({}), 23, 6),
      "ICMP": patched(dhcpFrame({}), 23, 1),
      "protocol 0": patched(dhcpFrame({}), 23, 0),
      "no ports": fromNobody(data(0)),
      "ports alone": fromNobody(Uint8Array.of(0, 68, 0, 67)),
      "a header cut": fromNobody(Uint8Array.of(0, 68, 0, 67, 0, 8, 0)),
      "to itself": packet({ source: nobody, destination: nobody })
    }
  },
  {
    rule: "I6",
    passes: { "first": from("10.1.0.2"), "last": from("10.1.0.254") },
    denies: {
      ...Object.fromEntries(strangers.map((source) => [source, from(source)])),
      "ICMP": packet({ source: world.remote, protocol: 1, payload: world.echo }),
      "TCP": packet({ source: world.remote, protocol: 6, payload: segment({}) }),
      "SCTP": packet({ source: world.remote, protocol: 132 }),
      "first fragment": packet({ source: world.remote, payload: data(40), moreFragments: true }),
      "later fragment": packet({ source: world.remote, payload: data(40), offsetBytes: 40 }),
      "a DHCP request": dhcpFrame({ source: world.remote })
    }
  },
  {
    rule: "I6",
    settings: settings(8),
    passes: { "first": from("10.0.0.1"), "last": from("10.255.255.254") },
    denies: { "below": from("9.255.255.255"), "above": from("11.0.0.0") }
  },
  {
    rule: "I6",
    settings: settings(0),
    passes: Object.fromEntries(
      ["1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255"].map((source) => [source, from(source)])
    ),
    denies: Object.fromEntries(
      ["0.0.0.1", "0.255.255.255", "127.0.0.1", "127.255.255.255", "224.0.0.0", "255.255.255.254"]
        .map((source) => [source, from(source)])
    )
  },
  {
    rule: "I6",
    settings: settings(31),
    passes: { "the other of two": from("10.1.0.0") },
    denies: { "below": from("10.0.255.255"), "above": from("10.1.0.2") }
  },
  {
    rule: "I6",
    settings: settings(32),
    passes: { "DHCP": dhcpFrame({}) },
    denies: { "below": from("10.1.0.0"), "above": from("10.1.0.2") }
  },
  {
    rule: "I6",
    settings: world.noPrefix,
    passes: { "DHCP": dhcpFrame({}) },
    denies: { "guest": from("10.1.0.2"), "host": from("10.1.0.1"), "0.0.0.1": from("0.0.0.1") }
  },
  {
    rule: "I6",
    port: world.TRUNK_PORT,
    allowances: { trunkBindings: [{ ip: networkOf("192.0.2.0/24") }] },
    passes: { "first routed": from("192.0.2.0"), "last routed": from("192.0.2.255"), "a guest's": from("10.1.0.2") },
    denies: { "below": from("192.0.1.255"), "above": from("192.0.3.0"), "a stranger": from("198.51.100.1") }
  },
  {
    rule: "I6",
    port: world.TRUNK_PORT,
    allowances: { trunkBindings: [{ ip: networkOf("0.0.0.0/0") }] },
    passes: Object.fromEntries(
      ["1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255"].map((source) => [source, from(source)])
    ),
    denies: Object.fromEntries(
      ["0.0.0.1", "0.255.255.255", "127.0.0.1", "127.255.255.255", "224.0.0.0", "255.255.255.255"]
        .map((source) => [source, from(source)])
    )
  },
  {
    rule: "I6",
    allowances: { trunkBindings: [{ ip: networkOf("192.0.2.0/24") }] },
    passes: { "its own": from("10.1.0.2") },
    denies: { "what a trunk might route": from("192.0.2.9") }
  },
  {
    rule: "I7",
    passes: { "first": from("10.1.0.2"), "last": from("10.1.0.254") },
    denies: { "network": from("10.1.0.0"), "broadcast": from("10.1.0.255") }
  },
  {
    rule: "I7",
    settings: settings(30),
    passes: { "inside": from("10.1.0.2") },
    denies: { "network": from("10.1.0.0"), "broadcast": from("10.1.0.3") }
  },
  {
    rule: "I7",
    settings: settings(25, { hostAddress: address("10.1.0.129") }),
    passes: { "first": from("10.1.0.130") },
    denies: { "network": from("10.1.0.128"), "broadcast": from("10.1.0.255") }
  },
  {
    rule: "I8",
    passes: { "to another": to("10.1.0.3") },
    denies: { "to itself": to("10.1.0.2"), "GRE": packet({ protocol: 47, destination: world.guest }) }
  },
  {
    rule: "I9",
    passes: {
      ...toEach(["1.0.0.0", "126.255.255.255", "128.0.0.0", "239.255.255.255"]),
      ...toEach(["255.255.255.255", "10.1.0.1"])
    },
    denies: {
      ...toEach(["0.0.0.0", "0.255.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255"]),
      ...toEach(["240.0.0.0", "254.255.255.255", "255.255.255.254"])
    }
  },
  {
    rule: "I10",
    passes: {
      "multicast": packet({ to: groupMac, destination: world.group }),
      "first group": packet({ to: BROADCAST, destination: address("224.0.0.0") }),
      "everybody": packet({ to: BROADCAST, destination: everybody }),
      "the subnet": packet({ to: BROADCAST, destination: world.subnetBroadcast }),
      "a group to one": packet({ destination: world.group }),
      "everybody to one": packet({ destination: everybody })
    },
    denies: {
      "guest by broadcast": packet({ to: BROADCAST }),
      "guest by multicast": packet({ to: groupMac }),
      "host by broadcast": packet({ to: BROADCAST, destination: host }),
      "last before groups": packet({ to: BROADCAST, destination: address("223.255.255.255") }),
      "network": packet({ to: BROADCAST, destination: address("10.1.0.0") }),
      "next subnet's broadcast": packet({ to: BROADCAST, destination: address("10.1.1.255") }),
      "group bit of a local MAC": packet({ to: mac("03:00:00:00:00:01") })
    }
  },
  {
    rule: "I10",
    settings: settings(30),
    passes: { "the subnet": packet({ to: BROADCAST, destination: address("10.1.0.3") }) },
    denies: {
      "network": packet({ to: BROADCAST, destination: address("10.1.0.0") }),
      "of /24": packet({ to: BROADCAST, destination: address("10.1.0.255") })
    }
  },
  {
    rule: "I10",
    settings: settings(31, { hostAddress: address("10.1.0.3") }),
    passes: { "everybody": packet({ to: BROADCAST, destination: everybody }) },
    denies: { "no broadcast with 31 bits": packet({ to: BROADCAST, destination: address("10.1.0.3") }) }
  }
]

const tcpOffset = (words: number, size: number): Uint8Array =>
  packet({
    protocol: 6,
    payload: patched(concat(segment({ payload: data(0) }), data(size - 20)), 12, words << 4)
  })
const udpLength = (length: number): Uint8Array =>
  packet({ payload: patched(datagram({ payload: data(8) }), 4, length >> 8, length & 255) })
const first = (protocol: number, size: number): Uint8Array =>
  packet({ protocol, payload: data(size), moreFragments: true })

const dataEdges: ReadonlyArray<Edge> = [
  {
    rule: "I11",
    passes: {
      "TCP, 24 octets": packet({
        protocol: 6,
        payload: segment({ payload: data(4) }),
        moreFragments: true
      }),
      "UDP, 8 octets": first(17, 8),
      "ICMP, 8 octets": first(1, 8),
      "GRE, nothing": first(47, 0),
      "TCP at offset 2": packet({ protocol: 6, offsetBytes: 16, payload: data(8) }),
      "UDP at offset 1": packet({ offsetBytes: 8, payload: data(8) })
    },
    denies: {
      "TCP, 16 octets": packet({
        protocol: 6,
        payload: segment({}).slice(0, 16),
        moreFragments: true
      }),
      "TCP, nothing": first(6, 0),
      "UDP, nothing": first(17, 0),
      "ICMP, nothing": first(1, 0),
      "TCP at offset 1": packet({ protocol: 6, offsetBytes: 8, payload: data(32) }),
      "TCP at offset 1, more to come": packet({
        protocol: 6,
        offsetBytes: 8,
        payload: data(32),
        moreFragments: true
      }),
      "TCP at offset 1, nothing": packet({ protocol: 6, offsetBytes: 8, payload: data(0) })
    }
  },
  {
    rule: "I12",
    passes: {
      "TCP of 20": tcpOffset(5, 20),
      "TCP of 60": tcpOffset(15, 60),
      "TCP header goes on in a fragment": patched(tcpOffset(15, 24), 20, 0x20),
      "UDP of all": udpLength(16),
      "UDP of less": udpLength(8),
      "UDP length goes on in a fragment": patched(udpLength(40), 20, 0x20),
      "ICMP of 8": packet({ protocol: 1, payload: world.echo.slice(0, 8) }),
      "later fragment of any content": packet({ protocol: 6, offsetBytes: 24, payload: data(1) })
    },
    denies: {
      "TCP of 19": packet({ protocol: 6, payload: segment({}).slice(0, 19) }),
      "TCP of nothing": packet({ protocol: 6, payload: data(0) }),
      "TCP offset 4": tcpOffset(4, 24),
      "TCP offset 0": tcpOffset(0, 24),
      "TCP offset one word beyond": tcpOffset(6, 20),
      "TCP offset three octets beyond": tcpOffset(6, 21),
      "TCP offset 4 in a first fragment": patched(tcpOffset(4, 24), 20, 0x20),
      "UDP of 7": packet({ payload: datagram({}).slice(0, 7) }),
      "UDP length 7": udpLength(7),
      "UDP length 0": udpLength(0),
      "UDP length one beyond": udpLength(17),
      "ICMP of 7": packet({ protocol: 1, payload: world.echo.slice(0, 7) })
    }
  },
  {
    rule: "I13",
    passes: {
      ...Object.fromEntries(
        [0, 3, 4, 6, 8, 10, 11, 13].map((type) => [
          `type ${type}`,
          packet({ protocol: 1, payload: icmp({ type, payload: data(8) }) })
        ])
      ),
      "later fragment": packet({ protocol: 1, offsetBytes: 8, payload: icmp({ type: 5, payload: data(8) }) })
    },
    denies: Object.fromEntries(
      [5, 9].flatMap((type) => {
        const payload = icmp({ type, payload: data(8) })
        return [
          [`type ${type}`, packet({ protocol: 1, payload })],
          [`type ${type} in a first fragment`, packet({ protocol: 1, payload, moreFragments: true })],
          [`type ${type} behind options`, packet({ protocol: 1, payload, options: Uint8Array.of(148, 4, 0, 0) })]
        ]
      })
    )
  }
]

/** An IPv4 type on a frame that ends with its header. */
const empty: Edge = {
  rule: "I1",
  passes: { "whole": plain },
  denies: { "no packet": ethernet({ destination: world.otherMac, source: world.guestMac, type: 0x0800 }) }
}

export const ipv4Edges: ReadonlyArray<Edge> = [...headerEdges, empty, ...addressEdges, ...dataEdges]
