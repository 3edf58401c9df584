/** Edges of the rules on DHCP, from an honest request with one field wrong. */
import { BROADCAST, concat, discoverOptions, patched } from "./frames.ts"
import type { Edge } from "./policyEdge.ts"
import * as world from "./policyWorld.ts"

const { datagram, dhcpFrame, guest, guestMac, host, otherMac, packet } = world

/** Where BOOTP begins in a frame without IPv4 options. */
const MESSAGE = 42
const request = dhcpFrame({})
const options = (...octets: ReadonlyArray<number>): Uint8Array =>
  dhcpFrame({ options: Uint8Array.from(octets) })
const ports = (sourcePort: number, destinationPort: number): Uint8Array =>
  packet({ payload: datagram({ sourcePort, destinationPort }) })
const firstFragment = (frame: Uint8Array): Uint8Array => patched(frame, 20, 0x20)
/** BOOTP from an address, so that only D rules can object, and of `size` octets. */
const bootp = (size: number): Uint8Array =>
  packet({
    payload: datagram({
      sourcePort: 68,
      destinationPort: 67,
      payload: concat(request.slice(MESSAGE), new Uint8Array(99)).slice(0, size)
    })
  })

export const dhcpEdges: ReadonlyArray<Edge> = [
  {
    rule: "D1",
    passes: {
      "from 66": ports(66, 5000),
      "from 68": ports(68, 5000),
      "to 69": ports(5000, 69),
      "to 66": ports(5000, 66),
      "DHCPv6 ports over IPv4": ports(547, 546),
      "later fragment": packet({
        payload: datagram({ sourcePort: 67, destinationPort: 68 }),
        offsetBytes: 80
      }),
      "TCP": packet({ protocol: 6, payload: world.segment({ sourcePort: 67, destinationPort: 68 }) })
    },
    denies: {
      "offer": dhcpFrame({ source: guest, op: 2, ports: [67, 68] }),
      "from 67": ports(67, 5000),
      "to 68": ports(5000, 68),
      "68 to 68": ports(68, 68),
      "relay": ports(67, 67),
      "first fragment": firstFragment(ports(67, 68)),
      "behind options": packet({
        payload: datagram({ sourcePort: 67 }),
        options: Uint8Array.of(148, 4, 0, 0)
      })
    }
  },
  {
    rule: "D2",
    passes: {
      "request": request,
      "renewal": dhcpFrame({ source: guest, destination: host }),
      "236 octets": bootp(236),
      "239 octets": bootp(239),
      "cookie alone": bootp(240),
      "another cookie": patched(options(12, 255, 0, 0), MESSAGE + 239, 0x64),
      "no end": options(53, 1, 1),
      "behind the end": options(53, 1, 1, 255, 12, 200, 0, 0),
      "pads": options(0, 0, 0),
      "51 and 53": options(51, 4, 0, 0, 0, 9, 53, 1, 3, 255),
      "options in other fields, behind the end": options(255, 52, 1, 1),
      "option of nothing": options(80, 0, 255),
      "from any port": packet({
        payload: datagram({ destinationPort: 67, payload: request.slice(MESSAGE) })
      })
    },
    denies: {
      "235 octets": bootp(235),
      "nothing": bootp(0),
      "nothing, from nobody": packet({
        to: BROADCAST,
        source: world.nobody,
        destination: world.everybody,
        payload: datagram({ sourcePort: 68, destinationPort: 67, payload: new Uint8Array(0) })
      }),
      "UDP length ends early": patched(bootp(300), 38, 0, 8 + 235),
      "fragment": firstFragment(
        dhcpFrame({ source: guest, destination: host, options: concat(discoverOptions, new Uint8Array(7)) })
      ),
      "op 0": patched(request, MESSAGE, 0),
      "op 2": patched(request, MESSAGE, 2),
      "hardware 0": patched(request, MESSAGE + 1, 0),
      "hardware 6": patched(request, MESSAGE + 1, 6),
      "hardware length 0": patched(request, MESSAGE + 2, 0),
      "hardware length 5": patched(request, MESSAGE + 2, 5),
      "hardware length 16": patched(request, MESSAGE + 2, 16),
      "option without length": options(53, 1, 1, 12),
      "option one beyond": options(53, 1, 1, 12, 3, 97, 98),
      "relay's option one beyond": options(82, 3, 1, 1),
      "client identifier of one octet": options(61, 1, 7, 255),
      "client identifier of nothing": options(61, 0, 255),
      "two client identifiers": options(61, 2, 0, 7, 61, 2, 0, 7, 255),
      "options in other fields": options(53, 1, 1, 52, 1, 1, 255),
      "options in other fields, of no length": options(52, 0, 255)
    }
  },
  {
    rule: "D3",
    passes: { "its own": request },
    denies: {
      ...Object.fromEntries(
        [0, 1, 2, 3, 4, 5].map((octet) => [
          `octet ${octet}`,
          patched(request, MESSAGE + 28 + octet, guestMac[octet]! ^ 1)
        ])
      ),
      "another's": dhcpFrame({ hardwareAddress: otherMac }),
      "another's, in BOOTP": dhcpFrame({ hardwareAddress: otherMac, options: null }),
      "another's, on renewal": dhcpFrame({ hardwareAddress: otherMac, source: guest, destination: host })
    }
  },
  {
    rule: "D4",
    passes: {
      "81": options(81, 1, 0, 255),
      "83": options(83, 1, 0, 255),
      "82 behind the end": options(255, 82, 1, 0)
    },
    denies: {
      ...Object.fromEntries(
        [24, 25, 26, 27].map((at) => [`octet ${at}`, patched(request, MESSAGE + at, 1)])
      ),
      "relay's option": options(53, 1, 1, 82, 3, 1, 1, 0, 255),
      "relay's option, empty": options(82, 0),
      "behind pads": options(0, 0, 82, 1, 0, 255),
      "before a malformed one": options(82, 1, 0, 12, 9),
      "relay in BOOTP": dhcpFrame({ relay: host, options: null })
    }
  },
  {
    rule: "D5",
    passes: {
      "its own MAC": options(61, 7, 1, ...guestMac, 255),
      "a name": options(61, 5, 0, 97, 98, 99, 100, 255),
      "another's MAC of another hardware": options(61, 7, 6, ...otherMac, 255),
      "two octets": options(61, 2, 1, 7, 255),
      "another's MAC, cut": options(61, 6, 1, ...otherMac.slice(0, 5), 255),
      "another's MAC, and one more": options(61, 8, 1, ...otherMac, 0, 255),
      "another's MAC behind the end": options(255, 61, 7, 1, ...otherMac)
    },
    denies: {
      "another's MAC": options(61, 7, 1, ...otherMac, 255),
      ...Object.fromEntries(
        [0, 1, 2, 3, 4, 5].map((octet) => [
          `octet ${octet}`,
          options(53, 1, 3, 61, 7, 1, ...guestMac.map((each, i) => i === octet ? each ^ 1 : each), 255)
        ])
      ),
      "another's MAC, on renewal": dhcpFrame({
        source: guest,
        destination: host,
        options: Uint8Array.of(61, 7, 1, ...otherMac, 255)
      })
    }
  }
]
