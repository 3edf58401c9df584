import { createRequire } from "node:module"
import * as os from "node:os"

/** What `openTap` tells of a tap. */
export interface NativeTap {
  readonly fd: number
  readonly interfaceName: string
  readonly printedName: string
  /** Six octets. */
  readonly mac: Uint8Array
  readonly mtu: number
}

/** What `listen` tells of a socket: `device` and `inode` identify its file for `unlinkSocket`. */
export interface NativeListener {
  readonly fd: number
  readonly device: bigint
  readonly inode: bigint
}

/**
 * One exchange of the addon: the data plane's poller, its ports and the arrays it shares with JavaScript.
 * To be used from the thread that made it. See `FrameExchange` for what each call promises.
 */
export interface NativeExchange {
  /** Frames received. `timeoutMs` is a whole number, -1 for ever. Fills the arrays given to `openExchange`. */
  readonly step: (planCount: number, timeoutMs: number) => number
  /** The first half of a step. */
  readonly send: (planCount: number) => void
  /** Whether to read from the tap only what is left of what was read before; true if there is any. */
  readonly restTap: (on: boolean) => boolean
  /** Waits for a wake and for nothing else. */
  readonly park: (timeoutMs: number) => void
  /** The descriptor of a port, or -1. */
  readonly descriptor: (port: number) => number
  /** Accepts from this listener at an entrance that has none. 0, or the errno itself; so do `admit` and `attachTap`. */
  readonly listen: (entrance: number, fd: number) => number
  readonly admit: (fd: number, port: number) => number
  readonly refuse: (fd: number) => void
  /** What is known of it are `hi` and `lo` of its address, and its MTU. */
  readonly attachTap: (fd: number, ...known: readonly [] | readonly [number, number, number]) => number
  readonly detachTap: () => void
  readonly close: (port: number) => void
  readonly pause: (port: number) => void
  readonly resume: (port: number) => void
  readonly restListeners: () => void
  readonly shutdown: () => void
}

/** The arrays an exchange works on. All are kept alive by it and must not be detached. */
export interface NativeArrays {
  readonly bytes: Uint8Array<ArrayBufferLike>
  readonly size: Uint16Array<ArrayBufferLike>
  readonly port: Uint16Array<ArrayBufferLike>
  readonly planSlot: Uint16Array<ArrayBufferLike>
  readonly planEgress: Uint16Array<ArrayBufferLike>
  readonly planOutcome: Uint8Array<ArrayBufferLike>
  /** Rows of six, see `ExchangeEvents`. */
  readonly events: Int32Array<ArrayBufferLike>
  /** Out, after each step: [0] rows in `events`, [1] plan entries not taken. */
  readonly state: Int32Array<ArrayBufferLike>
  /** Out, after each step: [0] milliseconds of a monotonic clock. */
  readonly clock: Float64Array<ArrayBufferLike>
}

/**
 * What the addon exports. Numbers returned are ≥ 0; a failure is the negated errno. Functions that
 * return an object return that negative number instead when they fail. Arguments are
 * checked here in TypeScript by their types; the addon asserts them.
 */
