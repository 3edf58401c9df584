import { DescriptorTable } from "./DescriptorTable.ts"
import { errno, errnoName } from "./Errno.ts"
import { Faults } from "./Faults.ts"
import { History } from "./History.ts"
import * as Random from "./SeededRandom.ts"
import { allows, type Credentials, type RegularFile, SimFiles } from "./SimFiles.ts"
import { SimGuest } from "./SimGuest.ts"
import { SimHostEnd } from "./SimHostEnd.ts"
import { SimInterfaces } from "./SimInterfaces.ts"
import type { Connection, SimListener } from "./SimListener.ts"
import { type Received, sendBufferFor, SimSocket } from "./SimSocket.ts"
import { SimTap, type TapReceived } from "./SimTap.ts"

/** What a descriptor of the switch's process stands for. */
export type OpenFile =
  | { readonly kind: "listener"; readonly listener: SimListener }
  | { readonly kind: "socket"; readonly socket: SimSocket; readonly name: string }
  | { readonly kind: "tap"; readonly tap: SimTap }
  | { readonly kind: "pid file"; readonly file: RegularFile }

export interface SimKernelOptions {
  /** Of every chance that the kernel takes. */
  readonly seed?: number
  /** Lines of history kept; 0, the default, keeps none. */
  readonly historyLines?: number
  /** Descriptors that the switch's process may have, numbered from 0. */
  readonly descriptorLimit?: number
  /** Who the switch runs as; root unless said. */
  readonly credentials?: Credentials
  /** Pid of the switch. */
  readonly pid?: number
  /** Groups of the host; `vknet` is 85 unless said. */
  readonly groups?: Readonly<Record<string, number>>
  /** Payload octets that a tap made by opening it takes. */
  readonly tapMtuBytes?: number
}

/** A guest that connects: who it is, and where to. */
export interface ConnectRequest {
  readonly path: string
  readonly uid: number
  readonly gid: number
  readonly pid: number
  /** Further groups it is in. */
  readonly groups?: ReadonlyArray<number>
}

/**
 * A kernel in memory: what the adapters beside it are made of, and what a test drives.
 *
 * Synchronous; nothing in it waits and its clock stands still until `advance`. All that the world does is a
 * call on it (a guest connects, the host sends, an interface vanishes), so that one seed and the same
 * calls give one history. Functions that the switch would find behind a system call return the negated
 * errno when they fail, and ask `faults` first.
 */
export class SimKernel {
  readonly random: Random.SeededRandom
  readonly faults: Faults
  readonly history: History
  readonly files = new SimFiles()
  readonly interfaces = new SimInterfaces()
  readonly groups: Map<string, number>
  readonly descriptors: DescriptorTable<OpenFile>
  readonly credentials: Credentials
  readonly pid: number
  readonly #tapMtuBytes: number
  #nowMs = 0
  #guests = 0

  constructor(options: SimKernelOptions = {}) {
    this.random = Random.make(options.seed ?? 0)
    this.faults = new Faults(this.random)
    this.history = new History(options.historyLines ?? 0)
    this.groups = new Map(Object.entries(options.groups ?? { vknet: 85 }))
    this.descriptors = new DescriptorTable(options.descriptorLimit ?? 65_536)
    this.credentials = options.credentials ?? { uid: 0, gid: 0, groups: [] }
    this.pid = options.pid ?? 1000
    this.#tapMtuBytes = options.tapMtuBytes ?? 1500
  }

  /** Milliseconds of the monotonic clock. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Lets time pass. A negative number is none. */
  advance(ms: number): void {
    this.#nowMs += Math.max(0, ms)
  }

