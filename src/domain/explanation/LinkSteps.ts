import * as MacAddress from "../MacAddress.ts"
import type { FrameReader } from "./FrameReader.ts"
import type { Steps } from "./Step.ts"

export const BROADCAST = "ff:ff:ff:ff:ff:ff"
export const isGroup = (mac: string): boolean => Number.parseInt(mac.slice(0, 2), 16) % 2 === 1
const NOBODY = "00:00:00:00:00:00"
const TAGS = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]

export const isTag = (type: number): boolean => TAGS.includes(type)
export const destination = (f: FrameReader): string => f.mac("destination", 0)
export const source = (f: FrameReader): string => f.mac("source", 6)
export const type = (f: FrameReader): number => f.hex16("type", 12)

/** From every port, in every mode. */
export const received: Steps<FrameReader> = [
  ["R1", "RUNT", (f) => f.size < 14],
  ["R2", "OVERSIZE", (f) => f.size > f.situation.settings.frameBytesMax],
  ["L1", "SRC_MAC_GROUP", (f) => isGroup(source(f))],
  ["L2", "SRC_MAC_ZERO", (f) => source(f) === NOBODY]
]

export const fromGuests: Steps<FrameReader> = [
  ["L3", "SRC_MAC_TAP", (f) => {
    const mac = source(f)
    const { bridgeMac, tapMac } = f.situation.settings
    return [tapMac, bridgeMac].some((own) => own !== undefined && mac === MacAddress.format(own))
  }]
]

export const addressed: Steps<FrameReader> = [
  ["L4", "DST_MAC_RESERVED", (f) => /^01:80:c2:00:00:0.$/.test(destination(f))]
]

/** Types that are read or were asked for. */
const isKnown = (f: FrameReader): boolean => {
  const { allowances, fromTap } = f.situation
  const allowed = fromTap ? [] : allowances.allowedEtherTypes ?? []
  return [0x0800, 0x0806, 0x86dd, ...allowed].includes(type(f))
}

/** From every port, in secure mode. */
export const typed: Steps<FrameReader> = [
  ["L5", "DST_MAC_ZERO", (f) => destination(f) === NOBODY],
  ["L6", "LLC_DENIED", (f) => type(f) < 0x0600],
  ["L7", "VLAN_DENIED", (f) => isTag(type(f))],
  ["L8", "IP6_DISABLED", (f) => type(f) === 0x86dd && f.situation.allowances.ipv6 === undefined],
  ["L9", "ETHERTYPE_DENIED", (f) => !isKnown(f)]
]
