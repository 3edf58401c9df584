import { execFileSync } from "node:child_process"

/** Whether this machine has a program of that name. */
export const isThere = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`])
    return true
  } catch {
    return false
  }
}
