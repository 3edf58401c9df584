import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PidFile, PidFileError } from "../../services/PidFile.ts"
import { errno, errnoName } from "./Errno.ts"
import * as LockFile from "./SimLockFile.ts"
import { SimWorld } from "./SimWorld.ts"

const check = (path: string, result: number | LockFile.Refused) => {
  if (typeof result === "number") return Effect.succeed(result)
  const [negated, holder] = result
  const code = -negated === errno.EAGAIN ? "HELD" : errnoName(-negated)
  return Effect.fail(new PidFileError({ path, code, pid: holder > 0 ? holder : undefined }))
}

/** Pid files of the simulated kernel. */
export const layer: Layer.Layer<PidFile, never, SimWorld> = Layer.effect(
  PidFile,
  Effect.map(SimWorld, (kernel) =>
    PidFile.of({
      probe: (path) => Effect.suspend(() => Effect.asVoid(check(path, LockFile.probe(kernel, path)))),
      hold: (path) =>
        Effect.acquireRelease(
          Effect.suspend(() => check(path, LockFile.hold(kernel, path))),
          (fd) =>
            Effect.sync(() => {
              kernel.files.remove(path)
              kernel.close(fd)
            })
        )
    }))
)
