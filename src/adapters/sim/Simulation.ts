import * as Layer from "effect/Layer"
import type { BridgeControl } from "../../services/BridgeControl.ts"
import type { GroupDatabase } from "../../services/GroupDatabase.ts"
import type { PeerProcesses } from "../../services/PeerProcesses.ts"
import type { PidFile } from "../../services/PidFile.ts"
import type { SeqpacketListener } from "../../services/SeqpacketListener.ts"
import type { TapDevice } from "../../services/TapDevice.ts"
import * as Bridge from "./SimBridgeControl.ts"
import * as Group from "./SimGroupDatabase.ts"
import type { SimKernelOptions } from "./SimKernel.ts"
import * as Peers from "./SimPeerProcesses.ts"
import * as Pid from "./SimPidFile.ts"
import * as Listener from "./SimSeqpacketListener.ts"
import * as Tap from "./SimTapDevice.ts"
import * as World from "./SimWorld.ts"

/** What the switch asks of a kernel when it starts, on a simulated one; and the handle that drives it. */
export const layer = (options: SimKernelOptions): Layer.Layer<
  TapDevice | SeqpacketListener | BridgeControl | GroupDatabase | PeerProcesses | PidFile | World.SimWorld
> =>
  Layer.mergeAll(Tap.layer, Listener.layer, Bridge.layer, Group.layer, Peers.layer, Pid.layer).pipe(
    Layer.provideMerge(World.layer(options))
  )
