import { errno } from "./Errno.ts"
import type { SimListener } from "./SimListener.ts"

/** Who does something: effective uid and gid, and further groups. */
export interface Credentials {
  readonly uid: number
  readonly gid: number
  readonly groups: ReadonlyArray<number>
}

interface Owned {
  readonly inode: number
  uid: number
  gid: number
  /** Permission bits. */
  mode: number
}

export interface Directory extends Owned {
  readonly kind: "directory"
  /** On a file system mounted read-only. */
  readonly readOnly: boolean
}

export interface RegularFile extends Owned {
  readonly kind: "file"
  text: string
  /** Pid of the process that holds the lock; undefined when nobody does. */
  lockedBy: number | undefined
}

export interface SocketFile extends Owned {
  readonly kind: "socket"
  /** Undefined: nobody listens, it is stale. */
  listener: SimListener | undefined
}

export type FileNode = Directory | RegularFile | SocketFile

const parentOf = (path: string): string => {
  const cut = path.lastIndexOf("/")
  return cut <= 0 ? "/" : path.slice(0, cut)
}

const READ_WRITE_SEARCH = { read: 4, write: 2, search: 1 } as const

/** Whether permission bits let somebody do something, as access(2) with the effective ids. */
export const allows = (
  node: FileNode,
  who: Credentials,
  what: keyof typeof READ_WRITE_SEARCH
): boolean => {
  if (who.uid === 0) return true
  const bit = READ_WRITE_SEARCH[what]
  if (who.uid === node.uid) return (node.mode & (bit << 6)) !== 0
  if (who.gid === node.gid || who.groups.includes(node.gid)) return (node.mode & (bit << 3)) !== 0
  return (node.mode & bit) !== 0
}

/** A file system of directories, pid files and sockets: absolute paths, no links. */
export class SimFiles {
  readonly #nodes = new Map<string, FileNode>()
  #inodes = 1

  constructor() {
    for (const path of ["/", "/run", "/var", "/var/run", "/home", "/dev"]) this.makeDirectory(path)
    this.makeDirectory("/tmp", { mode: 0o777 })
  }

  get(path: string): FileNode | undefined {
    return this.#nodes.get(path)
  }

  makeDirectory(
    path: string,
    { gid = 0, mode = 0o755, readOnly = false, uid = 0 }: {
      readonly uid?: number
      readonly gid?: number
      readonly mode?: number
      readonly readOnly?: boolean
    } = {}
  ): void {
    this.#nodes.set(path, { kind: "directory", inode: this.#inodes++, uid, gid, mode, readOnly })
  }

  writeFile(path: string, text: string, who: Credentials, mode = 0o644): RegularFile {
    const node: RegularFile = {
      kind: "file",
      inode: this.#inodes++,
      uid: who.uid,
      gid: who.gid,
      mode,
      text,
      lockedBy: undefined
    }
    this.#nodes.set(path, node)
    return node
  }

  /** A socket's file as bind(2) leaves it, replacing what is there. */
  makeSocket(path: string, listener: SimListener | undefined, owner: Omit<Owned, "inode">): SocketFile {
    const { gid, mode, uid } = owner
    const node: SocketFile = { kind: "socket", inode: this.#inodes++, uid, gid, mode, listener }
    this.#nodes.set(path, node)
    return node
  }

  remove(path: string): void {
    this.#nodes.delete(path)
  }

  /** 0, or the errno of looking a path up: its directories must be there and be searchable. */
  walk(path: string, who: Credentials): number {
    if (!path.startsWith("/")) return errno.ENOENT
    const above: Array<string> = []
    for (let at = path; at !== "/";) {
      at = parentOf(at)
      above.unshift(at)
    }
    for (const directory of above) {
      const node = this.#nodes.get(directory)
      if (node === undefined) return errno.ENOENT
      if (node.kind !== "directory") return errno.ENOTDIR
      if (!allows(node, who, "search")) return errno.EACCES
    }
    return 0
  }

  /** 0, or the errno of making or removing an entry of that name. */
  mayChange(path: string, who: Credentials): number {
    const walked = this.walk(path, who)
    if (walked !== 0) return walked
    const directory = this.#nodes.get(parentOf(path))
    if (directory?.kind !== "directory") return errno.ENOTDIR
    if (directory.readOnly) return errno.EROFS
    return allows(directory, who, "write") ? 0 : errno.EACCES
  }
}
