import type { Prefix } from "../../domain/Prefix.ts"

/**
 * Which address is whose: one lease for a MAC, one MAC for an address, and never more of them than the pool has
 * addresses. A lease that has ended is remembered for as long as its address is not needed for somebody else, so
 * that who comes back gets the same.
 */
export interface LeaseTable {
  /** Addresses that can be leased, in force or not. */
  readonly poolCount: number
  /** The address to offer to a MAC, reserved for `offerMs`: its own, or the one it asks for, or any. */
  readonly offer: (mac: string, wanted: number, nowMs: number) => number | undefined
  /** Leases exactly that address for `leaseMs`; false if it is not to be had. */
  readonly take: (mac: string, address: number, nowMs: number) => boolean
  /** Ends a lease, if it is that MAC's. */
  readonly release: (mac: string, address: number, nowMs: number) => void
  /** Somebody else uses the address: nobody gets it for `offerMs`. */
  readonly decline: (mac: string, address: number, nowMs: number) => void
  /** Addresses leased or reserved at that time. */
  readonly live: (nowMs: number) => ReadonlyMap<string, number>
}

interface Lease {
  readonly address: number
  readonly mac: string
  /** The first millisecond at which it is not in force. */
  untilMs: number
}

/** Addresses a pool has at most, however wide the prefix is. */
export const POOL_ADDRESSES_MAX = 1024

/**
 * Addresses that may be leased: from the third of the network up (`.2` of a /24), then the second; never the
 * host's own, the network's, the broadcast address. Of a /31 both addresses are hosts', RFC 3021; of a network wider
 * than /8 those of the host's own /8 are leased, because 0.0.0.0/8 is nobody's.
 */
export const poolOf = ({ address, bits, mask }: Prefix): ReadonlyArray<number> => {
  const network = (address & (mask | 0xff000000)) >>> 0
  const size = 2 ** (32 - Math.max(bits, 8))
  const first = size === 2 ? 0 : 2
  const last = size === 2 ? 1 : size - 2
  const pool: Array<number> = []
  for (let offset = first; offset <= last && pool.length < POOL_ADDRESSES_MAX; offset++) {
    if (network + offset !== address) pool.push(network + offset)
  }
  if (size > 2 && pool.length < POOL_ADDRESSES_MAX && network + 1 !== address) pool.push(network + 1)
  return pool
}

export const make = (
  prefix: Prefix,
  { leaseMs, offerMs }: { readonly leaseMs: number; readonly offerMs: number }
): LeaseTable => {
  const pool = poolOf(prefix)
  const members = new Set(pool)
  const byMac = new Map<string, Lease>()
  const byAddress = new Map<number, Lease>()

  const forget = (lease: Lease): void => {
    byAddress.delete(lease.address)
    if (byMac.get(lease.mac) === lease) byMac.delete(lease.mac)
  }
  /** Gives an address that is in the pool and is not in force for another to a MAC. */
  const give = (mac: string, address: number, untilMs: number): void => {
    for (const previous of [byMac.get(mac), byAddress.get(address)]) {
      if (previous !== undefined) forget(previous)
    }
    const lease = { address, mac, untilMs }
    byMac.set(mac, lease)
    byAddress.set(address, lease)
  }
  const isFree = (address: number, nowMs: number): boolean => {
    const lease = byAddress.get(address)
    return members.has(address) && (lease === undefined || lease.untilMs <= nowMs)
  }
  /** One that nobody ever had, else the one that has been free for longest. */
  const anyFree = (nowMs: number): number | undefined => {
    let longest: Lease | undefined
    for (const address of pool) {
      const lease = byAddress.get(address)
      if (lease === undefined) return address
      if (lease.untilMs <= nowMs && (longest === undefined || lease.untilMs < longest.untilMs)) longest = lease
    }
    return longest?.address
  }

  return {
    poolCount: pool.length,
    offer: (mac, wanted, nowMs) => {
      const own = byMac.get(mac)
      const address = own?.address ?? (isFree(wanted, nowMs) ? wanted : anyFree(nowMs))
      if (address === undefined) return undefined
      // A client that asks anew keeps what it has for as long as it has it.
      give(mac, address, Math.max(own?.untilMs ?? 0, nowMs + offerMs))
      return address
    },
    take: (mac, address, nowMs) => {
      const own = byMac.get(mac)
      const isOwn = own?.address === address
      const hasOther = own !== undefined && !isOwn && own.untilMs > nowMs
      if (!isOwn && (hasOther || !isFree(address, nowMs))) return false
      give(mac, address, nowMs + leaseMs)
      return true
    },
    release: (mac, address, nowMs) => {
      const own = byMac.get(mac)
      if (own?.address === address) own.untilMs = Math.min(own.untilMs, nowMs)
    },
    decline: (mac, address, nowMs) => {
      if (byMac.get(mac)?.address === address) give(`declined ${address}`, address, nowMs + offerMs)
    },
    live: (nowMs) => {
      const live = [...byAddress.values()].filter(({ untilMs }) => untilMs > nowMs)
      return new Map(live.map(({ address, mac }) => [mac, address]))
    }
  }
}
