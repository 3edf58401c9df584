import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { Binding } from "./Binding.ts"

/** A user to become, as numbers. */
export interface Identity {
  /** As the user was named. */
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** The privileges could not be given up, or not all of them. */
export class PrivilegeError extends Data.TaggedError("PrivilegeError")<{
  readonly message: string
}> {}

/** Ids above are reserved, see chown(2): the last one means "no change". */
const idMax = 0xffff_fffe

const numberOf = (text: string): number | undefined => {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id <= idMax ? id : undefined
}

/**
 * Who is meant, before anything is changed.
 *
 * @param user   name or number; a number need not be in the user database if a group is given.
 * @param group  name or number; undefined: the user's own.
 */
export const identify = (
  addon: Binding,
  user: string,
  group: string | undefined
): Effect.Effect<Identity, PrivilegeError> =>
  Effect.suspend(() => {
    const refuse = (message: string) => Effect.fail(new PrivilegeError({ message }))
    const found = addon.userIds(user)
    const uid = typeof found === "number" ? numberOf(user) : found[0]
    if (uid === undefined) return refuse(`no user ${user} (make it, or name another with --user)`)
    if (uid === 0) return refuse(`--user ${user} is root (name one without privileges, or leave --user out)`)
    const gid = group === undefined
      ? typeof found === "number" ? undefined : found[1]
      : numberOf(group) ?? nonNegative(addon.groupGid(group))
    if (gid === undefined) {
      return refuse(
        group === undefined
          ? `no user ${user} whose group would be known (give it: --user ${user}:GROUP)`
          : `no group ${group} (make it, or name another with --user ${user}:GROUP)`
      )
    }
    if (process.geteuid?.() !== 0) return refuse(`cannot become ${user}: only root can (leave --user out)`)
    if (ringHasThread()) return refuse(`cannot become ${user}: Node uses io_uring (start with UV_USE_IO_URING=0)`)
    return Effect.succeed({ name: user, uid, gid })
  })

/**
 * True if a thread of the kernel works off one of this process's rings, see io_uring_setup(2), IORING_SETUP_SQPOLL: it
 * would go on doing so as root (CVE-2024-22017). Rings without such a thread are harmless.
 */
const ringHasThread = (): boolean =>
  process.platform === "linux" && fs.readdirSync("/proc/self/fd").some((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:[io_uring]"
        && !/^SqThread:\s*-1$/m.test(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))
    } catch {
      // The descriptor of the listing itself.
      return false
    }
  })

const nonNegative = (result: number): number | undefined => result < 0 ? undefined : result

/**
 * Becomes the user, in all threads, with no other group and no capability, for good; and makes sure that it
 * is so. What is open stays open.
 *
 * @param keepNetAdmin  this thread, and those it starts later, keep the right to configure networks, for a
 *                      lost tap. Linux only.
 */
export const drop = (
  addon: Binding,
  identity: Identity,
  keepNetAdmin: boolean
): Effect.Effect<void, PrivilegeError> =>
  Effect.suspend(() => {
    const { gid, name, uid } = identity
    const step = (what: string, result: number) => {
      if (result < 0) throw new Error(`${what}: ${addon.errnoName(-result)}`)
    }
    try {
      step("no_new_privs", addon.sealPrivileges())
      if (keepNetAdmin) step("keeping CAP_NET_ADMIN", addon.holdCapabilities())
      step("change of user", addon.becomeUser(uid, gid))
      if (keepNetAdmin) step("keeping CAP_NET_ADMIN", addon.reduceCapabilities())
      const remains = remainder(addon, identity, keepNetAdmin)
      if (remains !== undefined) throw new Error(remains)
      return Effect.void
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause)
      return Effect.fail(new PrivilegeError({ message: `cannot become ${name}: ${detail}` }))
    }
  })

const netAdmin = 1n << 12n

/** What is left of root, in words; undefined if nothing is. */
const remainder = (addon: Binding, { uid }: Identity, keepNetAdmin: boolean): string | undefined => {
  if (addon.becomeUser(0, 0) >= 0) return "the way back to root is open"
  if (process.platform !== "linux") return undefined
  for (const task of fs.readdirSync("/proc/self/task")) {
    const status = readStatus(task)
    if (status === undefined) continue
    const own = Number(task) === process.pid
    const allowed = keepNetAdmin && own ? netAdmin : 0n
    const held = BigInt(`0x${field(status, "CapPrm")}`) | BigInt(`0x${field(status, "CapEff")}`)
    if ((held & ~allowed) !== 0n) return `thread ${task} has capabilities left`
    if (field(status, "NoNewPrivs") !== "1") return `thread ${task} can gain privileges`
    if (field(status, "Uid").split(/\s+/).some((id) => id !== String(uid))) return `thread ${task} is another user`
  }
  return undefined
}

/** Undefined for a thread that has ended meanwhile. */
const readStatus = (task: string): string | undefined => {
  try {
    return fs.readFileSync(`/proc/self/task/${task}/status`, "utf8")
  } catch {
    return undefined
  }
}

const field = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.trim() ?? ""
