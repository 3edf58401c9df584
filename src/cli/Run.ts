import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Addon, type AddonMissing } from "../adapters/native/Addon.ts"
import type { ServeError } from "../adapters/native/HttpListener.ts"
import * as InheritedListener from "../adapters/native/InheritedListener.ts"
import * as NativePorts from "../adapters/native/NativePorts.ts"
import * as NativePrivileges from "../adapters/native/NativePrivileges.ts"
import * as NativeTapDevice from "../adapters/native/NativeTapDevice.ts"
import * as SocketpairTap from "../adapters/sim/SocketpairTap.ts"
import type { WebRequest } from "../adapters/web/WebServer.ts"
import { controlPath } from "../services/ControlPath.ts"
import { follow } from "../services/DescriptorStore.ts"
import { Ownership } from "../services/Ownership.ts"
import * as Switch from "../services/Switch.ts"
import type { ControlEnds } from "../services/HandoverSource.ts"
import type { SwitchRequest } from "../services/SwitchRequest.ts"
import type { TakeoverError } from "../services/Takeover.ts"
import { TapDevice } from "../services/TapDevice.ts"
import { attachLines } from "./AttachLines.ts"
import { type ControlledLog, openControl } from "./Control.ts"
import type { Options } from "./Options.ts"
import type { ServiceNotifier } from "./ServiceNotifier.ts"
import type { HandedOver } from "./SocketActivation.ts"
import { adopt, tapNameFor } from "./StoredSwitch.ts"
import type { TakenSwitch } from "./TakeoverRun.ts"
import type { ValueError } from "./UsageError.ts"
import { readToken } from "./WebOptions.ts"
import * as YoungGeneration from "./YoungGeneration.ts"

export { runMonitor } from "./Monitor.ts"

/** The private directory of a simulation could not be made. */
export class DirectoryError extends Data.TaggedError("DirectoryError")<{
  readonly path: string
  readonly code: string
}> {
  override get message(): string {
    return `cannot make a directory in ${this.path}: ${this.code} (set TMPDIR, or name a socket with -p)`
  }
}

/** What the edge has to do with a switch. */
export interface Edge {
  /** The switch serves from now on, until the scope ends. What it acquires is released first. */
  readonly serves: (running: Switch.RunningSwitch) => Effect.Effect<void, never, Scope.Scope>
  /** Says so. Given what to print: the tap's name, or how to attach; undefined for nothing. */
  readonly announce: (text: string | undefined) => void
  /** The switch is this process's again, after another had begun to serve and died. */
  readonly regained: (running: Switch.RunningSwitch) => void
  /** What a service manager has handed over. Without sockets the switch makes its own. */
  readonly handedOver: HandedOver
  readonly notifier: ServiceNotifier
  /** Held from the beginning by whoever does not take over. */
  readonly ownership: { held: boolean }
  readonly log: ControlledLog
}

type RunError =
  | Switch.SwitchError
  | AddonMissing
  | DirectoryError
  | ServeError
  | NativePrivileges.PrivilegeError
  | TakeoverError
  | ValueError

