import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Addon, type AddonMissing } from "../adapters/native/Addon.ts"
import type { ServeError } from "../adapters/native/HttpListener.ts"
import * as InheritedListener from "../adapters/native/InheritedListener.ts"
import * as NativeBridgeControl from "../adapters/native/NativeBridgeControl.ts"
import * as NativeDataPlane from "../adapters/native/NativeDataPlane.ts"
import * as NativeGroupDatabase from "../adapters/native/NativeGroupDatabase.ts"
import * as NativePeerProcesses from "../adapters/native/NativePeerProcesses.ts"
import * as NativePidFile from "../adapters/native/NativePidFile.ts"
import * as NativePrivileges from "../adapters/native/NativePrivileges.ts"
import * as NativeSeqpacketListener from "../adapters/native/NativeSeqpacketListener.ts"
import * as NativeTapDevice from "../adapters/native/NativeTapDevice.ts"
import * as SocketpairTap from "../adapters/sim/SocketpairTap.ts"
import { controlPath } from "../services/ControlPath.ts"
import * as Switch from "../services/Switch.ts"
import { attachLines } from "./AttachLines.ts"
import { type ControlledLog, openControl } from "./Control.ts"
import type { Options } from "./Options.ts"
import type { ValueError } from "./UsageError.ts"
import { readToken } from "./WebOptions.ts"

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
  /**
   * A connect succeeds from now on. Given what to print: the tap's name, or how to attach; undefined for nothing.
   * What it acquires is released first.
   */
  readonly ready: (text: string | undefined, running: Switch.RunningSwitch) => Effect.Effect<void, never, Scope.Scope>
  /** Descriptors of sockets that a service manager listens on; undefined: the switch makes its own. */
  readonly descriptors: ReadonlyArray<number> | undefined
  readonly log: ControlledLog
}

const nativePorts = Layer.mergeAll(
  NativeTapDevice.layer,
  NativeBridgeControl.layer,
  NativeGroupDatabase.layer,
  NativePeerProcesses.layer,
  NativePidFile.layer,
  NativeDataPlane.layer
).pipe(Layer.provideMerge(Addon.layer))

/** Runs a switch until it is interrupted; everything it acquired is then released in reverse. */
export const runSwitch = (
  options: Options,
  edge: Edge
): Effect.Effect<
  never,
  Switch.SwitchError | AddonMissing | DirectoryError | ServeError | NativePrivileges.PrivilegeError | ValueError
> =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const identity = options.user === undefined
      ? undefined
      : yield* NativePrivileges.identify(addon, options.user.name, options.user.group)
    const web = yield* webRequest(options)
    const seed = options.seed ?? randomBytes(4).readUInt32LE()
    const found = edge.descriptors === undefined || options.socketPathGiven
      ? undefined
      : InheritedListener.pathOf(addon, edge.descriptors)
    const socketPath = found ?? options.socketPath ?? path.join(yield* privateDirectory, "vknet")
    const request = requestFor(options, socketPath, seed, edge.descriptors !== undefined)
    const serve = Effect.gen(function*() {
      const running = yield* Switch.open(request)
      yield* openControl(running, edge.log, { metrics: options.metrics, web })
      if (identity !== undefined) {
        yield* NativePrivileges.drop(addon, identity, options.keepNetAdmin)
        yield* Effect.logInfo("privileges given up").pipe(
          Effect.annotateLogs({ uid: identity.uid, gid: identity.gid, keptNetAdmin: options.keepNetAdmin })
        )
        yield* tellOfLimits({ ...request, socketPath: running.socketPath }, options, edge.descriptors === undefined)
      }
      yield* edge.ready(
        options.simulate
          ? attachLines(socketPath, request.prefix, request.policy.ipv6, seed)
          : running.tap?.printedName,
        running
      )
      return yield* running.supervise
    })
    const listener = edge.descriptors === undefined
      ? NativeSeqpacketListener.layer
      : InheritedListener.layer(edge.descriptors, options.socketPathGiven, options.trunkPath)
    const simulatedTap = SocketpairTap.layer({ seed, prefix: request.prefix, ipv6: request.policy.ipv6 })
    if (!options.simulate) return yield* Effect.provide(serve, listener)
    return yield* Effect.provide(serve, Layer.merge(listener, simulatedTap))
  }).pipe(Effect.scoped, Effect.provide(nativePorts))

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
const tellOfLimits = (request: Switch.SwitchRequest, options: Options, socketIsOurs: boolean): Effect.Effect<void> => {
  const writable = (path: string): boolean => {
    try {
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK)
      return true
    } catch {
      return false
    }
  }
  const files = [
    ...(socketIsOurs ? [request.socketPath] : []),
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
  return Effect.all(warnings, { discard: true })
}

const requestFor = (
  options: Options,
  socketPath: string,
  seed: number,
  inherited: boolean
): Switch.SwitchRequest => {
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
