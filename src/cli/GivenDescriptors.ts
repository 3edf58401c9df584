import * as fs from "node:fs"

/*
 * Which descriptors the caller has given. Node has some of its own before a line of ours is run, and takes more with
 * each thread, and when a standard stream that is a terminal is first used: later nobody can tell whose a number is.
 * Nor does a flag tell, for what was inherited is made close-on-exec as well (libuv's uv_disable_stdio_inheritance). So
 * whoever will want to know has to look first of all, when what Node has is of few kinds, proc(5).
 */

const open = "/proc/self/fd"

/** The command and the switch are bundles of their own, with a copy of this file each: here they meet. */
const place = globalThis as { [given]?: ReadonlySet<number> }
const given: unique symbol = Symbol.for("vknetd.givenDescriptors")

/** Looks which descriptors are there. To be called before anything is opened and any standard stream is used. */
export const look = (): void => {
  const names = new Map<number, string>()
  const readPipes = new Set<string>()
  for (const descriptor of (orUndefined(() => fs.readdirSync(open)) ?? []).map(Number)) {
    const name = orUndefined(() => fs.readlinkSync(`${open}/${descriptor}`))
    if (name === undefined) continue
    names.set(descriptor, name)
    if (name.startsWith("pipe:") && !isForWriting(descriptor)) readPipes.add(name)
  }
  // Event loops and the like; and pipes between threads, of which this process has both ends. A caller that gives one
  // end of its own has to keep the other.
  const isNodes = (name: string) => name.startsWith("anon_inode:") || readPipes.has(name)
  if (names.size > 0) place[given] = new Set([...names.keys()].filter((number) => !isNodes(names.get(number)!)))
}

const orUndefined = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}

/** Whether the caller has given it; true where nobody looked, or there is nowhere to look. */
export const isGiven = (descriptor: number): boolean => place[given]?.has(descriptor) ?? true

/** The access mode of open(2), in octal behind `flags:`. True where proc(5) does not tell. */
export const isForWriting = (descriptor: number): boolean => {
  const told = orUndefined(() => fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))
  const flags = /^flags:\s+([0-7]+)$/m.exec(told ?? "")?.[1]
  return flags === undefined || (Number.parseInt(flags, 8) & 3) !== fs.constants.O_RDONLY
}
