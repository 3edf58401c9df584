import type { Resident } from "./PortDirectory.ts"

/** A connection that was kept for this process. */
export interface StoredConnection extends Pick<Resident, "port" | "trunk" | "uid" | "pid"> {
  readonly handle: number
}

/** How many may be at the switch: as many as if they connected now. */
export interface SeatLimits {
  readonly guestPorts: number
  readonly guestPortsPerUid: number
  readonly trunkPorts: number
}

/**
 * Who becomes which port: the one that it had, or the lowest that is free if that is another's or there is none such
 * any more. Who is one too many is refused.
 */
export const seat = (
  connections: ReadonlyArray<StoredConnection>,
  limits: SeatLimits
): { readonly seated: ReadonlyArray<StoredConnection>; readonly refused: ReadonlyArray<StoredConnection> } => {
  const seated = new Map<number, StoredConnection>()
  const unseated: Array<StoredConnection> = []
  const refused: Array<StoredConnection> = []
  const perUid = new Map<number, number>()
  let trunks = 0
  for (const connection of connections) {
    const { port, trunk, uid } = connection
    const held = perUid.get(uid) ?? 0
    const isTooMany = seated.size + unseated.length >= limits.guestPorts
      || held >= limits.guestPortsPerUid
      || (trunk && trunks >= limits.trunkPorts)
    if (isTooMany) {
      refused.push(connection)
      continue
    }
    perUid.set(uid, held + 1)
    if (trunk) trunks++
    if (port > limits.guestPorts || seated.has(port)) unseated.push(connection)
    else seated.set(port, connection)
  }
  let free = 1
  for (const connection of unseated) {
    while (seated.has(free)) free++
    seated.set(free, { ...connection, port: free })
  }
  return { seated: [...seated.values()], refused }
}
