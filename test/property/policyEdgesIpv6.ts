/** Edges of the rules on IPv6, from honest packets with one field wrong. */
import { fromOctets } from "../../src/domain/MacAddress.ts"
import { concat, ethernet, mac, padded, patched } from "./frames.ts"
import type { Edge } from "./policyEdge.ts"
import { dhcpEdges } from "./policyEdgesDhcp6.ts"
import * as six from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const { Next, address6, echo6, extension, fragmentHeader, honest6, icmp6, packet6, probe, udpTo } = six
const { advertisement, authentication, linkLayer, listenerQuery, listenerReport, routerQuestion, solicitation } = six

const data = (size: number): Uint8Array => new Uint8Array(size).fill(0xff)
const none = new Uint8Array(0)
const chained = (...chain: NonNullable<six.Fields6["chain"]>): Uint8Array => packet6({ chain })
const fragments = (payload: Uint8Array, protocol: number): Uint8Array =>
  packet6({ chain: [[Next.FRAGMENT, fragmentHeader(0, true)]], protocol, payload })
const from = (text: string): Uint8Array => packet6({ source: address6(text) })
const own = (type: number): Uint8Array => linkLayer(type, world.guestMac)
const plain = packet6()

/** Where the payload length lies. */
const LENGTH = 18

const headerEdges: ReadonlyArray<Edge> = [
  {
    rule: "V1",
    passes: {
      "whole": plain,
      "padding behind": padded(plain, 1514),
      "one octet of payload": packet6({ protocol: Next.NONE, payload: data(1) }),
      "eight headers": honest6["eight headers"]!,
      "256 octets of headers": honest6["options of 256 octets"]!,
      "hop-by-hop first": chained([Next.HOP_BY_HOP, extension()]),
      "ICMPv6 of four": icmp6(200, none),
      "AH of 8 octets": chained([Next.AH, authentication(0)])
    },
    denies: {
      "no packet": ethernet({ destination: world.otherMac, source: world.guestMac, type: six.IPV6 }),
      "53 octets": plain.slice(0, 53),
      "54 octets": plain.slice(0, 54),
      "version 4": patched(plain, 14, 0x40),
      "version 7": patched(plain, 14, 0x70),
      "payload 0": patched(plain, LENGTH, 0, 0),
      "payload one beyond": patched(plain, LENGTH, 0, 25),
      "payload 65,535": patched(plain, LENGTH, 255, 255),
      "nine headers": packet6({ chain: Array.from({ length: 9 }, () => [Next.OPTIONS, extension()] as const) }),
      "264 octets of headers": chained([Next.OPTIONS, extension(32)]),
      "264 octets in two": chained([Next.OPTIONS, extension(30)], [Next.OPTIONS, extension(1)]),
      "hop-by-hop second": chained([Next.OPTIONS, extension()], [Next.HOP_BY_HOP, extension()]),
      "hop-by-hop twice": chained([Next.HOP_BY_HOP, extension()], [Next.HOP_BY_HOP, extension()]),
      "header of seven": packet6({ protocol: Next.OPTIONS, payload: data(7).fill(0) }),
      "header one unit beyond": packet6({ protocol: Next.OPTIONS, payload: Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0) }),
      "fragment header of seven": packet6({ protocol: Next.FRAGMENT, payload: data(7) }),
      "UDP of seven": packet6({ payload: data(7) }),
      "TCP of 19": packet6({ protocol: Next.TCP, payload: data(19) }),
      "ICMPv6 of three": packet6({ protocol: Next.ICMP, payload: data(3) }),
      "nothing behind options": packet6({ chain: [[Next.OPTIONS, extension()]], payload: none })
    }
  },
  {
    rule: "V2",
    passes: {
      "home address route": honest6["home address route"]!,
      "AH": honest6["authentication"]!,
      "options": honest6["destination options"]!,
      "unknown behind a later fragment": packet6({
        chain: [[Next.FRAGMENT, fragmentHeader(8, false)]],
        protocol: 135
      })
    },
    denies: {
      ...Object.fromEntries(
        [0, 1, 3, 4, 5, 255].map((type) => [`routing type ${type}`, chained([Next.ROUTING, extension(2, type, 1)])])
      ),
      ...Object.fromEntries(
        [1, 2, 4, 41, 47, 89, 132, 135, 139, 140, 253, 255].map((protocol) => [
          `next header ${protocol}`,
          packet6({ protocol, payload: data(24) })
        ])
      ),
      "unknown behind options": packet6({ chain: [[Next.OPTIONS, extension()]], protocol: 135 }),
      "unknown behind a first fragment": fragments(data(24), 132),
      "two fragment headers": chained(
        [Next.FRAGMENT, fragmentHeader(0, true)],
        [Next.FRAGMENT, fragmentHeader(0, true)]
      )
    }
  },
  {
    rule: "V3",
    passes: {
      "eight octets of UDP": fragments(data(8), Next.UDP),
      "eight octets of TCP": fragments(data(8), Next.TCP),
      "echo": honest6["fragment of echo"]!,
      "later fragment": honest6["later fragment"]!,
      "type 132": fragments(patched(data(8), 0, 132), Next.ICMP),
      "type 138": fragments(patched(data(8), 0, 138), Next.ICMP),
      "later fragment that looks like discovery": packet6({
        chain: [[Next.FRAGMENT, fragmentHeader(8, false)]],
        protocol: Next.ICMP,
        payload: patched(data(8), 0, 134)
      })
    },
    denies: {
      "seven octets of UDP": fragments(data(7), Next.UDP),
      "no UDP": fragments(none, Next.UDP),
      "seven octets of a whole fragment": packet6({
        chain: [[Next.FRAGMENT, fragmentHeader(0, false)]],
        payload: data(7)
      }),
      "options cut": fragments(data(7), Next.OPTIONS),
      "options that go on": fragments(Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0), Next.OPTIONS),
      "no room behind options": fragments(extension()(Next.UDP), Next.OPTIONS),
      ...Object.fromEntries(
        [133, 134, 135, 136, 137].flatMap((type) => [
          [`type ${type}`, fragments(patched(data(40), 0, type), Next.ICMP)],
          [`type ${type}, whole`, packet6({
            chain: [[Next.FRAGMENT, fragmentHeader(0, false)], [Next.OPTIONS, extension()]],
            protocol: Next.ICMP,
            payload: patched(data(40), 0, type)
          })]
        ])
      )
    }
  }
]

