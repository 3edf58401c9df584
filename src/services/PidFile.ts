import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as FileLimit from "./FileLimit.ts"

/** The pid file could not be written or is held by a running switch. */
export class PidFileError extends Data.TaggedError("PidFileError")<{
  readonly path: string
  /** `HELD`, or an errno symbol. */
  readonly code: "HELD" | (string & {})
  /** Who holds it, where that can be read. */
  readonly pid: number | undefined
}> {
  override get message(): string {
    if (this.code === "HELD") {
      const who = this.pid === undefined ? "another process" : `process ${this.pid}`
      return `cannot lock ${this.path}: ${who} holds it (stop it, or name another pid file with -i)`
    }
    const limit = FileLimit.remedyFor(this.code)
    if (limit !== "") return `cannot write ${this.path}: ${this.code}${limit}`
    const remedy = this.code === "EACCES" || this.code === "EPERM" ? "run as root, or " : ""
    return `cannot write ${this.path}: ${this.code} (${remedy}name another pid file with -i)`
  }
}

/** The file that tells which process the switch is. */
export class PidFile extends Context.Tag("vknetd/PidFile")<PidFile, {
  /** Fails as `hold` would, without changing anything. */
  readonly probe: (path: string) => Effect.Effect<void, PidFileError>
  /**
   * Writes our pid and keeps the file locked; removes it when the scope ends. What is there unlocked is replaced.
   * Succeeds with what holds the lock: a descriptor, or the simulator's number for it.
   */
  readonly hold: (path: string) => Effect.Effect<number, PidFileError, Scope.Scope>
}>() {}