export interface Binding {
  /** The errno symbol of a positive number, e.g. `EBUSY`. */
  readonly errnoName: (errno: number) => string
  /** With `offload` the host's kernel leaves the cutting of TCP segments and checksums to the exchange, if it can. */
  readonly openTap: (request: string, offload: boolean) => NativeTap | number
  /** What a tap is that somebody else opened; its descriptor is not to be inherited from now on. Linux. */
  readonly adoptTap: (fd: number) => NativeTap | number
  /**
   * Address and mask are unsigned 32-bit, first octet highest. 1 assigned, 0 it had it. With other bits it is replaced;
   * of an interface that others give addresses, too, it is had.
   */
  readonly assignAddress: (interfaceName: string, address: number, mask: number, shared: boolean) => number
  /** Sixteen octets; 1 … 128 bits. */
  readonly assignAddress6: (interfaceName: string, address: Uint8Array, bits: number, shared: boolean) => number
  readonly unassignAddress: (interfaceName: string, address: number, mask: number) => number
  readonly unassignAddress6: (interfaceName: string, address: Uint8Array, bits: number) => number
  readonly bringUp: (interfaceName: string) => number
  readonly bridgeCreate: (bridge: string) => number
  readonly bridgeAdd: (bridge: string, member: string) => number
  readonly bridgeRemove: (bridge: string, member: string) => number
  readonly bridgeMemberCount: (bridge: string) => number
  readonly bridgeDestroy: (bridge: string) => number
  /** Whether what arrives at a member is the bridge's: 1 or 0. */
  readonly bridgeHasAddresses: () => number
  readonly probeSocket: (path: string) => number
  readonly listen: (path: string, gid: number, mode: number, backlog: number) => NativeListener | number
  /** The same for a socket of octets instead of packets. */
  readonly listenStream: (path: string, gid: number, mode: number, backlog: number) => NativeListener | number
  readonly unlinkSocket: (path: string, device: bigint, inode: bigint) => number
  readonly connect: (path: string) => number
  /** Two descriptors, or the negated errno. */
  readonly socketPair: (sendBufferBytes: number) => readonly [number, number] | number
  /** A descriptor; or `[negated errno, pid of the holder or 0]`. */
  readonly holdPidFile: (path: string, pid: number) => number | readonly [number, number]
  readonly probePidFile: (path: string) => number | readonly [number, number]
  readonly groupGid: (name: string) => number
  readonly closeFd: (fd: number) => void
  /** `[polled end, written end]`, the same descriptor where that suffices. */
  readonly openWake: () => readonly [number, number] | number
  readonly signalWake: (fd: number) => number
  /** Sends one packet on a connected socket without waiting: octets sent, or the negated errno. */
  readonly sendPacket: (fd: number, octets: Uint8Array) => number
  /**
   * `listener`, `trunkListener` and `wake` may be -1 for none.
   * `sendBufferBytes` is given to each accepted connection.
   */
  readonly openExchange: (
    arrays: NativeArrays,
    options: {
      readonly slotBytes: number
      readonly frameBytesMax: number
      readonly batchFrames: number
      /** Ports 0 … portCount - 1. */
      readonly portCount: number
      readonly listener: number
      readonly trunkListener: number
      readonly wake: number
      readonly sendBufferBytes: number
    }
  ) => NativeExchange
  /**
   * One datagram to a Unix socket; a name that begins with `@` is Linux's, outside the file system. Another descriptor
   * of the open file `along` goes with it.
   */
  readonly sendDatagram: (path: string, text: string, waitMs: number, along?: number) => number
  /** Waits until a service manager has dealt with all that it was told: 1 if it has in time, 0 if not. */
  readonly notifyBarrier: (path: string, waitMs: number) => number
  /** Takes over a connection that somebody else accepted: `[uid, pid]` of its other end. */
  readonly adoptConnection: (fd: number) => readonly [number, number] | number
  /** Ends a connection, whoever else has it open, and closes the descriptor. */
  readonly endConnection: (fd: number) => void
  /** Takes over a listening descriptor that somebody else made; `mode` are its node's permission bits. */
  readonly inheritListener: (fd: number) => { readonly path: string; readonly mode: number } | number
  readonly sameNode: (path: string, other: string) => boolean
  /** The user's id and the id of its group; or the negated errno. */
  readonly userIds: (name: string) => readonly [number, number] | number
  /** From now on nothing gains a right by execve(2), in any thread. */
  readonly sealPrivileges: () => number
  /** Becomes this user, with this group and no other, in all threads. */
  readonly becomeUser: (uid: number, gid: number) => number
  /** Before a change of user: this thread keeps what it is permitted. */
  readonly holdCapabilities: () => number
  /** After it: of that only the right to configure networks remains. */
  readonly reduceCapabilities: () => number
  /** Who is at the other end of a connected Unix socket: `[uid, 1 if of the group, else 0]`; or the negated errno. */
  readonly peerCredentials: (fd: number, gid: number) => readonly [number, number] | number
  /** Another descriptor of the same open file. */
  readonly duplicateFd: (fd: number) => number
  /** Octets sent on a stream socket, the descriptors with the first; -EAGAIN if there is no room within `waitMs`. */
  readonly handoverSend: (
    fd: number,
    octets: Uint8Array,
    descriptors: ReadonlyArray<number>,
    waitMs: number
  ) => number
  /** What came within `waitMs`; `size` is 0 at the end. */
  readonly handoverReceive: (
    fd: number,
    into: Uint8Array,
    waitMs: number
  ) => { readonly size: number; readonly descriptors: ReadonlyArray<number> } | number
  /** Writes another number into a pid file that is held. */
  readonly rewritePidFile: (fd: number, pid: number) => number
  /** The name of a user, or undefined. */
  readonly userName: (uid: number) => string | undefined
}

/** The addon that a package brings along for this kind of machine, if it does. */
const prebuilt = `prebuilds/${os.type().toLowerCase()}-${process.arch}/vknetd.node`

/** Where the addon may lie, seen from the bundle in `dist/` and from this file. What was built here fits best. */
const candidates = [
  "../build/Release/vknetd.node",
  "../../../build/Release/vknetd.node",
  `../${prebuilt}`,
  `../../../${prebuilt}`
]

/** Loads the addon. Throws an `Error` whose message is one line that says what to do. */
export const load = (): Binding => {
  const require = createRequire(import.meta.url)
  for (const candidate of candidates) {
    let path: string
    try {
      path = require.resolve(candidate)
    } catch {
      continue
    }
    return require(path) as Binding
  }
  throw new Error("the native addon is not built (run: npm run build)")
}