const advertised = (fields: six.Fields6 = {}): Uint8Array => icmp6(134, data(12), fields)

const messageEdges: ReadonlyArray<Edge> = [
  {
    rule: "V4",
    passes: { "echo": echo6(), "router solicitation": honest6["router solicitation"]! },
    denies: {
      "advertisement": advertised(),
      "to all": advertised({ to: six.groupMac6, destination: six.allNodes, source: six.guestLinkLocal }),
      "hop limit 64": advertised({ hopLimit: 64 }),
      "cut": icmp6(134, none),
      "behind options": advertised({ chain: [[Next.HOP_BY_HOP, extension()], [Next.OPTIONS, extension()]] }),
      "from the host's address": advertised({ source: six.hostLinkLocal })
    }
  },
  {
    rule: "V5",
    passes: { "type 138": icmp6(138, data(36)) },
    denies: { "redirect": icmp6(137, data(36)), "cut": icmp6(137, none) }
  },
  {
    rule: "V7",
    passes: {
      "solicitation": solicitation(),
      "advertisement": advertisement(),
      "router solicitation": routerQuestion(),
      "unknown option": solicitation(concat(own(1), Uint8Array.of(99, 2), data(14))),
      "echo with hop limit 1": echo6({ hopLimit: 1 })
    },
    denies: {
      ...Object.fromEntries([solicitation, advertisement, routerQuestion].flatMap((message) => [
        [`${message.name}: hop limit 254`, message(undefined, { hopLimit: 254 })],
        [`${message.name}: code 1`, message(undefined, { code: 1 })],
        [`${message.name}: option of length 0`, message(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))],
        [`${message.name}: option one unit beyond`, message(Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0))],
        [`${message.name}: option without length`, message(Uint8Array.of(14))],
        [`${message.name}: foreign, then malformed`, message(concat(linkLayer(1, world.otherMac), Uint8Array.of(9, 0)))]
      ])),
      "router solicitation of seven": icmp6(133, data(3)),
      "solicitation of 23": icmp6(135, data(19)),
      "advertisement of 23": icmp6(136, data(19))
    }
  },
  {
    rule: "V8",
    passes: {
      "its own": solicitation(),
      "another's in an option for answers": solicitation(linkLayer(2, world.otherMac)),
      "another's in an option for questions": advertisement(linkLayer(1, world.otherMac))
    },
    denies: {
      ...Object.fromEntries([0, 1, 2, 3, 4, 5].flatMap((octet) => {
        const changed = patched(world.guestMac, octet, world.guestMac[octet]! ^ 0x02)
        return [
          [`question, octet ${octet}`, solicitation(linkLayer(1, changed))],
          [`answer, octet ${octet}`, advertisement(linkLayer(2, changed))],
          [`router solicitation, octet ${octet}`, routerQuestion(linkLayer(1, changed))]
        ]
      })),
      "of two units": solicitation(concat(Uint8Array.of(1, 2), world.guestMac, data(8))),
      "second option": advertisement(concat(own(2), linkLayer(2, world.otherMac))),
      "behind options": solicitation(linkLayer(1, world.otherMac), { chain: [[Next.OPTIONS, extension()]] })
    }
  }
]

