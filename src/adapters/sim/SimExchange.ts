import { Bounds, TAP_PORT } from "../../domain/Bounds.ts"
import * as Batch from "../../domain/FrameBatch.ts"
import * as Mac from "../../domain/MacAddress.ts"
import * as Plan from "../../domain/SendPlan.ts"
import type { ExchangeEvents, HandoverExchange, TapLink } from "../../services/FrameExchange.ts"
import { Entrance, EVENT_WIDTH, EventField, EventKind } from "../../services/FrameExchange.ts"
import { errno } from "./Errno.ts"
import type { SimKernel } from "./SimKernel.ts"
import type { SimListener } from "./SimListener.ts"
import type { SimSocket } from "./SimSocket.ts"
import type { SimTap } from "./SimTap.ts"

export interface SimExchangeOptions {
  /** Ports 0 … portCount - 1. */
  readonly portCount: number
  readonly frameBytesMax: number
  /** Of a listener, or -1 for none. */
  readonly listener: number
  /** The same, for trunks; none when left out. */
  readonly trunkListener?: number
  /** Asked for each accepted connection; `Bounds.sendBufferBytes` unless said. */
  readonly sendBufferBytes?: number
}

interface Attached {
  readonly port: number
  /** -1 for the tap, whose descriptor is not ours. */
  readonly fd: number
  readonly end: { readonly kind: "socket"; readonly socket: SimSocket } | { readonly kind: "tap"; readonly tap: SimTap }
  /** As the history calls it. */
  readonly name: string
  paused: boolean
  /** It has refused a frame for lack of room, and `Writable` has not been told since. */
  refused: boolean
  /** `Hangup` has been told. */
  ended: boolean
  /** Descriptors that came along and have not been told. */
  rights: number
}

/** As long as the addon's listeners rest. */
const LISTENER_REST_MS = 100

/** How one port has fared in the plan being sent. */
const Fate = { Open: 0, Full: 1, Gone: 2 } as const

/**
 * The exchange of a simulated kernel. It never waits: a step with nothing to tell returns at once, and whoever
 * drives the simulation looks at `waits` and decides how much time passes before the next.
 */
export class SimExchange implements HandoverExchange {
  readonly batch: Batch.FrameBatch
  readonly plan: Plan.SendPlan
  readonly events: ExchangeEvents = {
    rows: new Int32Array(Bounds.exchangeEvents * EVENT_WIDTH),
    count: 0
  }
  readonly #kernel: SimKernel
  readonly #listeners: ReadonlyArray<readonly [entrance: number, listener: SimListener]>
  readonly #sendBufferBytes: number
  readonly #portCount: number
  readonly #attached = new Map<number, Attached>()
  /** Accepted connections that were neither admitted nor refused, by descriptor. */
  readonly #undecided = new Map<number, { readonly socket: SimSocket; readonly name: string }>()
  readonly #fate: Uint8Array
  #nowMs: number
  #woken = false
  #waits = 0
  #askedMs = 0
  #acceptsFromMs = -Infinity
  /** Port that was read last: the next step begins behind it. */
  #lastRead = -1
  /** What the tap was last known by. */
  #link: TapLink | undefined
  /** What its bridge was last known by. */
  #bridgeMac: Mac.MacAddress | undefined

