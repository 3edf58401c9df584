import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as os from "node:os"
import { GroupDatabase, GroupMissing } from "../../services/GroupDatabase.ts"
import { Addon } from "./Addon.ts"

/** DragonFly's own group file gives vknet the number 85. */
const remedyFor = (name: string): string => {
  if (os.type() !== "DragonFly") return `groupadd --system ${name}`
  return name === "vknet" ? "pw groupadd vknet -g 85" : `pw groupadd ${name}`
}

/** Groups of the running system, getgrnam(3). */
export const layer: Layer.Layer<GroupDatabase, never, Addon> = Layer.effect(
  GroupDatabase,
  Effect.gen(function*() {
    const addon = yield* Addon
    return GroupDatabase.of({
      gid: (nameOrNumber) =>
        Effect.suspend(() => {
          if (/^[0-9]+$/.test(nameOrNumber)) return Effect.succeed(Number(nameOrNumber))
          const gid = addon.groupGid(nameOrNumber)
          return gid >= 0
            ? Effect.succeed(gid)
            : Effect.fail(new GroupMissing({ groupName: nameOrNumber, remedy: remedyFor(nameOrNumber) }))
        })
    })
  })
)