const addressEdges: ReadonlyArray<Edge> = [
  {
    rule: "V10",
    passes: { "the next address": from("fd00:1::2"), "near the link-local": from("fe80::ff:feaa:bbcd") },
    denies: {
      "address": from("fd00:1::1"),
      "link-local": packet6({ source: six.hostLinkLocal }),
      "later fragment": packet6({ source: six.host6, chain: [[Next.FRAGMENT, fragmentHeader(8, true)]] }),
      "advertisement": advertisement(own(2), { source: six.host6 })
    }
  },
  {
    rule: "V10",
    settings: { ...world.secure, tapMac: undefined },
    passes: { "any link-local without a tap": packet6({ source: six.hostLinkLocal }) },
    denies: { "address": from("fd00:1::1") }
  },
  {
    rule: "V10",
    settings: { ...world.secure, bridgeMac: fromOctets(world.bridgeMac) },
    passes: { "the tap's link-local where it is in a bridge": packet6({ source: six.hostLinkLocal }) },
    denies: { "its bridge's link-local": packet6({ source: six.bridgeLinkLocal }) }
  },
  {
    rule: "V9",
    passes: {
      "own address": advertisement(),
      "own address to the host": advertisement(own(2), { to: world.tapMac, destination: six.host6 }),
      "another of the prefix": advertisement(own(2), { target: six.other6 }),
      "next to the host's": advertisement(own(2), { target: address6("fd00:1::") }),
      "link-local": advertisement(own(2), { target: six.guestLinkLocal }),
      "behind options": advertisement(own(2), { chain: [[Next.OPTIONS, extension()]] }),
      "who has the host's": solicitation(own(1), { target: six.host6 }),
      "who has the host's link-local": solicitation(own(1), { target: six.hostLinkLocal }),
      "probe for a neighbour's": probe()
    },
    denies: {
      "the host's": advertisement(own(2), { target: six.host6 }),
      "the host's to all": advertisement(own(2), { target: six.host6, to: six.groupMac6, destination: six.allNodes }),
      "the host's without a MAC": advertisement(none, { target: six.host6 }),
      "the host's behind options": advertisement(own(2), { target: six.host6, chain: [[Next.OPTIONS, extension()]] }),
      "the host's link-local": advertisement(own(2), { target: six.hostLinkLocal }),
      "above the prefix": advertisement(own(2), { target: address6("fd00:1:0:1::") }),
      "a group's": advertisement(own(2), { target: six.allNodes }),
      "nobody's": advertisement(own(2), { target: six.nobody6 }),
      "probe for the host's": probe(none, { target: six.host6 }),
      "probe for the host's link-local": probe(none, { target: six.hostLinkLocal })
    }
  },
  {
    rule: "V9",
    settings: { ...world.secure, tapMac: undefined },
    passes: { "the link-local of no tap": advertisement(own(2), { target: six.hostLinkLocal }) },
    denies: { "the host's": advertisement(own(2), { target: six.host6 }) }
  },
  {
    rule: "V11",
    passes: {
      "first": from("fd00:1::"),
      "last": from("fd00:1::ffff:ffff:ffff:ffff"),
      "link-local": from("fe80::1"),
      "last link-local": from("febf:ffff::1"),
      "probe": probe(),
      "probe with a nonce": honest6["probe with a nonce"]!,
      "report from nobody": listenerReport({ source: six.nobody6 }),
      "report of MLDv1 from nobody": listenerReport({ source: six.nobody6, type: 131 }),
      "end of MLDv1 from nobody": listenerReport({ source: six.nobody6, type: 132 }),
      "router solicitation from nobody": routerQuestion(none, { source: six.nobody6 })
    },
    denies: {
      "below": from("fd00:0:ffff:ffff:ffff:ffff:ffff:ffff"),
      "above": from("fd00:1:0:1::"),
      "below link-local": from("fe7f::1"),
      "site-local": from("fec0::1"),
      "group": from("ff02::1"),
      "loopback": from("::1"),
      "mapped": from("::ffff:a01:2"),
      "documentation": from("2001:db8::1"),
      "nobody, UDP": from("::"),
      "nobody, DHCPv6": udpTo(546, 547, { source: six.nobody6, payload: Uint8Array.of(1, 0, 0, 1) }),
      "nobody, echo": echo6({ source: six.nobody6 }),
      "nobody, advertisement": advertisement(none, { source: six.nobody6 }),
      "probe that binds": probe(own(1)),
      "probe that binds behind a nonce": probe(concat(Uint8Array.of(14, 1, 1, 2, 3, 4, 5, 6), own(1))),
      "probe to one": probe(none, { to: world.otherMac, destination: six.other6 }),
      "probe to all": probe(none, { to: six.groupMac6, destination: six.allNodes }),
      "router solicitation that binds": routerQuestion(own(1), { source: six.nobody6 }),
      "report in a fragment": listenerReport({
        source: six.nobody6,
        chain: [[Next.FRAGMENT, fragmentHeader(0, false)]]
      }),
      "later fragment": packet6({
        source: address6("2001:db8::1"),
        chain: [[Next.FRAGMENT, fragmentHeader(8, true)]]
      })
    }
  },
  ...([
    [0, ["2001:db8::1", "::2", "::fffe:a01:2", "::1:ffff:a01:2"], ["ff02::1", "::1", "::", "::ffff:a01:2"]],
    [128, ["fe80::5"], ["fd00:1::2", "fd00:1::"]],
    [33, ["fd00:1::2"], ["fd00:1:8000::1"]]
  ] as const).map(([bits, inside, outside]): Edge => ({
    rule: "V11",
    allowances: { ipv6: { address: six.host6, bits } },
    passes: Object.fromEntries(inside.map((text) => [text, from(text)])),
    denies: Object.fromEntries(outside.map((text) => [text, from(text)]))
  })),
  {
    rule: "V12",
    passes: {
      "group to group": honest6["UDP to a group"]!,
      "one to one": plain,
      "one to group": packet6({ destination: six.allNodes })
    },
    denies: {
      "group to one": packet6({ to: six.groupMac6 }),
      "broadcast to one": packet6({ to: mac("ff:ff:ff:ff:ff:ff") }),
      "group to 00ff::": packet6({ to: six.groupMac6, destination: address6("ff:1::1") }),
      "group to fe80::": packet6({ to: six.groupMac6, destination: address6("fe80::1") })
    }
  }
]

