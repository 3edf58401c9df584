import { Bounds } from "../Bounds.ts"

/**
 * What closed ports owned, kept for a while for the same user (rule B5), so that no neighbour can take a guest's
 * place while
 * it restarts.
 *
 * Asked only for addresses that are new to a port, and written only when one closes: a map of JavaScript will do.
 */
export interface HeldIdentities {
  /** By address, in the order of closing. */
  readonly held: Map<string, { readonly uid: number; readonly untilSeconds: number }>
}

export const make = (): HeldIdentities => ({ held: new Map() })

/** The name of a MAC or IP address among the held ones: its words, and of how many. */
export const keyOf = (a: number, b: number, c: number, d: number): string => `${a}.${b}.${c}.${d}`

/** Keeps an address for the user whose port has closed. The oldest makes room. */
export const hold = (identities: HeldIdentities, key: string, uid: number, untilSeconds: number): void => {
  const { held } = identities
  held.delete(key)
  if (held.size >= Bounds.heldIdentities) {
    const oldest = held.keys().next()
    if (oldest.done !== true) held.delete(oldest.value)
  }
  held.set(key, { uid, untilSeconds })
}

/** Whether an address is kept for another user than this one. */
export const isForAnother = (identities: HeldIdentities, key: string, uid: number, nowSeconds: number): boolean => {
  if (identities.held.size === 0) return false
  const kept = identities.held.get(key)
  return kept !== undefined && kept.uid !== uid && nowSeconds < kept.untilSeconds
}

/** An address has an owner again. */
export const letGo = (identities: HeldIdentities, key: string): void => {
  if (identities.held.size > 0) identities.held.delete(key)
}

/** An address belongs to that user for good. */
export const letGoOfOthers = (identities: HeldIdentities, key: string, uid: number): void => {
  const kept = identities.held.get(key)
  if (kept !== undefined && kept.uid !== uid) identities.held.delete(key)
}
