import { assert } from "@effect/vitest"
import * as SimHost from "../../src/adapters/sim/SimHost.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import * as Frames from "./frames.ts"

/*
 * What guests say to the simulated host.
 */

export const HOST_MAC = Frames.mac("02:00:00:00:00:fe")
export const HOST = Frames.address("10.1.0.1")
export const HOST_NUMBER = 0x0a010001
export const NOBODY = Frames.address("0.0.0.0")
export const EVERYBODY = Frames.address("255.255.255.255")

export const hostOf = (address = HOST_NUMBER, bits = 24) =>
  SimHost.make({ mac: Mac.fromOctets(HOST_MAC), prefix: Prefixes.make(address, bits) })

export const guestMac = (n: number): Uint8Array => Uint8Array.of(0x52, 0x54, 0, 0, n >>> 8, n & 255)

export const viewOf = (octets: Uint8Array) => new DataView(octets.buffer, octets.byteOffset, octets.byteLength)

/** Asserts what every IPv4 frame of the host has: addresses of Ethernet, lengths, and a right sum. */
export const ipOf = (frame: Uint8Array): Uint8Array => {
  assert.deepStrictEqual(frame.slice(6, 12), HOST_MAC)
  assert.strictEqual(viewOf(frame).getUint16(12), Frames.IPV4)
  const packet = frame.slice(14)
  assert.strictEqual(viewOf(packet).getUint16(2), packet.length)
  assert.strictEqual(Frames.checksum(packet.slice(0, 20)), 0)
  return packet
}

export const ask = (fields: Frames.Ipv4Fields, source = guestMac(1), destination = HOST_MAC) =>
  Frames.ethernet({ destination, source, type: Frames.IPV4, payload: Frames.ipv4(fields) })

export interface DhcpAsk {
  readonly type: number
  readonly mac?: Uint8Array
  readonly requested?: number
  readonly server?: number
  readonly ciaddr?: number
  readonly broadcast?: boolean
  readonly relay?: Uint8Array
}

/** A client's message, as udhcpc sends it. */
export const dhcpFrame = (message: DhcpAsk): Uint8Array => {
  const { broadcast, ciaddr = 0, mac = guestMac(1), relay, requested, server, type } = message
  const options = Frames.concat(
    Uint8Array.of(53, 1, type),
    requested === undefined ? new Uint8Array(0) : Frames.concat(Uint8Array.of(50, 4), Frames.addressOf(requested)),
    server === undefined ? new Uint8Array(0) : Frames.concat(Uint8Array.of(54, 4), Frames.addressOf(server)),
    Uint8Array.of(55, 3, 1, 3, 6, 255)
  )
  const bootp = Frames.dhcp({ hardwareAddress: mac, options, ...(relay === undefined ? {} : { relay }) })
  bootp.set(Frames.addressOf(ciaddr), 12)
  if (broadcast === true) bootp[10] = 0x80
  const between = { source: ciaddr === 0 ? NOBODY : Frames.addressOf(ciaddr), destination: EVERYBODY }
  return ask({
    ...between,
    protocol: 17,
    payload: Frames.udp({ ...between, sourcePort: 68, destinationPort: 67, payload: bootp })
  }, mac, Frames.BROADCAST)
}
