import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Bounds } from "../domain/Bounds.ts"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Mac from "../domain/MacAddress.ts"
import type { Prefix } from "../domain/Prefix.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
import type { PolicySettings } from "../domain/policy/PolicySettings.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { refusalNames } from "../domain/Reason.ts"
import { BridgeControl, type BridgeError, type BridgeMembership } from "./BridgeControl.ts"
import { DataPlane, type DataPlaneError, type PlaneInheritance, type RunningPlane } from "./DataPlane.ts"
import * as Denials from "./DenialLog.ts"
import { GroupDatabase, type GroupMissing } from "./GroupDatabase.ts"
import type { LiveSettings } from "./LiveSettings.ts"
import * as LogBudget from "./LogBudget.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import { PidFile, type PidFileError } from "./PidFile.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"
import * as Directory from "./PortDirectory.ts"
import { type Listener, ListenError, SeqpacketListener } from "./SeqpacketListener.ts"
import { type Tap, TapDevice, type TapError } from "./TapDevice.ts"

/** What a switch is asked to be. Everything in it has been checked for form. */
export interface SwitchRequest {
  readonly secure: boolean
  readonly prefix: Prefix | undefined
  /** Undefined: no host side. */
  readonly tapName: string | undefined
  /** Whether the tap may carry large TCP segments. */
  readonly offload: boolean
  readonly bridgeName: string | undefined
  readonly socketPath: string
  readonly socketMode: number
  /** Name or number; undefined: the caller's own group. */
  readonly groupName: string | undefined
  readonly pidFilePath: string | undefined
  /** The second socket, whose guests are trunks: the same mode at most, and never open to all. */
  readonly trunk: { readonly path: string; readonly groupName: string | undefined } | undefined
  /** Payload octets of the largest frame; undefined: as the tap says. */
  readonly mtuBytes: number | undefined
  readonly guestPorts: number
  readonly guestPortsPerUid: number
  readonly stationAgeSeconds: number
  /** What differs from the policy's defaults. */
  readonly policy: Partial<PolicySettings>
  readonly hashSeed: readonly [number, number]
}

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
  readonly plane: PlaneInheritance
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

/** How often, and after which pauses, a lost tap is opened again: 0.1 s, doubled each time, 6.3 s in all. */
const tapRetries = Schedule.exponential(Duration.millis(100)).pipe(Schedule.intersect(Schedule.recurs(6)))

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
    const uplink = yield* makeUplink(request)
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
      yield* noteTap(directory, tap, inherited?.tapSinceMs)
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

const noteTap = (directory: Directory.PortDirectory, tap: Tap, sinceMs?: number): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => Directory.noteTap(directory, tap.interfaceName, sinceMs ?? nowMs))

/** What the forwarding loop is told when it starts. */
export const settingsFor = (
  request: SwitchRequest,
  tap: Pick<Tap, "macAddress" | "mtuBytes"> | undefined
): SwitchSettings => {
  const mtuBytes = request.mtuBytes ?? Math.max(tap?.mtuBytes ?? 0, Bounds.mtuBytesDefault)
  return {
    secure: request.secure,
    prefix: request.prefix,
    tapMac: tap?.macAddress,
    tapMtuBytes: tap?.mtuBytes ?? Bounds.mtuBytesDefault,
    frameBytesMax: Math.min(mtuBytes + Bounds.frameOverheadBytes, Bounds.frameBytesMax),
    guestPorts: request.guestPorts,
    guestPortsPerUid: request.guestPortsPerUid,
    trunkPorts: request.trunk === undefined ? 0 : Bounds.trunkPorts,
    stationAgeSeconds: request.stationAgeSeconds,
    policy: request.policy,
    hashSeed: request.hashSeed
  }
}

/** A tap, and the bridge that it is in. */
export interface OpenUplink {
  readonly tap: Tap
  readonly membership: BridgeMembership | undefined
}

/** The tap with its address and its bridge: opened together, closed together, and opened anew when it was lost. */
interface Uplink {
  readonly name: string
  readonly open: Effect.Effect<OpenUplink | undefined, TapError | BridgeError, TapDevice | BridgeControl>
  readonly latest: () => OpenUplink | undefined
  readonly close: Effect.Effect<void>
}

/**
 * The uplink lives in a scope of its own that is replaced when the tap is; the program's scope closes whichever
 * is the latest, and does so after the forwarding loop, which was started later, has ended.
 */
const makeUplink = (request: SwitchRequest): Effect.Effect<Uplink, never, Scope.Scope> =>
  Effect.gen(function*() {
    let current: Scope.CloseableScope | undefined
    let latest: OpenUplink | undefined
    const close = Effect.suspend(() => {
      const scope = current
      current = undefined
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    })
    yield* Effect.addFinalizer(() => close)
    const open = Effect.gen(function*() {
      if (request.tapName === undefined) return undefined
      const scope = yield* Scope.make()
      current = scope
      latest = yield* openTap(request, request.tapName).pipe(Scope.extend(scope), Effect.onError(() => close))
      return latest
    })
    return { name: request.tapName ?? "", open, latest: () => latest, close }
  })

