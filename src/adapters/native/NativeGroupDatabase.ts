import * as Effect from "effect/Effect"
import * as os from "node:os"
import { GroupDatabase, GroupMissing } from "../../services/GroupDatabase.ts"
import type { Binding } from "./Binding.ts"

/** DragonFly's own group file gives vknet the number 85. */
const remedyFor = (name: string): string => {
  if (os.type() !== "DragonFly") return `groupadd --system ${name}`
  return name === "vknet" ? "pw groupadd vknet -g 85" : `pw groupadd ${name}`
}

/** Groups of the running system, getgrnam(3). */
export const make = (addon: Binding): GroupDatabase["Type"] =>
  GroupDatabase.of({
    gid: (nameOrNumber) =>
      Effect.suspend(() => {
        if (/^[0-9]+$/.test(nameOrNumber)) return Effect.succeed(Number(nameOrNumber))
        const gid = addon.groupGid(nameOrNumber)
        return gid >= 0
          ? Effect.succeed(gid)
          : Effect.fail(new GroupMissing({ groupName: nameOrNumber, remedy: remedyFor(nameOrNumber) }))
      })
  })
