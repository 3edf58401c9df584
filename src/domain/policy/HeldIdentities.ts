import { Bounds } from "../Bounds.ts"

/**
 * What closed ports owned, kept for a while for the same user (rule B5), so that no neighbour can take a guest's
 * place while it restarts.
 *
 * Asked only for addresses that are new to a port, and written only when one closes: maps of JavaScript will do.
 */
export interface HeldIdentities {
  /** By address, in the order of closing. */
  readonly byKey: Map<string, { readonly uid: number; readonly untilSeconds: number }>
  /** The addresses of each user that has any, in the same order. */
  readonly byUser: Map<number, Set<string>>
}

export const make = (): HeldIdentities => ({ byKey: new Map(), byUser: new Map() })

/** The name of a MAC or IP address among the held ones: its words, and of how many. */
export const keyOf = (a: number, b: number, c: number, d: number): string => `${a}.${b}.${c}.${d}`

/**
 * Keeps an address for the user whose port has closed. The oldest of the user that has most makes room: whoever comes
 * and goes often must not end what is kept for others.
 */
export const hold = (identities: HeldIdentities, key: string, uid: number, untilSeconds: number): void => {
  const { byKey, byUser } = identities
  letGo(identities, key)
  if (byKey.size >= Bounds.heldIdentities) {
    for (const oldest of mostOf(byUser)) {
      letGo(identities, oldest)
      break
    }
  }
  byKey.set(key, { uid, untilSeconds })
  const keys = byUser.get(uid) ?? new Set()
  byUser.set(uid, keys.add(key))
}

/** The addresses of the user that has most. */
const mostOf = (byUser: HeldIdentities["byUser"]): ReadonlySet<string> => {
  let most: ReadonlySet<string> = new Set()
  for (const keys of byUser.values()) if (keys.size > most.size) most = keys
  return most
}

/** Whether an address is kept for another user than this one. */
export const isForAnother = ({ byKey }: HeldIdentities, key: string, uid: number, nowSeconds: number): boolean => {
  if (byKey.size === 0) return false
  const kept = byKey.get(key)
  return kept !== undefined && kept.uid !== uid && nowSeconds < kept.untilSeconds
}

/** An address has an owner again. */
export const letGo = ({ byKey, byUser }: HeldIdentities, key: string): void => {
  const kept = byKey.get(key)
  if (kept === undefined) return
  byKey.delete(key)
  const keys = byUser.get(kept.uid)!
  keys.delete(key)
  if (keys.size === 0) byUser.delete(kept.uid)
}

/** An address belongs to that user for good. */
export const letGoOfOthers = (identities: HeldIdentities, key: string, uid: number): void => {
  const kept = identities.byKey.get(key)
  if (kept !== undefined && kept.uid !== uid) letGo(identities, key)
}