  constructor(kernel: SimKernel, options: SimExchangeOptions) {
    this.batch = Batch.make(options.frameBytesMax)
    this.plan = Plan.make(options.portCount)
    const entrances = [[Entrance.Guests, options.listener], [Entrance.Trunks, options.trunkListener ?? -1]] as const
    this.#listeners = entrances.flatMap(([entrance, fd]) => {
      const listening = kernel.descriptors.get(fd)
      return listening?.kind === "listener" ? [[entrance, listening.listener] as const] : []
    })
    this.#kernel = kernel
    this.#portCount = options.portCount
    this.#sendBufferBytes = options.sendBufferBytes ?? Bounds.sendBufferBytes
    this.#fate = new Uint8Array(options.portCount)
    this.#nowMs = kernel.nowMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Steps that would have waited, had there been a real clock. */
  get waits(): number {
    return this.#waits
  }

  /** How long the last of `waits` would have waited at most: milliseconds, or -1 for ever. */
  get askedMs(): number {
    return this.#askedMs
  }

  /** Makes the next step tell `Wake`, as another thread does. */
  wake(): void {
    this.#woken = true
  }

  step(timeoutMs: number): void {
    this.events.count = 0
    this.batch.count = 0
    this.#send()
    this.#nowMs = this.#kernel.nowMs
    if (this.plan.failed > 0) return
    if (this.#woken && this.#tell(EventKind.Wake, 0, 0)) this.#woken = false
    this.#tellLink()
    for (const port of this.#attached.values()) {
      if (port.refused && isWritable(port) && this.#tell(EventKind.Writable, port.port, 0)) port.refused = false
    }
    this.#receive()
    if (this.#nowMs >= this.#acceptsFromMs) {
      for (const [entrance, listener] of this.#listeners) this.#accept(entrance, listener)
    }
    if (this.batch.count === 0 && this.events.count === 0 && timeoutMs !== 0) {
      this.#waits++
      this.#askedMs = timeoutMs
    }
  }

  send(): void {
    this.events.count = 0
    this.batch.count = 0
    this.#send()
    this.#nowMs = this.#kernel.nowMs
  }

  restTap(): boolean {
    return false
  }

  handleOf(port: number): number {
    return this.#attached.get(port)?.fd ?? -1
  }

  admit(handle: number, port: number): number {
    const connection = this.#undecided.get(handle) ?? this.#accepted(handle)
    if (connection === undefined) return errno.EBADF
    this.#undecided.delete(handle)
    const { name, socket } = connection
    const isPort = port > TAP_PORT && port < this.#portCount
    if (!isPort || this.#attached.has(port)) {
      this.#kernel.close(handle)
      this.#kernel.note(() => `${name} not admitted`)
      return isPort ? errno.EBUSY : errno.EINVAL
    }
    this.#attach(port, handle, name, { kind: "socket", socket })
    this.#kernel.note(() => `${name} is port ${port}`)
    return 0
  }

  /** A connection that another exchange accepted. */
  #accepted(handle: number): { readonly socket: SimSocket; readonly name: string } | undefined {
    const file = this.#kernel.descriptors.get(handle)
    return file?.kind === "socket" ? { socket: file.socket, name: `handle ${handle}` } : undefined
  }

  refuse(handle: number): void {
    const connection = this.#undecided.get(handle)
    if (connection === undefined) return
    this.#undecided.delete(handle)
    this.#kernel.close(handle)
    this.#kernel.note(() => `${connection.name} refused`)
  }

  attachTap(handle: number, known?: TapLink): number {
    const file = this.#kernel.descriptors.get(handle)
    if (file === undefined) return errno.EBADF
    if (file.kind !== "tap") return errno.EINVAL
    if (this.#attached.has(TAP_PORT)) return errno.EBUSY
    this.#attach(TAP_PORT, -1, file.tap.interfaceName, { kind: "tap", tap: file.tap })
    this.#link = known ?? linkOf(file.tap)
    this.#bridgeMac = known === undefined ? bridgeMacOf(file.tap) : undefined
    return 0
  }

  detachTap(): void {
    this.#attached.delete(TAP_PORT)
  }

  close(port: number): void {
    const attached = this.#attached.get(port)
    if (attached === undefined || port === TAP_PORT) return
    this.#attached.delete(port)
    this.#kernel.close(attached.fd)
    this.#kernel.note(() => `port ${port} closed`)
  }

  pause(port: number): void {
    const attached = this.#attached.get(port)
    if (attached !== undefined) attached.paused = true
  }

  resume(port: number): void {
    const attached = this.#attached.get(port)
    if (attached !== undefined) attached.paused = false
  }

  restListeners(): void {
    this.#acceptsFromMs = this.#kernel.nowMs + LISTENER_REST_MS
  }

  shutdown(): void {
    for (const handle of [...this.#undecided.keys()]) this.refuse(handle)
    for (const port of [...this.#attached.keys()]) this.close(port)
    this.detachTap()
  }

  #attach(port: number, fd: number, name: string, end: Attached["end"]): void {
    this.#attached.set(port, { port, fd, name, end, paused: false, refused: false, ended: false, rights: 0 })
  }

  /** Writes an event; false if there is no room, so that it has to be told in a later step. */
  #tell(kind: number, port: number, detail: number, uid = 0, gid = 0, pid = 0): boolean {
    if (this.events.count >= Bounds.exchangeEvents) return false
    const row = this.events.rows.subarray(this.events.count++ * EVENT_WIDTH)
    row[EventField.kind] = kind
    row[EventField.port] = port
    row[EventField.detail] = detail
    row[EventField.uid] = uid
    row[EventField.gid] = gid
    row[EventField.pid] = pid
    return true
  }

  #tellLink(): void {
    const end = this.#attached.get(TAP_PORT)?.end
    if (end?.kind !== "tap" || end.tap.gone) return
    const link = linkOf(end.tap)
    const { mac, mtuBytes } = link
    const isSame = mtuBytes === this.#link?.mtuBytes && areEqual(mac, this.#link.mac)
    if (!isSame && this.#tell(EventKind.TapChanged, TAP_PORT, mtuBytes, mac.hi, mac.lo)) this.#link = link
    const bridgeMac = bridgeMacOf(end.tap)
    if (areEqual(bridgeMac, this.#bridgeMac)) return
    if (this.#tell(EventKind.BridgeChanged, TAP_PORT, 0, bridgeMac?.hi, bridgeMac?.lo)) this.#bridgeMac = bridgeMac
  }

  #send(): void {
    const { plan } = this
    plan.failed = 0
    this.#fate.fill(Fate.Open)
    for (let i = 0; i < plan.count; i++) {
      const result = this.#sendOne(plan.egress[i]!, plan.slot[i]!)
      plan.outcome[i] = result
      if (result !== 0) plan.failed++
    }
  }

  #sendOne(port: number, slot: number): number {
    const size = this.batch.size[slot]
    // An empty packet would look like an end of file, and a cut frame is not the frame.
    if (port >= this.#portCount || size === undefined || size === 0) return errno.EINVAL
    if (size > this.batch.frameBytesMax) return errno.EMSGSIZE
    const attached = this.#attached.get(port)
    if (attached === undefined || attached.ended || this.#fate[port] === Fate.Gone) return errno.EPIPE
    if (this.#fate[port] === Fate.Full) return errno.EAGAIN
    const octets = Batch.frame(this.batch, slot)
    const { end } = attached
    const result = end.kind === "socket"
      ? this.#kernel.sendPacket(end.socket, octets)
      : this.#kernel.writeTap(end.tap, octets)
    this.#kernel.note(() => `switch->${attached.name} ${octets.length}${result === 0 ? "" : ` errno ${result}`}`)
    switch (result) {
      case errno.EAGAIN:
        this.#fate[port] = Fate.Full
        attached.refused = true
        return result
      case errno.EPIPE:
      case errno.ECONNRESET:
      case errno.EBADFD:
        this.#fate[port] = Fate.Gone
        return errno.EPIPE
      default:
        return result
    }
  }

  /** Reads all ports in turn, each as many frames as fit if all have some, until the batch is full. */
  #receive(): void {
    const ready = [...this.#attached.values()].filter(isReadable).sort((a, b) => a.port - b.port)
    const first = ready.findIndex((attached) => attached.port > this.#lastRead)
    let turns = first < 0 ? ready : [...ready.slice(first), ...ready.slice(0, first)]
    const share = Math.max(1, Math.floor(Bounds.batchFrames / Math.max(1, turns.length)))
    while (turns.length > 0 && this.batch.count < Bounds.batchFrames) {
      turns = turns.filter((attached) => this.batch.count < Bounds.batchFrames && this.#readSome(attached, share))
    }
    for (const attached of this.#attached.values()) {
      if (attached.rights > 0 && this.#tell(EventKind.Ancillary, attached.port, attached.rights)) attached.rights = 0
    }
  }

  /** Reads up to `share` frames of a port; false when there is no more to read now. */
  #readSome(attached: Attached, share: number): boolean {
    const { end, port } = attached
    this.#lastRead = port
    for (let taken = 0; taken < share && this.batch.count < Bounds.batchFrames; taken++) {
      const more = end.kind === "socket"
        ? this.#readSocket(attached, end.socket)
        : this.#readTap(attached, end.tap)
      if (!more) return false
    }
    return true
  }

  #readSocket(attached: Attached, socket: SimSocket): boolean {
    const { cut, received } = this.#kernel.receivePacket(socket)
    switch (received) {
      case "nothing":
        return false
      case "reset":
        // The guest died with frames unread; those that it sent follow.
        return true
      case "end":
        attached.ended = this.#tell(EventKind.Hangup, attached.port, 0)
        return false
      default:
        attached.rights += received.rights
        this.#append(attached, received.octets, cut)
        return true
    }
  }

  #readTap(attached: Attached, tap: SimTap): boolean {
    const { cut, received } = this.#kernel.readTap(tap)
    if (received === "nothing") return false
    if (received === "gone" || typeof received === "number") {
      const failure = received === "gone" ? errno.EBADFD : received
      if (this.#tell(EventKind.TapLost, TAP_PORT, failure)) this.detachTap()
      return false
    }
    this.#append(attached, received, cut)
    return true
  }

  #append(attached: Attached, octets: Uint8Array, cut: boolean): void {
    const slot = this.batch.count
    Batch.append(this.batch, octets, attached.port)
    if (cut) this.batch.size[slot] = this.batch.frameBytesMax + 1
    this.#kernel.note(() => `${attached.name}->batch ${this.batch.size[slot]!}`)
  }

  #accept(entrance: number, listener: SimListener): void {
    while (!listener.closed && listener.waiting > 0 && this.events.count < Bounds.exchangeEvents) {
      const accepted = this.#kernel.accept(listener, this.#sendBufferBytes)
      if (typeof accepted !== "number") {
        const { fd, gid, name, pid, socket, uid } = accepted
        this.#undecided.set(fd, { socket, name })
        this.#tell(EventKind.Connect, entrance, fd, uid, gid, pid)
      } else if (accepted !== -errno.EAGAIN) {
        this.#tell(EventKind.AcceptError, 0, -accepted)
      }
    }
  }
}

const linkOf = ({ mac, mtuBytes }: SimTap): TapLink => ({ mac: Mac.fromOctets(mac), mtuBytes })

/** Undefined also for an address that is the tap's own. */
const bridgeMacOf = ({ bridgeMac, mac }: SimTap): Mac.MacAddress | undefined => {
  const found = bridgeMac === undefined ? undefined : Mac.fromOctets(bridgeMac)
  return areEqual(found, Mac.fromOctets(mac)) ? undefined : found
}

const areEqual = (one: Mac.MacAddress | undefined, other: Mac.MacAddress | undefined): boolean =>
  one?.hi === other?.hi && one?.lo === other?.lo

const isReadable = ({ end, ended, paused }: Attached): boolean => {
  if (paused || ended) return false
  return end.kind === "socket" ? end.socket.readable : end.tap.gone || end.tap.waiting > 0
}

/** A tap takes frames, or fails them, at any time. */
const isWritable = ({ end }: Attached): boolean => end.kind === "tap" || end.socket.writable
