import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { PidFile, PidFileError } from "../../services/PidFile.ts"
import type { Binding } from "./Binding.ts"

/**
 * Removes a pid file that we hold; one that stands in its place by now is another's. Where the user we have become may
 * not remove it, or not see it, ours is emptied, so that nobody takes its number for ours.
 */
export const remove = (path: string, fd: number): void => {
  try {
    const ours = fs.fstatSync(fd, { bigint: true })
    const named = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (named?.ino === ours.ino && named.dev === ours.dev) fs.rmSync(path)
  } catch {
    fs.ftruncateSync(fd)
  }
}

/** Pid files locked with flock(2), so that one left behind by a killed switch is no obstacle. */
export const make = (addon: Binding, ownership: { readonly held: boolean }): PidFile["Type"] => {
  const check = (path: string, result: number | readonly [number, number]) => {
    if (typeof result === "number" && result >= 0) return Effect.succeed(result)
    const [errno, holder] = typeof result === "number" ? [-result, 0] : [-result[0], result[1]]
    const symbol = addon.errnoName(errno)
    const held = symbol === "EAGAIN" || symbol === "EWOULDBLOCK"
    return Effect.fail(
      new PidFileError({ path, code: held ? "HELD" : symbol, pid: holder > 0 ? holder : undefined })
    )
  }
  return PidFile.of({
    probe: (path) => Effect.suspend(() => Effect.asVoid(check(path, addon.probePidFile(path)))),
    hold: (path) =>
      Effect.acquireRelease(
        Effect.suspend(() => check(path, addon.holdPidFile(path, process.pid))),
        (fd) =>
          Effect.sync(() => {
            if (ownership.held) remove(path, fd)
            addon.closeFd(fd)
          })
      )
  })
}