/** Runs a switch until it is interrupted, or another process has it; what it acquired is then released in reverse. */
export const runSwitch = (options: Options, edge: Edge): Effect.Effect<void, RunError> =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const identity = options.user === undefined
      ? undefined
      : yield* NativePrivileges.identify(addon, options.user.name, options.user.group)
    const web = yield* webRequest(options)
    const seed = options.seed ?? randomBytes(4).readUInt32LE()
    const { sockets, stored } = edge.handedOver
    const found = sockets === undefined || options.socketPathGiven
      ? undefined
      : InheritedListener.pathOf(addon, sockets)
    const socketPath = found ?? options.socketPath ?? path.join(yield* privateDirectory, "vknet")
    const request = requestFor(options, socketPath, seed, sockets !== undefined)
    const attach = options.simulate && request.prefix !== undefined
      ? attachLines(socketPath, request.prefix, request.policy.ipv6, seed)
      : undefined
    const service = { options, edge, request, identity, attach, web }
    if (options.takeover) {
      const trusted = [0, process.geteuid?.() ?? 0, ...(identity === undefined ? [] : [identity.uid])]
      const { takeOver } = yield* Effect.promise(() => import("./TakeoverRun.ts"))
      const taken = yield* takeOver(addon, request, trusted)
      const { inheritance, ports } = taken
      return yield* Effect.provide(serve({ ...service, taken, inheritance }), ports)
    }
    const { inheritance, tap } = yield* adopt(addon, stored, request, edge.notifier.store())
    const serving = serve({ ...service, taken: undefined, inheritance })
    const running = sockets === undefined
      ? serving
      : Effect.provide(serving, InheritedListener.layer(sockets, options.socketPathGiven, options.trunkPath))
    const { policy: { ipv6 }, prefix } = request
    if (options.simulate) return yield* Effect.provide(running, SocketpairTap.layer({ seed, prefix, ipv6 }))
    if (tap === undefined) return yield* running
    return yield* Effect.provideService(running, TapDevice, NativeTapDevice.make(addon, tap))
  }).pipe(
    Effect.scoped,
    Effect.provide(NativePorts.layer),
    Effect.provideService(Ownership, edge.ownership)
  )

/** What serving one switch needs to know. */
interface Service {
  readonly options: Options
  readonly edge: Edge
  readonly request: SwitchRequest
  readonly identity: NativePrivileges.Identity | undefined
  /** What to print instead of the tap's name. */
  readonly attach: string | undefined
  readonly web: WebRequest | undefined
  readonly taken: TakenSwitch | undefined
  /** What to go on with: the taken switch's, or what was kept. */
  readonly inheritance: Switch.Inheritance | undefined
}

const serve = ({ attach, edge, identity, inheritance, options, request, taken, web }: Service) =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const running = yield* Switch.open(request, inheritance)
    if (taken !== undefined) yield* taken.claim
    if (inheritance !== undefined) yield* running.plane.resume
    const startedMs = taken?.startedMs ?? Date.now()
    const overTcp = { metrics: options.metrics, web }
    const service = yield* openControl(running, edge.log, overTcp, startedMs, taken?.ends ?? noEnds)
    if (identity !== undefined) {
      yield* NativePrivileges.drop(addon, identity, options.keepNetAdmin)
      yield* Effect.logInfo("privileges given up").pipe(
        Effect.annotateLogs({ uid: identity.uid, gid: identity.gid, keptNetAdmin: options.keepNetAdmin })
      )
      yield* tellOfLimits({ ...request, socketPath: running.socketPath }, options, running.belongings())
    }
    YoungGeneration.keepSmall()
    const text = attach ?? running.tap?.printedName
    if (taken === undefined) {
      yield* edge.serves(running)
      edge.announce(text)
    } else yield* confirm(edge, taken, running, text)
    // What few switches will do is loaded when the guests are served.
    const { handOverWhenAsked } = yield* Effect.promise(() => import("./HandoverRun.ts"))
    return yield* running.supervise.pipe(
      Effect.raceFirst(handOverWhenAsked({ edge, options, running, service, startedMs })),
      Effect.raceFirst(options.simulate ? Effect.never : keepOpen(edge, running))
    )
  })

/**
 * Has the service manager keep what guests would miss after a crash. An orderly end leaves it the connections, for a
 * restart, and not the tap.
 */
const keepOpen = ({ notifier, ownership }: Edge, running: Switch.RunningSwitch): Effect.Effect<never> =>
  Effect.suspend(() => {
    const store = notifier.store()
    if (store === undefined) return Effect.never
    const tapName = tapNameFor(running.request)
    return Effect.ensuring(
      follow(running, store, tapName),
      Effect.sync(() => {
        if (!ownership.held) return
        store.drop(tapName)
        store.settle()
      })
    )
  })

/**
 * The old process has the service manager's attention until it names this one. A manager does not watch over what is
 * another process's child: so whoever waits for this copy is let go before.
 */
