import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** The group that may use the socket does not exist. */
export class GroupMissing extends Data.TaggedError("GroupMissing")<{
  readonly groupName: string
  /** The command that makes the group on this system. */
  readonly remedy: string
}> {
  override get message(): string {
    return `no group ${this.groupName} (make it with: ${this.remedy}; or name another with --group)`
  }
}

/** Groups of the host, group(5). */
export class GroupDatabase extends Context.Tag("vknetd/GroupDatabase")<GroupDatabase, {
  /** The number of a group given by name, or of one given by number. */
  readonly gid: (nameOrNumber: string) => Effect.Effect<number, GroupMissing>
}>() {}