  /** Writes a line of history; the text is built only if somebody keeps it. */
  note(event: () => string): void {
    if (this.history.on) this.history.note(this.#nowMs, event())
  }

  // ---- The world ----

  /** A guest, or why it could not connect: `EACCES`, `ENOENT`, `ENOTDIR`, `ECONNREFUSED`, `EAGAIN`. */
  connect(request: ConnectRequest): SimGuest | string {
    const { gid, groups = [], path, pid, uid } = request
    const name = `guest${this.#guests + 1}`
    const reached = this.#reach(path, { uid, gid, groups })
    const socket = typeof reached === "number" ? reached : reached.connect({ uid, gid, pid, name })
    if (typeof socket === "number") {
      this.note(() => `connect by ${uid} refused ${errnoName(socket)}`)
      return errnoName(socket)
    }
    this.#guests++
    this.note(() => `${name} connected, uid ${uid}`)
    return new SimGuest(this, socket, name)
  }

  /** As `connect`, for tests in which it must succeed. */
  guest(request: ConnectRequest): SimGuest {
    const guest = this.connect(request)
    if (typeof guest === "string") throw new Error(`connect to ${request.path}: ${guest}`)
    return guest
  }

  /** The host's side of a tap that exists. */
  hostEnd(interfaceName: string): SimHostEnd {
    const tap = this.interfaces.tap(interfaceName)
    if (tap === undefined) throw new Error(`no tap ${interfaceName}`)
    return new SimHostEnd(this, tap)
  }

  /** Deletes a tap, whoever uses it. */
  vanish(tap: SimTap): void {
    // A tap that was deleted before, and made anew under its name, is another one.
    if (this.interfaces.tap(tap.interfaceName) === tap) this.interfaces.remove(tap.interfaceName)
    else tap.vanish()
    this.note(() => `${tap.interfaceName} gone`)
  }

  /** Kills the switch as kill -9 does: every descriptor is closed, and nothing else is cleared up. */
  crash(): void {
    this.note(() => "switch killed")
    for (const fd of this.descriptors.numbers()) this.close(fd)
  }

  // ---- What the switch's process asks of it ----

  /** A descriptor, or the negated errno; the thing is closed again if there is no number for it. */
  open(file: OpenFile): number {
    const fd = this.descriptors.add(file)
    if (fd < 0) this.#release(file)
    return fd
  }

  close(fd: number): void {
    const file = this.descriptors.remove(fd)
    if (file !== undefined) this.#release(file)
  }

  /** Opens a tap: its descriptor, or the negated errno. */
  openTap(request: string): number {
    const fault = this.faults.consult("tap-open")
    if (fault !== undefined) return -errno[fault]
    if (this.credentials.uid !== 0) return -errno.EPERM
    const tap = this.interfaces.open(request, this.#tapMtuBytes)
    if (typeof tap === "number") return tap
    this.note(() => `${tap.interfaceName} opened`)
    return this.open({ kind: "tap", tap })
  }

  /**
   * Accepts a connection: it and its descriptor; -EAGAIN when none waits. Without a descriptor to spare the connection
   * is closed and the errno still returned, as the native adapter does with one kept for that.
   */
  accept(listener: SimListener, sendBufferBytes: number): (Connection & { readonly fd: number }) | number {
    for (;;) {
      const connection = listener.accept()
      if (connection === undefined) return -errno.EAGAIN
      const fault = this.faults.consult("accept")
      if (fault === "ECONNABORTED") {
        connection.socket.abort()
        continue
      }
      const { name, socket } = connection
      socket.sendBufferBytes = sendBufferFor(sendBufferBytes)
      const fd = fault === undefined
        ? this.descriptors.add({ kind: "socket", socket, name })
        : -errno[fault]
      if (fd >= 0) return { ...connection, fd }
      socket.close()
      this.note(() => `accept of ${name} failed ${errnoName(-fd)}`)
      return fd
    }
  }

  /** Sends a packet: 0 or an errno. */
  sendPacket(socket: SimSocket, octets: Uint8Array): number {
    const fault = socket.otherGone ? undefined : this.faults.consult("socket-send")
    return fault === undefined ? socket.send(octets) : errno[fault]
  }

  /** Reads a packet; `cut` if it is to be taken for one longer than the limit. */
  receivePacket(socket: SimSocket): { readonly received: Received; readonly cut: boolean } {
    const fault = socket.waiting > 0 ? this.faults.consult("socket-receive") : undefined
    if (fault === "RESET") {
      this.note(() => "fault RESET")
      socket.loseOther()
    }
    return { received: socket.receive(), cut: fault === "CUT" }
  }

  /** Writes a frame to a tap: 0 or an errno. */
  writeTap(tap: SimTap, octets: Uint8Array): number {
    const fault = tap.gone ? undefined : this.faults.consult("tap-write")
    if (fault === "GONE") this.vanish(tap)
    return fault === undefined || fault === "GONE" ? tap.write(octets) : errno[fault]
  }

  /** Reads a frame from a tap, or the errno that says that the descriptor is of no more use. */
  readTap(tap: SimTap): { readonly received: TapReceived | number; readonly cut: boolean } {
    const fault = tap.gone || tap.waiting === 0 ? undefined : this.faults.consult("tap-read")
    if (fault === "EIO") return { received: errno.EIO, cut: false }
    if (fault === "GONE") this.vanish(tap)
    return { received: tap.read(), cut: fault === "CUT" }
  }

  #reach(path: string, who: Credentials): SimListener | number {
    const walked = this.files.walk(path, who)
    if (walked !== 0) return walked
    const node = this.files.get(path)
    if (node === undefined) return errno.ENOENT
    if (!allows(node, who, "write")) return errno.EACCES
    // Linux says this of anything that is not a socket, too; DragonFly says ENOTSOCK.
    if (node.kind !== "socket" || node.listener === undefined) return errno.ECONNREFUSED
    return node.listener
  }

  #release(file: OpenFile): void {
    switch (file.kind) {
      case "listener":
        file.listener.close()
        break
      case "socket":
        file.socket.close()
        break
      case "tap":
        this.interfaces.close(file.tap)
        this.note(() => `${file.tap.interfaceName} closed`)
        break
      case "pid file":
        file.file.lockedBy = undefined
        break
    }
  }
}