const confirm = (edge: Edge, taken: TakenSwitch, running: Switch.RunningSwitch, text: string | undefined) =>
  Effect.gen(function*() {
    const starter = process.ppid
    const isManaged = taken.notifySocket !== undefined
    edge.notifier.inherit(taken.notifySocket, taken.descriptorStoreMax)
    if (isManaged) {
      edge.announce(text)
      yield* Effect.sleep(10).pipe(Effect.repeat({ while: () => process.ppid === starter, times: 100 }))
    }
    yield* taken.confirm
    yield* edge.serves(running)
    if (!isManaged) edge.announce(text)
  })

const noEnds: ControlEnds = { control: undefined, metrics: undefined, web: undefined }

/** The page as it is asked for, with the token that its file holds. */
const webRequest = ({ web }: Options) =>
  Effect.gen(function*() {
    if (web === undefined) return undefined
    const { address, isLoopback, tokenPath } = web
    return { address, isLoopback, token: tokenPath === undefined ? undefined : yield* readToken(tokenPath) }
  })

/** Where taps come from on Linux, tuntap(4). */
const tunDevice = "/dev/net/tun"

/** Says it now, while somebody looks: what the user that we have become will not be able to do. */
const tellOfLimits = (
  request: SwitchRequest,
  options: Options,
  { listener, uplink }: Switch.Belongings
): Effect.Effect<void> => {
  const writable = (path: string): boolean => {
    try {
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK)
      return true
    } catch {
      return false
    }
  }
  const files = [
    ...(listener.node === undefined ? [] : [request.socketPath]),
    controlPath(request.socketPath),
    ...(request.trunk === undefined ? [] : [request.trunk.path]),
    ...(request.pidFilePath ? [request.pidFilePath] : [])
  ]
  const warnings = files.filter((file) => !writable(path.dirname(file))).map((file) =>
    Effect.logWarning("a file will stay behind: its directory is not this user's to write to").pipe(
      Effect.annotateLogs({ file })
    )
  )
  if (options.keepNetAdmin && request.tapName !== undefined && !options.simulate && !writable(tunDevice)) {
    warnings.push(
      Effect.logWarning("a lost tap cannot be opened again: its device is not this user's to open").pipe(
        Effect.annotateLogs({ device: tunDevice })
      )
    )
  }
  const membership = uplink?.membership
  const isChanged = membership?.created === true || membership?.assigned === true || membership?.assigned6 === true
  if (!options.keepNetAdmin && isChanged) {
    warnings.push(
      Effect.logWarning("the bridge will stay as it is: to take anything back is not this user's").pipe(
        Effect.annotateLogs({ bridge: membership.bridgeName })
      )
    )
  }
  return Effect.all(warnings, { discard: true })
}

const requestFor = (
  options: Options,
  socketPath: string,
  seed: number,
  inherited: boolean
): SwitchRequest => {
  const secret = randomBytes(8)
  return {
    secure: options.secure,
    prefix: options.prefix,
    tapName: options.simulate ? "simulated" : options.tapName,
    offload: options.offload,
    bridgeName: options.bridgeName,
    socketPath,
    socketMode: options.socketMode,
    // Whose the socket is was decided by who made it.
    groupName: inherited ? undefined : options.groupName,
    trunk: options.trunkPath === undefined ? undefined : { path: options.trunkPath, groupName: options.groupName },
    pidFilePath: options.pidFilePath,
    mtuBytes: options.mtuBytes,
    guestPorts: options.guestPorts,
    guestPortsPerUid: options.guestPortsPerUid,
    stationAgeSeconds: options.stationAgeSeconds,
    policy: options.policy,
    // A simulation that was given a seed is to run the same way twice.
    hashSeed: options.seed === undefined
      ? [secret.readInt32LE(0), secret.readInt32LE(4)]
      : [seed, seed]
  }
}

/** A directory that nobody else can enter; removed, with what is in it, when the scope ends. */
const privateDirectory: Effect.Effect<string, DirectoryError, Scope.Scope> = Effect.acquireRelease(
  Effect.try({
    try: () => fs.mkdtempSync(path.join(os.tmpdir(), "vknetd-")),
    catch: (cause) =>
      new DirectoryError({ path: os.tmpdir(), code: (cause as NodeJS.ErrnoException).code ?? "UNKNOWN" })
  }),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)
