import { constants } from "node:os"

/**
 * Linux' numbers, for those that this system's own table lacks. Everything else is this system's, so that
 * the simulator and the native adapters fail with the same number wherever they run.
 */
const fallback = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EROFS: 30,
  EPIPE: 32,
  ENAMETOOLONG: 36,
  EBADFD: 77,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ECONNREFUSED: 111
} as const

/** Symbols of the failures that the simulated kernel knows. */
export type ErrnoName = keyof typeof fallback

const system: Record<string, number | undefined> = { ...constants.errno }

const table: ReadonlyArray<readonly [ErrnoName, number]> = (Object.keys(fallback) as Array<ErrnoName>)
  .map((name) => [name, system[name] ?? fallback[name]] as const)

/** Number of a symbol. */
export const errno: Readonly<Record<ErrnoName, number>> =
  Object.fromEntries(table) as Record<ErrnoName, number>

const names = new Map<number, ErrnoName>(table.map(([name, number]) => [number, name]))

/** Symbol of a positive number, or the number in words. */
export const errnoName = (number: number): string => names.get(number) ?? `errno ${number}`
