import { errno } from "./Errno.ts"
import { allows, type FileNode } from "./SimFiles.ts"
import type { SimKernel } from "./SimKernel.ts"

/** Why a pid file could not be held: the negated errno, and the pid of the holder or 0. */
export type Refused = readonly [number, number]

const refusalFor = (kernel: SimKernel, path: string, node: FileNode | undefined): Refused | undefined => {
  const { credentials, files } = kernel
  if (node === undefined) {
    const changed = files.mayChange(path, credentials)
    return changed === 0 ? undefined : [-changed, 0]
  }
  const walked = files.walk(path, credentials)
  if (walked !== 0) return [-walked, 0]
  if (node.kind === "directory") return [-errno.EISDIR, 0]
  if (!allows(node, credentials, "write")) return [-errno.EACCES, 0]
  if (node.kind === "socket") return [-errno.EINVAL, 0]
  return node.lockedBy === undefined ? undefined : [-errno.EAGAIN, node.lockedBy]
}

/** 0 if a pid file could be held now; changes nothing. */
export const probe = (kernel: SimKernel, path: string): 0 | Refused =>
  refusalFor(kernel, path, kernel.files.get(path)) ?? 0

/** Locks a pid file, made if it is not there, and writes the switch's pid: the descriptor that holds it. */
export const hold = (kernel: SimKernel, path: string): number | Refused => {
  const fault = kernel.faults.consult("pid-file")
  if (fault !== undefined) return [-errno[fault], 0]
  const found = kernel.files.get(path)
  const refused = refusalFor(kernel, path, found)
  if (refused !== undefined) return refused
  const file = found?.kind === "file" ? found : kernel.files.writeFile(path, "", kernel.credentials)
  const fd = kernel.open({ kind: "pid file", file })
  if (fd < 0) return [fd, 0]
  file.lockedBy = kernel.pid
  file.text = `${kernel.pid}\n`
  kernel.note(() => `pid file ${path}`)
  return fd
}
