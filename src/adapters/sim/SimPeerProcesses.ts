import * as Layer from "effect/Layer"
import { PeerProcesses } from "../../services/PeerProcesses.ts"

/** In the simulation every process runs `guest` and never ends; only root has a name. */
export const layer: Layer.Layer<PeerProcesses> = Layer.succeed(
  PeerProcesses,
  PeerProcesses.of({
    find: (pid) => pid === 0 ? undefined : { pid, startedTicks: 1, startedMs: 0 },
    command: () => "guest",
    userName: (uid) => uid === 0 ? "root" : undefined
  })
)
