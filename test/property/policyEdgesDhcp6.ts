/** Edges of the rule on DHCPv6, from what an honest client sends. */
import type { Edge } from "./policyEdge.ts"
import * as six from "./policyFrames6.ts"

const { Next, extension, fragmentHeader, udpTo } = six

/** What a client sends, of a type. */
const asks = (type: number): Uint8Array => udpTo(546, 547, { payload: Uint8Array.of(type, 0, 0, 1) })

/** They are for a switch with `--ipv6`. */
export const dhcpEdges: ReadonlyArray<Edge> = [
  {
    rule: "V6",
    passes: {
      ...Object.fromEntries([1, 3, 4, 5, 6, 8, 9, 11].map((type) => [`client's message ${type}`, asks(type)])),
      "from any port": udpTo(5000, 547, { payload: Uint8Array.of(1, 0, 0, 1) }),
      "of one octet": udpTo(546, 547, { payload: Uint8Array.of(11) }),
      "later fragment": udpTo(546, 547, { chain: [[Next.FRAGMENT, fragmentHeader(8, false)]] }),
      "to 545": udpTo(5000, 545),
      "DHCP's ports over IPv6": udpTo(67, 68)
    },
    denies: {
      "reply": udpTo(547, 546),
      "from 547": udpTo(547, 5000),
      "to 546": udpTo(5000, 546),
      ...Object.fromEntries([0, 2, 7, 10, 12, 13, 14, 255].map((type) => [`message ${type}`, asks(type)])),
      "message 12 from any port": udpTo(5000, 547, { payload: Uint8Array.of(12, 0, 0, 1) }),
      "no message": udpTo(546, 547, { payload: new Uint8Array(0) }),
      "no message, in a first fragment": udpTo(546, 547, {
        payload: new Uint8Array(0),
        chain: [[Next.FRAGMENT, fragmentHeader(0, true)]]
      }),
      "first fragment": udpTo(547, 546, { chain: [[Next.FRAGMENT, fragmentHeader(0, true)]] }),
      "behind options": udpTo(547, 546, { chain: [[Next.OPTIONS, extension()]] })
    }
  },
  {
    rule: "V6",
    allowances: { ...six.ipv6On, dhcpServer: "any" },
    passes: { "reply": udpTo(547, 546), "to a relay": udpTo(547, 547, { payload: Uint8Array.of(13, 0) }) },
    denies: {}
  }
]
