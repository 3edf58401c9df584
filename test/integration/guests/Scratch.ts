import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

/**
 * A new directory that everybody may enter and only its owner may write to; removed with the scope.
 * Its path is short enough, and plain enough, for a socket that User-Mode Linux is told of:
 * at most 107 octets, without comma, equals sign or space.
 */
export const scratchDirectory = (uid?: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "vk-"))
      fs.chmodSync(directory, 0o755)
      if (uid !== undefined) fs.chownSync(directory, uid, uid)
      return directory
    }),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )
