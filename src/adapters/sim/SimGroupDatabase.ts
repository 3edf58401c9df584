import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { GroupDatabase, GroupMissing } from "../../services/GroupDatabase.ts"
import { SimWorld } from "./SimWorld.ts"

/** Groups of the simulated kernel: those it was made with, and what a test has put in since. */
export const layer: Layer.Layer<GroupDatabase, never, SimWorld> = Layer.effect(
  GroupDatabase,
  Effect.map(SimWorld, (kernel) =>
    GroupDatabase.of({
      gid: (nameOrNumber) =>
        Effect.suspend(() => {
          if (/^[0-9]+$/.test(nameOrNumber)) return Effect.succeed(Number(nameOrNumber))
          const gid = kernel.groups.get(nameOrNumber)
          return gid === undefined
            ? Effect.fail(
              new GroupMissing({ groupName: nameOrNumber, remedy: `groupadd --system ${nameOrNumber}` })
            )
            : Effect.succeed(gid)
        })
    }))
)
