import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BridgeControl } from "../../services/BridgeControl.ts"
import { DataPlane } from "../../services/DataPlane.ts"
import { GroupDatabase } from "../../services/GroupDatabase.ts"
import { Ownership } from "../../services/Ownership.ts"
import { PeerProcesses } from "../../services/PeerProcesses.ts"
import { PidFile } from "../../services/PidFile.ts"
import { SeqpacketListener } from "../../services/SeqpacketListener.ts"
import { TapDevice } from "../../services/TapDevice.ts"
import { Addon, type AddonMissing } from "./Addon.ts"
import * as NativeBridgeControl from "./NativeBridgeControl.ts"
import * as NativeDataPlane from "./NativeDataPlane.ts"
import * as NativeGroupDatabase from "./NativeGroupDatabase.ts"
import * as NativePeerProcesses from "./NativePeerProcesses.ts"
import * as NativePidFile from "./NativePidFile.ts"
import * as NativeSeqpacketListener from "./NativeSeqpacketListener.ts"
import * as NativeTapDevice from "./NativeTapDevice.ts"

/** What a switch asks of its system. */
type Ports =
  | TapDevice
  | BridgeControl
  | SeqpacketListener
  | GroupDatabase
  | PeerProcesses
  | PidFile
  | DataPlane

/**
 * The running system, in one layer: each one that is built takes a start as long as all that is in these
 * (docs/decisions/0022-fewer-steps-to-the-first-frame.md).
 */
export const layer: Layer.Layer<Ports | Addon, AddonMissing, Ownership> = Layer.effectContext(
  Effect.map(Effect.all([Addon.load, Ownership]), ([addon, ownership]) =>
    Context.make(Addon, addon).pipe(
      Context.add(TapDevice, NativeTapDevice.make(addon)),
      Context.add(BridgeControl, NativeBridgeControl.make(addon, ownership)),
      Context.add(SeqpacketListener, NativeSeqpacketListener.make(addon, ownership)),
      Context.add(GroupDatabase, NativeGroupDatabase.make(addon)),
      Context.add(PeerProcesses, NativePeerProcesses.make(addon)),
      Context.add(PidFile, NativePidFile.make(addon, ownership)),
      Context.add(DataPlane, NativeDataPlane.make(addon))
    ))
)