const otherEdges: ReadonlyArray<Edge> = [
  {
    rule: "E2",
    reason: "IP6_PROTO_DENIED",
    passes: {
      "UDP": plain,
      "TCP": honest6["TCP"]!,
      "ICMPv6": echo6(),
      "behind options": honest6["destination options"]!,
      "later fragment of UDP": honest6["later fragment"]!,
      ...Object.fromEntries([129, 131, 132, 143, 150, 154].flatMap((type) => [
        [`ICMPv6 of type ${type}`, icmp6(type, data(20))],
        [`ICMPv6 of type ${type} with router alert`, listenerReport({ type })]
      ])),
      "later fragment that looks like a query": packet6({
        chain: [[Next.FRAGMENT, fragmentHeader(8, false)]],
        protocol: Next.ICMP,
        payload: patched(data(8), 0, 130)
      }),
      "UDP that looks like a query": packet6({ payload: patched(data(24), 0, 130) })
    },
    denies: {
      "query": listenerQuery(),
      "query without router alert": listenerQuery({ chain: [] }),
      "query to the host": listenerQuery({ to: world.tapMac, destination: six.host6 }),
      "query behind options": listenerQuery({ chain: [[Next.HOP_BY_HOP, extension()], [Next.OPTIONS, extension()]] }),
      "query in a fragment": listenerQuery({ chain: [[Next.FRAGMENT, fragmentHeader(0, false)]] }),
      "query of four octets": icmp6(130, none),
      ...Object.fromEntries([151, 152, 153].flatMap((type) => [
        [`multicast router discovery ${type}`, icmp6(type, data(4))],
        [`multicast router discovery ${type} with router alert`, listenerReport({ type })]
      ])),
      "ESP": honest6["ESP"]!,
      "nothing": honest6["nothing behind"]!,
      "ESP behind AH": packet6({ chain: [[Next.AH, authentication()]], protocol: Next.ESP, payload: data(16) }),
      "later fragment of options": packet6({
        chain: [[Next.FRAGMENT, fragmentHeader(8, false)]],
        protocol: Next.OPTIONS
      })
    }
  },
  {
    rule: "L9",
    reason: "ETHERTYPE_DENIED",
    forTapOnly: true,
    allowances: { allowedEtherTypes: [0x88a2, 0x8863] },
    passes: { "IPv4": world.packet({}) },
    denies: Object.fromEntries([0x88a2, 0x8863].map((type) => [
      type.toString(16),
      padded(ethernet({ destination: world.otherMac, source: world.guestMac, type }), 60)
    ]))
  },
  ...[world.GUEST_PORT, world.TAP_PORT].map((port): Edge => ({
    rule: "L9",
    port,
    allowances: { allowedEtherTypes: port === world.TAP_PORT ? [0x88a2] : [0x88a2, 0x0600] },
    passes: { "IPv4": world.packet({}) },
    denies: Object.fromEntries((port === world.TAP_PORT ? [0x88a2] : [0x88a1, 0x88a3, 0x0601]).map((type) => [
      type.toString(16),
      padded(ethernet({ destination: world.otherMac, source: world.guestMac, type }), 60)
    ]))
  })),
  {
    rule: "D1",
    allowances: { dhcpServer: "any" },
    passes: { "offer": world.packet({ payload: world.datagram({ sourcePort: 67, destinationPort: 68 }) }) },
    denies: {}
  }
]

/** With `--ipv6 fd00:1::1/64`, unless an edge says otherwise. */
export const ipv6Edges: ReadonlyArray<Edge> = [
  ...[...headerEdges, ...messageEdges, ...dhcpEdges, ...addressEdges]
    .map((edge): Edge => ({ allowances: six.ipv6On, ...edge })),
  ...otherEdges.map((edge): Edge => edge.rule === "E2" ? { allowances: six.ipv6On, ...edge } : edge)
]
