import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Resident } from "./PortDirectory.ts"
import type { RunningSwitch } from "./Switch.ts"
import type { Tap } from "./TapDevice.ts"

/*
 * What is to outlive a process that has no time to hand anything over: a service manager keeps it open, and gives it to
 * the next process.
 *
 * What the manager keeps does not keep a guest connected whose port has closed: the forwarding thread ends the
 * connection itself, shutdown(2), and the manager drops what has ended. So nothing has to be told when a port closes,
 * and no message that comes late or never can do harm. Names are short because all of them are in one variable of the
 * next process's environment, of which Linux allows 128 KB.
 */

/** Keeps open files for the next process. */
export interface DescriptorStore {
  /** How many it takes. */
  readonly countMax: number
  /** Has it keep an open file, once, whatever the name. False: it is busy, and to be asked again. */
  readonly keep: (name: string, handle: number) => boolean
  /** Has it close all files of that name. */
  readonly drop: (name: string) => void
  /** Waits, not for long, until it has done what it was told. */
  readonly settle: () => void
  /** Closes a handle of ours. */
  readonly discard: (handle: number) => void
}

/** The name for a guest's connection. */
export const connectionName = ({ port, trunk }: Pick<Resident, "port" | "trunk">): string =>
  `${trunk ? "t" : "g"}${port}`

/** What a name of {@link connectionName} says; undefined for another. */
export const readConnectionName = (name: string): Pick<Resident, "port" | "trunk"> | undefined =>
  /^[gt][1-9][0-9]{0,4}$/.test(name) ? { port: Number(name.slice(1)), trunk: name.startsWith("t") } : undefined

/** Whether a file of that name is one that a switch has had kept. */
export const isStoredName = (name: string): boolean =>
  readConnectionName(name) !== undefined || /^tap-[0-9a-f]{8}$/.test(name)

/** Who has come is kept after so long: who comes and goes at once costs the manager nothing. */
const pauseMs = 250

/** So many are kept at once: 256 a second keep no manager from its work. */
const batchPorts = 64

/**
 * Has all connections and the tap kept, as they come. Does nothing while nobody comes or goes. Never succeeds.
 *
 * @param tapName for the tap: as long as it is the same, a next process may use it as it is.
 */
export const follow = (running: RunningSwitch, store: DescriptorStore, tapName: string): Effect.Effect<never> =>
  Effect.gen(function*() {
    const { directory } = running
    const changes = yield* Queue.sliding<void>(1)
    const look = () => void Queue.unsafeOffer(changes, undefined)
    const kept = new Map<number, Resident>()
    let tap: Tap | undefined
    const keepTap = (): void => {
      const open = directory.tap.state === "up" ? running.belongings().uplink?.tap : undefined
      if (open === tap) return
      if (tap !== undefined) store.drop(tapName)
      tap = undefined
      if (open === undefined) return
      if (store.keep(tapName, open.handle)) tap = open
      else look()
    }
    directory.changed = look
    look()
    return yield* Effect.forever(Effect.gen(function*() {
      yield* Queue.take(changes)
      yield* Effect.sleep(pauseMs)
      keepTap()
      for (const [port, guest] of kept) if (directory.guests.get(port) !== guest) kept.delete(port)
      if (yield* keepGuests(running, store, kept)) look()
    }))
  })

/** Has a batch of connections kept. True if there are more. */
const keepGuests = ({ directory, plane }: RunningSwitch, store: DescriptorStore, kept: Map<number, Resident>) =>
  Effect.gen(function*() {
    const room = Math.min(batchPorts, store.countMax - 1 - kept.size)
    const due = [...directory.guests.values()].filter((guest) => kept.get(guest.port) !== guest).slice(0, room)
    if (room <= 0 || due.length === 0) return false
    // A port that has another guest by now is kept once more when that is known.
    const copies = yield* plane.copies(due.map(({ port }) => port))
    let isBusy = false
    due.forEach((guest, i) => {
      const copy = copies[i] ?? -1
      if (copy < 0) return
      if (store.keep(connectionName(guest), copy)) kept.set(guest.port, guest)
      else isBusy = true
      store.discard(copy)
    })
    return isBusy || due.length === batchPorts
  })
