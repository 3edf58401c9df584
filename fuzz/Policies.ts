import type { PolicySettings } from "../src/domain/policy/PolicySettings.ts"
import * as Mac from "../src/domain/MacAddress.ts"
import { networkOf } from "../test/property/networkOf.ts"
import { host6 } from "../test/property/policyFrames6.ts"
import { address6OfStation, addressOfStation, BYSTANDER_MACS, BYSTANDER_UID, BYSTANDERS } from "./SequenceFrames.ts"

/** The bystanders' addresses are theirs; nobody else is bound. */
const bindings = BYSTANDERS.map((station, i) => ({
  uid: BYSTANDER_UID,
  mac: Mac.fromOctets(BYSTANDER_MACS[i]!),
  ip: networkOf(addressOfStation(station).join("."))
}))

/**
 * What the operator has asked for. An octet of an input is an index into this list, so what is here keeps its place and
 * new ones are added at the end. None but "isolate: all" keeps the bystanders from each other.
 */
export const policies: ReadonlyArray<Partial<PolicySettings>> = [
  {},
  { isolate: "users" },
  { learn: "static", bindings },
  { lock: true },
  { stationsPerGuest: 2, addressesPerGuest: 2, holdSeconds: 0 },
  { stormPerSecond: 5, arpPerSecond: 2 },
  { bindings },
  { isolate: "users", lock: true, bindings, holdSeconds: 60 },
  { learn: "dhcp", bindings, stationsPerGuest: 3 },
  { ipv6: { address: host6, bits: 64 }, allowedEtherTypes: [0x88b5], dhcpServer: 2 },
  { isolate: "all" },
  {
    bindings,
    trunkBindings: [{ ip: networkOf("192.0.2.0/24") }, { mac: Mac.parse("52:54:00:12:34:56") }],
    stationsPerGuest: 2
  },
  {
    ipv6: { address: host6, bits: 64 },
    bindings: [
      ...bindings,
      ...BYSTANDERS.map((station) => ({ uid: BYSTANDER_UID, ip: networkOf(address6OfStation(station)) })),
      { uid: 1, ip: networkOf(address6OfStation(1)) }
    ],
    trunkBindings: [{ ip: networkOf("192.0.2.0/24") }, { ip: networkOf("fd00:1::4/126") }]
  }
]
