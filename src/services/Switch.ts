import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { Bounds } from "../domain/Bounds.ts"
import type { BridgeControl, BridgeError } from "./BridgeControl.ts"
import { DataPlane, type DataPlaneError, type PlaneEstate, type RunningPlane } from "./DataPlane.ts"
import * as Denials from "./DenialLog.ts"
import { GroupDatabase, type GroupMissing } from "./GroupDatabase.ts"
import type { LiveSettings } from "./LiveSettings.ts"
import * as LogBudget from "./LogBudget.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import { PidFile, type PidFileError } from "./PidFile.ts"
import * as Directory from "./PortDirectory.ts"
import * as PortLog from "./PortLog.ts"
import { type Listener, ListenError, SeqpacketListener } from "./SeqpacketListener.ts"
import { settingsFor, type SwitchRequest } from "./SwitchRequest.ts"
import type { Tap, TapDevice, TapError } from "./TapDevice.ts"
import type { OpenUplink, Uplink } from "./Uplink.ts"
import * as Uplinks from "./Uplink.ts"

/** Everything that can go wrong before a switch serves, or end it. */
export type SwitchError = TapError | BridgeError | ListenError | GroupMissing | PidFileError | DataPlaneError

/** What a switch holds open, besides its guests' connections. */
export interface Belongings {
  readonly listener: Listener
  readonly trunkListener: Listener | undefined
  /** Handle of the lock on the pid file. */
  readonly pidFile: number | undefined
  /** The latest, also when it is lost just now. */
  readonly uplink: OpenUplink | undefined
}

/** What a switch that goes on for another one knows of it. */
export interface Inheritance {
  readonly plane: PlaneEstate
  /** Undefined: it was not told. */
  readonly tapSinceMs: number | undefined
  readonly guests: ReadonlyArray<Omit<Directory.Resident, "process">>
}

/** A switch that serves. */
export interface RunningSwitch {
  readonly request: SwitchRequest
  /** What of the request may have changed since. */
  live: LiveSettings
  /** Where guests connect to: what was asked for, or what the listener was handed over. */
  readonly socketPath: string
  readonly tap: Tap | undefined
  readonly plane: RunningPlane
  /** Kept by `supervise`. */
  readonly directory: Directory.PortDirectory
  /** What it holds open. */
  readonly belongings: () => Belongings
  /** Deals with what happens until the switch can go on no more; never succeeds. */
  readonly supervise: Effect.Effect<never, SwitchError, TapDevice | BridgeControl | PeerProcesses>
}

/**
 * Opens everything a switch needs, in this order: nothing is changed before all that can be asked has been asked.
 * All of it is released in reverse when the scope ends. When this succeeds, a connect succeeds.
 *
 * @param inherited from a switch whose listener, tap and pid file the services give out; forwarding then begins with
 * `plane.resume`.
 */
export const open = (
  request: SwitchRequest,
  inherited?: Inheritance
): Effect.Effect<
  RunningSwitch,
  SwitchError,
  TapDevice | BridgeControl | SeqpacketListener | GroupDatabase | PidFile | DataPlane | Scope.Scope
> =>
  Effect.gen(function*() {
    const listeners = yield* SeqpacketListener
    const pidFiles = yield* PidFile
    const gid = request.groupName === undefined
      ? undefined
      : yield* (yield* GroupDatabase).gid(request.groupName)
    yield* listeners.probe(request.socketPath)
    const trunkGid = yield* probeTrunk(request.trunk)
    if (request.pidFilePath !== undefined) yield* pidFiles.probe(request.pidFilePath)
    const pidFile = request.pidFilePath === undefined ? undefined : yield* pidFiles.hold(request.pidFilePath)
    const uplink = yield* Uplinks.make(request)
    const tap = (yield* uplink.open)?.tap
    const listener = yield* listeners.listen({
      path: request.socketPath,
      gid,
      mode: request.socketMode,
      backlog: Bounds.backlog
    })
    const trunkListener = request.trunk === undefined
      ? undefined
      : yield* listeners.listen({
        path: request.trunk.path,
        gid: trunkGid,
        mode: request.socketMode & TRUNK_MODE_MAX,
        backlog: Bounds.backlog
      }).pipe(Effect.mapError(ofTrunk))
    const plane = yield* (yield* DataPlane).start({
      listener,
      trunkListener,
      tap,
      settings: settingsFor(request, tap),
      inherited: inherited?.plane
    })
    const directory = Directory.make(inherited?.guests)
    if (tap !== undefined) {
      Directory.noteLink(directory, tap)
      const sinceMs = inherited?.tapSinceMs ?? (yield* Clock.currentTimeMillis)
      Directory.noteTap(directory, tap.interfaceName, sinceMs)
    }
    return {
      request,
      live: { policy: request.policy, stationAgeSeconds: request.stationAgeSeconds },
      socketPath: listener.path,
      tap,
      plane,
      directory,
      belongings: () => ({ listener, trunkListener, pidFile, uplink: uplink.latest() }),
      supervise: supervise(plane, uplink, directory)
    }
  })

/** Whatever `--mode` says of guests: not everybody is to be a trunk. */
const TRUNK_MODE_MAX = 0o660

/** The group of the trunks' socket, when all that can be asked about it has been asked. */
const probeTrunk = (trunk: SwitchRequest["trunk"]) =>
  Effect.gen(function*() {
    if (trunk === undefined) return undefined
    const { groupName, path } = trunk
    const gid = groupName === undefined ? undefined : yield* (yield* GroupDatabase).gid(groupName)
    yield* (yield* SeqpacketListener).probe(path).pipe(Effect.mapError(ofTrunk))
    return gid
  })

/** What is wrong with the socket that `--trunk` names. */
const ofTrunk = ({ code, path }: ListenError): ListenError => new ListenError({ path, code, option: "--trunk" })

const supervise = (
  plane: RunningPlane,
  uplink: Uplink,
  directory: Directory.PortDirectory
): Effect.Effect<never, SwitchError, TapDevice | BridgeControl | PeerProcesses> =>
  Effect.gen(function*() {
    const processes = yield* PeerProcesses
    Directory.identify(directory, processes.find)
    const lines = LogBudget.make(PortLog.budget.burst, PortLog.budget.perSecond)
    const denials = yield* Denials.make(plane.counters, LogBudget.make(PortLog.budget.burst, PortLog.budget.perSecond))
    const losses = yield* Queue.unbounded<number>()
    const hear = Effect.gen(function*() {
      const notices = yield* plane.notices
      const nowMs = yield* Clock.currentTimeMillis
      for (const notice of Chunk.toReadonlyArray(notices)) {
        Directory.note(directory, notice, nowMs, processes.find)
        if (notice.kind === "tap-lost") yield* Queue.offer(losses, notice.errno)
        else if (notice.kind === "denied") yield* denials.begin(notice)
        else {
          if (notice.kind === "closed") denials.forget(notice.port)
          yield* PortLog.report(lines, notice, directory.tap.name)
        }
      }
    })
    // A lost tap may take seconds to come back; who comes and goes meanwhile is to be known at once.
    const repair = Effect.flatMap(Queue.take(losses), (errno) => Uplinks.regain(plane, uplink, directory, errno))
    return yield* Effect.forever(hear).pipe(
      Effect.raceFirst(Effect.forever(repair)),
      Effect.raceFirst(denials.follow),
      Effect.raceFirst(plane.ended)
    )
  })
