import type { FrameReader } from "./FrameReader.ts"
import { BROADCAST, destination, isGroup, source } from "./LinkSteps.ts"
import type { Steps } from "./Step.ts"
import { Subnet } from "./Subnet.ts"

const NOBODY = "0.0.0.0"
const REPLY = 2
const op = (f: FrameReader): number => f.u16("op", 20)
const sender = (f: FrameReader): string => f.ipv4("sender address", 28)

/** Fields by their names in RFC 826. */
export const arp: Steps<FrameReader> = [
  ["A1", "ARP_MALFORMED", (f) => f.size < 42],
  ["A1", "ARP_MALFORMED", (f) => f.u16("hardware", 14) !== 1],
  ["A1", "ARP_MALFORMED", (f) => f.hex16("protocol", 16) !== 0x0800],
  ["A1", "ARP_MALFORMED", (f) => f.u8("hardware length", 18) !== 6],
  ["A1", "ARP_MALFORMED", (f) => f.u8("protocol length", 19) !== 4],
  ["A2", "ARP_OP_DENIED", (f) => ![1, REPLY].includes(op(f))],
  ["A3", "ARP_DST_MULTICAST", (f) => isGroup(destination(f)) && destination(f) !== BROADCAST],
  ["A4", "ARP_SHA_MISMATCH", (f) => f.mac("sender MAC", 22) !== source(f)],
  ["A5", "ARP_SPA_ZERO", (f) => op(f) === REPLY && sender(f) === NOBODY],
  ["A6", "ARP_SPA_HOST", (f) => sender(f) !== NOBODY && sender(f) === Subnet.of(f.situation.settings)?.host],
  ["A7", "ARP_SPA_OUTSIDE", (f) => {
    const address = sender(f)
    if (address === NOBODY) return false
    const subnet = Subnet.of(f.situation.settings)
    return subnet === undefined || !subnet.hasGuest(address) || subnet.isNetwork(address) || subnet.isBroadcast(address)
  }],
  ["A8", "ARP_THA_MISMATCH", (f) =>
    op(f) === REPLY && !isGroup(destination(f)) && f.mac("target MAC", 32) !== destination(f)]
]
