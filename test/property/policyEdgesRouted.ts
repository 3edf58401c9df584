/** Edges of what trunks may send from outside the IPv6 prefix: packets, as over IPv4, and no neighbour discovery. */
import type { Allowances } from "../../src/domain/policy/Allowances.ts"
import { networkOf } from "./networkOf.ts"
import type { Edge } from "./policyEdge.ts"
import * as six from "./policyFrames6.ts"
import * as world from "./policyWorld.ts"

const { Next, address6, advertisement, echo6, fragmentHeader, packet6, solicitation } = six

const none = new Uint8Array(0)
const plain = packet6()
const from = (text: string): Uint8Array => packet6({ source: address6(text) })
const boundTo = (...networks: ReadonlyArray<string>): Allowances => ({
  ...six.ipv6On,
  trunkBindings: networks.map((text) => ({ ip: networkOf(text) }))
})
const everything = boundTo("::/0")

export const routedEdges: ReadonlyArray<Edge> = [
  {
    rule: "V11",
    port: world.TRUNK_PORT,
    allowances: boundTo("2001:db8::/33", "2001:db8:8000::7", "192.0.2.0/24"),
    passes: {
      "first routed": from("2001:db8::"),
      "last routed": from("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"),
      "the one that is routed": from("2001:db8:8000::7"),
      "a guest's": from("fd00:1::2"),
      "of the link": from("fe80::2"),
      "echo": echo6({ source: address6("2001:db8::1") }),
      "listener report": six.listenerReport({ source: address6("2001:db8::1") }),
      "later fragment": packet6({
        source: address6("2001:db8::1"),
        chain: [[Next.FRAGMENT, fragmentHeader(8, true)]]
      }),
      "asking for a guest": solicitation()
    },
    denies: {
      "below": from("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
      "above": from("2001:db8:8000::"),
      "next to the one": from("2001:db8:8000::8"),
      "a stranger": from("2001:db9::1"),
      "an IPv4 address": from("::ffff:c000:209"),
      "asking": solicitation(undefined, { source: address6("2001:db8::1") }),
      "asking one": solicitation(none, {
        source: address6("2001:db8::1"),
        to: world.otherMac,
        destination: six.other6
      }),
      "answering": advertisement(undefined, { source: address6("2001:db8::1") }),
      "asking for a router": six.routerQuestion(undefined, { source: address6("2001:db8::1") })
    }
  },
  {
    rule: "V11",
    port: world.TRUNK_PORT,
    allowances: everything,
    passes: Object.fromEntries(
      ["::2", "1::", "2001:db8::1", "fec0::1", "feff::1", "::fffe:c000:209"].map((text) => [text, from(text)])
    ),
    denies: Object.fromEntries(["::", "::1", "ff00::", "ff02::1", "::ffff:c000:209"].map((text) => [text, from(text)]))
  },
  {
    rule: "V9",
    reason: "ND_TARGET_CONFLICT",
    port: world.TRUNK_PORT,
    allowances: everything,
    passes: { "answering for a guest": advertisement() },
    denies: { "answering for what is routed": advertisement(undefined, { target: address6("2001:db8::1") }) }
  },
  {
    rule: "V10",
    port: world.TRUNK_PORT,
    allowances: everything,
    passes: { "a guest's": plain },
    denies: { "the host": from("fd00:1::1"), "the host's link-local": packet6({ source: six.hostLinkLocal }) }
  },
  {
    rule: "V11",
    allowances: boundTo("2001:db8::/32"),
    passes: { "its own": plain },
    denies: { "what a trunk might route": from("2001:db8::1") }
  },
  {
    rule: "I6",
    port: world.TRUNK_PORT,
    allowances: boundTo("::/0", "2001:db8::c000:209"),
    passes: { "its own": world.packet({}) },
    denies: { "what no IPv6 network has": world.packet({ source: world.remote }) }
  }
]
