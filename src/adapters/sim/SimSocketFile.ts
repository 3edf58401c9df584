import { errno } from "./Errno.ts"
import type { SimKernel } from "./SimKernel.ts"
import { SimListener } from "./SimListener.ts"

/** `sizeof(sun_path)` less the final NUL, unix(7). */
const PATH_BYTES_MAX = 107

/** What `listen` opened: `inode` tells whether the file is still the one that it made. */
export interface ListeningSocket {
  readonly fd: number
  readonly inode: number
}

/**
 * What stands at a socket's path: 0 nothing, 1 a socket nobody listens on; -EADDRINUSE
 * somebody listens; -ENOTSOCK something else; or another errno, negated.
 */
export const probe = (kernel: SimKernel, path: string): number => {
  if (new TextEncoder().encode(path).length > PATH_BYTES_MAX) return -errno.ENAMETOOLONG
  const walked = kernel.files.walk(path, kernel.credentials)
  if (walked !== 0) return -walked
  const node = kernel.files.get(path)
  if (node === undefined) return 0
  if (node.kind !== "socket") return -errno.ENOTSOCK
  return node.listener === undefined || node.listener.closed ? 1 : -errno.EADDRINUSE
}

/** Makes the socket's file and listens; a stale one is replaced. */
export const listen = (kernel: SimKernel, request: {
  readonly path: string
  readonly gid: number | undefined
  readonly mode: number
  readonly backlog: number
}): ListeningSocket | number => {
  const { backlog, mode, path } = request
  const { credentials, files } = kernel
  const found = probe(kernel, path)
  if (found < 0) return found
  const fault = kernel.faults.consult("listen")
  if (fault !== undefined) return -errno[fault]
  const changed = files.mayChange(path, credentials)
  if (changed !== 0) return -changed
  const gid = request.gid ?? credentials.gid
  if (credentials.uid !== 0 && gid !== credentials.gid && !credentials.groups.includes(gid)) return -errno.EPERM

  const listener = new SimListener(backlog)
  const fd = kernel.open({ kind: "listener", listener })
  if (fd < 0) return fd
  const { inode } = files.makeSocket(path, listener, { uid: credentials.uid, gid, mode })
  kernel.note(() => `listen ${path}`)
  return { fd, inode }
}

/** Removes the file if it is still the one that `listen` made. */
export const unlink = (kernel: SimKernel, path: string, inode: number): void => {
  if (kernel.files.get(path)?.inode !== inode) return
  kernel.files.remove(path)
  kernel.note(() => `unlink ${path}`)
}