const openTap = (request: SwitchRequest, name: string) =>
  Effect.gen(function*() {
    const tap = yield* (yield* TapDevice).open({ name, offload: request.offload })
    if (request.prefix !== undefined) yield* tap.assign(request.prefix)
    yield* tap.bringUp
    const { ipv6 } = request.policy
    if (ipv6 !== undefined) yield* tap.assign6(ipv6)
    let membership: BridgeMembership | undefined
    if (request.bridgeName !== undefined) {
      membership = yield* (yield* BridgeControl).join({
        bridgeName: request.bridgeName,
        interfaceName: tap.interfaceName
      })
      yield* Effect.logInfo("tap joined a bridge").pipe(Effect.annotateLogs({ ...membership }))
    }
    yield* Effect.logInfo("tap opened").pipe(Effect.annotateLogs({
      tap: tap.interfaceName,
      mac: Mac.format(tap.macAddress),
      mtu: tap.mtuBytes,
      ...(request.prefix === undefined ? {} : { address: Prefixes.format(request.prefix) }),
      ...(ipv6 === undefined ? {} : { ipv6: Ipv6Prefixes.format(ipv6) })
    }))
    return { tap, membership }
  })

const supervise = (
  plane: RunningPlane,
  uplink: Uplink,
  directory: Directory.PortDirectory
): Effect.Effect<never, SwitchError, TapDevice | BridgeControl | PeerProcesses> =>
  Effect.gen(function*() {
    const processes = yield* PeerProcesses
    Directory.identify(directory, processes.find)
    const lines = LogBudget.make(budget.burst, budget.perSecond)
    const denials = yield* Denials.make(plane.counters, LogBudget.make(budget.burst, budget.perSecond))
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
          yield* report(lines, notice, directory)
        }
      }
    })
    // A lost tap may take seconds to come back; who comes and goes meanwhile is to be known at once.
    const repair = Effect.flatMap(Queue.take(losses), (errno) => regain(plane, uplink, directory, errno))
    return yield* Effect.forever(hear).pipe(
      Effect.raceFirst(Effect.forever(repair)),
      Effect.raceFirst(denials.follow),
      Effect.raceFirst(plane.ended)
    )
  })

const regain = (plane: RunningPlane, uplink: Uplink, directory: Directory.PortDirectory, errno: number) =>
  Effect.gen(function*() {
    yield* Effect.logError("the tap is lost; the switch has no host side until it is back").pipe(
      Effect.annotateLogs({ tap: uplink.name, errno })
    )
    yield* plane.detachTap
    const again = Effect.gen(function*() {
      yield* uplink.close
      const tap = (yield* uplink.open)?.tap
      if (tap !== undefined) {
        Directory.noteLink(directory, tap)
        yield* Effect.zipRight(plane.attachTap(tap), noteTap(directory, tap))
      }
      return tap
    }).pipe(Effect.tapError((error) => Effect.logWarning(error.message)))
    const tap = yield* Effect.retry(again, tapRetries)
    yield* Effect.logInfo("the tap is back").pipe(Effect.annotateLogs({ tap: tap?.interfaceName ?? "" }))
  })

/** Lines that one kind of event may log at once, and a second in the long run: a screen, and what one can read. */
const budget = { burst: 50, perSecond: 2 }

/** What is one line each. */
type Logged = Exclude<PlaneNotice, { kind: "tap-lost" | "denied" }>

const report = (lines: LogBudget.LogBudget, notice: Logged, { tap }: Directory.PortDirectory): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    const kind = notice.kind === "refused" ? `refused ${notice.refusal}` : notice.kind
    const suppressed = lines.ask(kind, nowMs)
    if (suppressed < 0) return Effect.void
    return describe(notice, tap.name).pipe(suppressed === 0 ? identity : Effect.annotateLogs({ suppressed }))
  })

const describe = (notice: Logged, tapName: string | undefined): Effect.Effect<void> => {
  switch (notice.kind) {
    case "opened":
      return Effect.logInfo("port opened").pipe(
        Effect.annotateLogs({
          port: notice.port,
          ...(notice.trunk ? { trunk: true } : {}),
          uid: notice.uid,
          pid: notice.pid
        })
      )
    case "closed":
      return Effect.logInfo("port closed").pipe(
        Effect.annotateLogs({ port: notice.port, receivedFrames: notice.received })
      )
    case "tap-changed":
      return Effect.logWarning("the tap's link has changed").pipe(
        Effect.annotateLogs({ tap: tapName, ...linkChanges(notice) })
      )
    case "refused":
      return Effect.logWarning("connection refused").pipe(Effect.annotateLogs({
        reason: refusalNames[notice.refusal],
        uid: notice.uid,
        pid: notice.pid,
        ...(notice.errno === 0 ? {} : { errno: notice.errno })
      }))
  }
}

/** What is another than before, and what it was. */
const linkChanges = ({ formerMac, formerMtuBytes, mac, mtuBytes }: Extract<PlaneNotice, { kind: "tap-changed" }>) => {
  const [former, now] = [formerMac === undefined ? "none" : Mac.format(formerMac), Mac.format(mac)]
  return {
    ...(former === now ? {} : { formerMac: former, mac: now }),
    ...(formerMtuBytes === mtuBytes ? {} : { formerMtu: formerMtuBytes, mtu: mtuBytes })
  }
}
