import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Addon, type AddonMissing } from "../adapters/native/Addon.ts"
import * as NativeBridgeControl from "../adapters/native/NativeBridgeControl.ts"
import * as NativeDataPlane from "../adapters/native/NativeDataPlane.ts"
import * as NativeGroupDatabase from "../adapters/native/NativeGroupDatabase.ts"
import * as NativePidFile from "../adapters/native/NativePidFile.ts"
import * as NativeSeqpacketListener from "../adapters/native/NativeSeqpacketListener.ts"
import * as NativeTapDevice from "../adapters/native/NativeTapDevice.ts"
import * as SocketpairTap from "../adapters/sim/SocketpairTap.ts"
import * as Switch from "../services/Switch.ts"
import { attachLines } from "./AttachLines.ts"
import type { Options } from "./Options.ts"

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

/** How the edge is told that the switch serves. */
export interface Announce {
  /** A connect succeeds from now on. Given what to print: the tap's name, or how to attach; undefined for nothing. */
  readonly ready: (text: string | undefined) => Effect.Effect<void>
}

const nativePorts = Layer.mergeAll(
  NativeTapDevice.layer,
  NativeBridgeControl.layer,
  NativeSeqpacketListener.layer,
  NativeGroupDatabase.layer,
  NativePidFile.layer,
  NativeDataPlane.layer
).pipe(Layer.provideMerge(Addon.layer))

/** Runs a switch until it is interrupted; everything it acquired is then released in reverse. */
export const runSwitch = (
  options: Options,
  announce: Announce
): Effect.Effect<never, Switch.SwitchError | AddonMissing | DirectoryError> =>
  Effect.gen(function*() {
    const seed = options.seed ?? randomBytes(4).readUInt32LE()
    const socketPath = options.socketPath ?? path.join(yield* privateDirectory, "vknet")
    const request = requestFor(options, socketPath, seed)
    const serve = Effect.gen(function*() {
      const running = yield* Switch.open(request)
      yield* announce.ready(
        options.simulate ? attachLines(socketPath, request.prefix, seed) : running.tap?.printedName
      )
      return yield* running.supervise
    })
    if (!options.simulate) return yield* serve
    const tap = SocketpairTap.layer({ seed, prefix: request.prefix })
    return yield* Effect.provide(serve, tap)
  }).pipe(Effect.scoped, Effect.provide(nativePorts))

const requestFor = (options: Options, socketPath: string, seed: number): Switch.SwitchRequest => {
  const secret = randomBytes(8)
  return {
    secure: options.secure,
    prefix: options.prefix,
    tapName: options.simulate ? "simulated" : options.tapName,
    bridgeName: options.bridgeName,
    socketPath,
    socketMode: options.socketMode,
    groupName: options.groupName,
    pidFilePath: options.pidFilePath,
    mtuBytes: options.mtuBytes,
    guestPorts: options.guestPorts,
    guestPortsPerUid: options.guestPortsPerUid,
    stationAgeSeconds: options.stationAgeSeconds,
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
