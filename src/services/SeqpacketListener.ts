import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as FileLimit from "./FileLimit.ts"

/** Why the socket cannot be listened on. A closed list, then errno symbols for the rest. */
export type ListenCode = "IN_USE" | "NOT_A_SOCKET" | "TOO_LONG" | (string & {})

/** The socket could not be made. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly path: string
  readonly code: ListenCode
  /** The option that names the socket; `-p` unless said. */
  readonly option?: string
}> {
  override get message(): string {
    const explanation = explanations[this.code] ?? `${this.code}${FileLimit.remedyFor(this.code)}`
    return `cannot listen on ${this.path}: ${explanation.replace(/ -p\b/, ` ${this.option ?? "-p"}`)}`
  }
}

const explanations: Record<string, string | undefined> = {
  IN_USE: "another switch is listening there (stop it, or name another socket with -p)",
  NOT_A_SOCKET: "there is something else of that name, left alone (name another socket with -p)",
  TOO_LONG: "the path is too long for a socket (name a shorter one with -p)",
  EACCES: "EACCES (run as root, or name a socket in a directory of yours with -p)",
  EPERM: "EPERM (run as root, or name a group of yours with --group)",
  ENOENT: "ENOENT (its directory does not exist; make it, or name another socket with -p)",
  ENOTDIR: "ENOTDIR (its directory is not one; name another socket with -p)",
  EROFS: "EROFS (its file system is read-only; name another socket with -p)"
}

/** What tells a socket's file from another of its name. */
export interface SocketNode {
  readonly device: bigint
  readonly inode: bigint
}

/** A listening socket. Closed, and its file removed if it is still ours, when the scope that opened it ends. */
export interface Listener {
  readonly path: string
  /** For the exchange: a descriptor, or the simulator's number for it. */
  readonly handle: number
  /** Undefined: the file is somebody else's and stays where it is. */
  readonly node?: SocketNode | undefined
}

/** Listens for guests: `AF_UNIX`, `SOCK_SEQPACKET`. */
export class SeqpacketListener extends Context.Tag("vknetd/SeqpacketListener")<SeqpacketListener, {
  /** Fails as `listen` would for what is at the path now, without changing anything. */
  readonly probe: (path: string) => Effect.Effect<void, ListenError>
  /**
   * Makes the socket file so that a connect succeeds for the group alone, and at no moment for anybody else.
   * A socket on which nobody listens is replaced; anything else at the path is left alone.
   */
  readonly listen: (request: {
    readonly path: string
    /** Group that may connect, or undefined for the caller's own. */
    readonly gid: number | undefined
    /** Permission bits, e.g. 0o660. */
    readonly mode: number
    readonly backlog: number
  }) => Effect.Effect<Listener, ListenError, Scope.Scope>
}>() {}
