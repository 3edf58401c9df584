import type { Prefix } from "../../domain/Prefix.ts"
import { type DhcpReply, type DhcpRequest, DhcpType } from "./DhcpMessage.ts"
import * as Leases from "./LeaseTable.ts"

const LEASE_SECONDS = 3600
/** How long an address that was offered waits for the client to take it. */
const OFFER_SECONDS = 60

/** Decides what to answer to DHCP clients; who they are is their hardware address alone. */
export interface SimDhcpServer {
  /** The answer, or undefined for silence. */
  readonly answer: (request: DhcpRequest, nowMs: number) => DhcpReply | undefined
  readonly leases: Leases.LeaseTable
}

/** A server for the network of a prefix, at the address of that prefix. */
export const make = (prefix: Prefix): SimDhcpServer => {
  const leases = Leases.make(prefix, { leaseMs: LEASE_SECONDS * 1000, offerMs: OFFER_SECONDS * 1000 })
  const server = prefix.address

  const granted = (
    type: typeof DhcpType.Offer | typeof DhcpType.Ack,
    yourAddress: number,
    leaseSeconds: number | undefined
  ): DhcpReply => ({ type, yourAddress, server, offered: { mask: prefix.mask, router: server, leaseSeconds } })

  const discover = (mac: string, request: DhcpRequest, nowMs: number): DhcpReply | undefined => {
    const address = leases.offer(mac, request.requestedAddress, nowMs)
    return address === undefined ? undefined : granted(DhcpType.Offer, address, LEASE_SECONDS)
  }

  /** RFC 2131, 4.3.2. It says silence to who is unknown; here there is no other server who could know it. */
  const request = (mac: string, asked: DhcpRequest, nowMs: number): DhcpReply | undefined => {
    if (asked.server !== 0 && asked.server !== server) return undefined
    const address = asked.requestedAddress !== 0 ? asked.requestedAddress : asked.clientAddress
    return leases.take(mac, address, nowMs)
      ? granted(DhcpType.Ack, address, LEASE_SECONDS)
      : { type: DhcpType.Nak, yourAddress: 0, server, offered: undefined }
  }

  return {
    leases,
    answer: (asked, nowMs) => {
      // Who has nothing to lease does not serve, and so refuses nobody either.
      if (leases.poolCount === 0) return undefined
      const mac = asked.mac.join(":")
      switch (asked.type) {
        case DhcpType.Discover:
          return discover(mac, asked, nowMs)
        case DhcpType.Request:
          return request(mac, asked, nowMs)
        case DhcpType.Release:
          leases.release(mac, asked.clientAddress, nowMs)
          return undefined
        case DhcpType.Decline:
          leases.decline(mac, asked.requestedAddress, nowMs)
          return undefined
        case DhcpType.Inform:
          return asked.clientAddress === 0 ? undefined : granted(DhcpType.Ack, 0, undefined)
        default:
          return undefined
      }
    }
  }
}
