import { rest } from "../src/adapters/sim/SimDriver.ts"
import { SimExchange } from "../src/adapters/sim/SimExchange.ts"
import type { SimGuest } from "../src/adapters/sim/SimGuest.ts"
import { SimKernel } from "../src/adapters/sim/SimKernel.ts"
import * as SocketFile from "../src/adapters/sim/SimSocketFile.ts"
import { Bounds, TAP_PORT } from "../src/domain/Bounds.ts"
import * as Ring from "../src/domain/capture/CaptureRing.ts"
import * as Counters from "../src/domain/Counters.ts"
import * as Mac from "../src/domain/MacAddress.ts"
import * as PortSet from "../src/domain/Ports.ts"
import * as Prefixes from "../src/domain/Prefix.ts"
import { Reason } from "../src/domain/Reason.ts"
import type { SwitchSettings } from "../src/domain/SwitchSettings.ts"
import * as Applied from "../src/services/AppliedSettings.ts"
import * as Forwarder from "../src/services/Forwarder.ts"
import * as PortLife from "../src/services/PortLife.ts"
import { check } from "./Invariants.ts"
import { policies } from "./Policies.ts"
import { BYSTANDER_UID, BYSTANDERS, markOf, type Recipe, SequenceFrames } from "./SequenceFrames.ts"
import { leftovers } from "./State.ts"
import { Finding } from "./Target.ts"

const PATH = "/var/run/vknet"
const TRUNK_PATH = "/var/run/vknet.trunk"
const TRUNK_PORTS = 2
const LISTENERS = 2
/** Little: a flood overruns it. */
const RING_BYTES = 8192
const HOST = 0x0a010001
/** The host, as one that sends and receives. */
const THE_HOST = "host"
/** Reads that suffice for all that all guests have sent and the switch keeps. */
const DRAINS_MAX = 10_000
const ONE_TO_OTHER: Recipe = { kind: 0, from: BYSTANDERS[0], to: BYSTANDERS[1], variation: 0 }
const OTHER_TO_ONE: Recipe = { kind: 0, from: BYSTANDERS[1], to: BYSTANDERS[0], variation: 0 }

export interface WorldOptions {
  readonly secure: boolean
  readonly hasTap: boolean
  readonly smallBuffers: boolean
  readonly guestPorts: number
  readonly seed: number
  /** Index into `policies`. */
  readonly policy: number
}

type End = SimGuest | typeof THE_HOST

interface Sent {
  readonly octets: Uint8Array
  readonly sender: End
}

const byHost = new Map<string, SequenceFrames>()

const framesFor = (hostMac: Uint8Array): SequenceFrames => {
  const frames = byHost.get(String(hostMac)) ?? new SequenceFrames(hostMac)
  byHost.set(String(hostMac), frames)
  return frames
}

/** A switch on a simulated kernel with guests that do as they like, and two that only want to talk to each other. */
export class SequenceWorld {
  readonly kernel: SimKernel
  readonly exchange: SimExchange
  readonly forwarder: Forwarder.Forwarder
  /** The guests that do as they like, by number. */
  readonly guests = new Map<number, SimGuest>()
  readonly #bystanders: readonly [SimGuest, SimGuest]
  readonly #frames: SequenceFrames
  readonly #sent: Array<Sent> = []
  readonly #captured: Ring.CaptureRing
  readonly #secure: boolean
  #tapFd = -1

  constructor(options: WorldOptions) {
    this.kernel = new SimKernel({ seed: options.seed })
    this.#secure = options.secure
    const settings: SwitchSettings = {
      secure: options.secure,
      prefix: Prefixes.make(HOST, 24),
      tapMac: undefined,
      tapMtuBytes: 1500,
      frameBytesMax: 1518,
      guestPorts: options.guestPorts,
      trunkPorts: TRUNK_PORTS,
      guestPortsPerUid: Math.max(2, options.guestPorts >> 1),
      stationAgeSeconds: Bounds.stationAgeSeconds,
      policy: policies[options.policy % policies.length],
      hashSeed: [options.seed, 2]
    }
    this.exchange = new SimExchange(this.kernel, {
      portCount: options.guestPorts + 1,
      frameBytesMax: settings.frameBytesMax,
      listener: this.#listen(PATH),
      trunkListener: this.#listen(TRUNK_PATH),
      sendBufferBytes: options.smallBuffers ? 8192 : Bounds.sendBufferBytes
    })
    this.#captured = Ring.make(options.guestPorts + 1, RING_BYTES)
    this.forwarder = Forwarder.make({
      exchange: this.exchange,
      settings,
      counters: Counters.make(options.guestPorts + 1),
      notify: () => {},
      capture: { ring: this.#captured, dateMs: () => 1_700_000_000_000 + Math.floor(this.exchange.nowMs) }
    })
    if (options.hasTap) this.attachTap()
    const tap = this.kernel.interfaces.tap("tap0")
    this.#frames = framesFor(tap?.mac ?? Uint8Array.of(2, 0, 0, 0, 0, 0xaa))
    const bystander = () => this.kernel.guest({ path: PATH, uid: BYSTANDER_UID, gid: 85, pid: 1 })
    this.#bystanders = [bystander(), bystander()]
    this.settle()
    // Who comes first has his addresses.
    this.#sayHello()
    this.settle()
  }

  /** Lets the loop come to rest and the bystanders read; returns how many frames they got. */
  settle(): number {
    rest({ exchange: this.exchange, forwarder: this.forwarder })
    let arrived = 0
    for (const guest of this.#bystanders) {
      const frames = guest.received()
      frames.forEach((octets) => this.#arrived(octets, guest))
      arrived += frames.length
    }
    check(this.forwarder)
    return arrived
  }

  pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.kernel.advance(1)
      this.settle()
    }
  }

  /** Lets much time pass, the bystanders making themselves known meanwhile. */
  passSeconds(seconds: number): void {
    for (let i = 0; i < seconds; i += 60) {
      this.kernel.advance(60_000)
      this.#sayHello()
      this.settle()
    }
  }

  /** The operator asks for another policy, and HUP is sent. */
  configure(policy: number): void {
    Applied.configure(this.forwarder, { ...this.forwarder.settings, policy: policies[policy % policies.length] })
  }

  connect(number: number, uid: number, isTrunk = false): void {
    this.leave(number)
    const guest = this.kernel.connect({ path: isTrunk ? TRUNK_PATH : PATH, uid, gid: 85, pid: 100 + number })
    if (typeof guest !== "string") this.guests.set(number, guest)
  }

  /** Somebody begins to capture, wants something else, or stops. */
  capture(port: number, interest: number, mode: number): void {
    this.#captured.interest[port % this.#captured.interest.length] = interest & 7
    Ring.setMode(this.#captured, mode & 7, (mode & 8) === 0 ? Bounds.frameBytesMax : 64)
  }

  /** Whoever captures reads: frames that went on are there as they were sent. */
  readCapture(): void {
    Ring.drain(this.#captured, ({ octets, originalBytes, reason }) => {
      if (reason !== Reason.PASS || octets.length < originalBytes) return
      const sent = this.#sent[markOf(octets)]
      if (sent === undefined || !Buffer.from(sent.octets).equals(octets)) throw new Finding("captured what nobody sent")
    })
  }

  leave(number: number): void {
    this.guests.get(number)?.close()
    this.guests.delete(number)
  }

  send(number: number, recipe: Recipe, descriptors = 0): void {
    const guest = this.guests.get(number)
    if (guest === undefined) return
    guest.sendDescriptors(this.#build(recipe, guest), descriptors)
  }

  inject(recipe: Recipe): void {
    if (this.kernel.interfaces.tap("tap0") === undefined) return
    this.kernel.hostEnd("tap0").inject(this.#build(recipe, THE_HOST))
  }

  /** A guest reads up to so many frames. */
  read(number: number, frames: number): void {
    const guest = this.guests.get(number)
    if (guest === undefined) return
    for (let i = 0; i < frames; i++) {
      const octets = guest.receive()
      if (octets === undefined) return
      this.#arrived(octets, guest)
    }
  }

  /** The host reads. */
  readTap(): void {
    if (this.kernel.interfaces.tap("tap0") === undefined) return
    for (const octets of this.kernel.hostEnd("tap0").taken()) this.#arrived(octets, THE_HOST)
  }

  attachTap(): void {
    if (PortSet.isOpen(this.forwarder.ports, TAP_PORT)) return
    this.#closeTap()
    const fd = this.kernel.openTap("tap0")
    const tap = this.kernel.interfaces.tap("tap0")
    if (fd < 0 || tap === undefined) return
    this.#tapFd = fd
    tap.up = true
    const attached = { handle: fd, mac: Mac.fromOctets(tap.mac), mtuBytes: tap.mtuBytes }
    if (PortLife.attachTap(this.forwarder, attached) !== 0) this.#closeTap()
  }

  detachTap(): void {
    PortLife.detachTap(this.forwarder)
    this.#closeTap()
  }

  setTapUp(up: boolean): void {
    if (this.kernel.interfaces.tap("tap0") !== undefined) this.kernel.hostEnd("tap0").up = up
  }

  vanishTap(): void {
    if (this.kernel.interfaces.tap("tap0") !== undefined) this.kernel.hostEnd("tap0").vanish()
  }

  /** The bystanders' own frames get through at once, whatever the others do. */
  ping(): void {
    this.kernel.faults.clear()
    this.#drain()
    this.#sayHello()
    this.#drain()
    const [one, other] = this.#bystanders
    this.#pingOne(one, ONE_TO_OTHER, other)
    this.#pingOne(other, OTHER_TO_ONE, one)
  }

  /** Everybody leaves; nothing may be left. */
  end(): void {
    this.kernel.faults.clear()
    this.settle()
    for (const number of [...this.guests.keys()]) this.leave(number)
    for (const guest of this.#bystanders) guest.close()
    this.settle()
    this.detachTap()
    this.pass(2)
    const { backlog, memory, ports } = this.forwarder
    const left = leftovers(this.forwarder)
    if (left.length > 0) throw new Finding(`all have left, but ${left[0]}`)
    if (ports.openCount > 0) throw new Finding("all have left, but a port is open")
    if (backlog.freeCount !== Bounds.backlogFrames) throw new Finding("all have left, but a frame is kept")
    const kept = memory.held.facts.count
    if (kept > Bounds.heldIdentities) throw new Finding("more is kept for those that left than may be")
    if (backlog.activeCount + backlog.troubled > 0) throw new Finding("all have left, but a port is in trouble")
    const descriptors = this.kernel.descriptors.count - LISTENERS
    if (descriptors !== 0) throw new Finding(`all have left, but ${descriptors} descriptors are open`)
  }

  /** The bystanders read what others have sent to them, of which some may be kept for them. */
  #drain(): void {
    for (let i = 0; this.settle() > 0; i++) if (i > DRAINS_MAX) throw new Finding("a bystander gets frames for ever")
  }

  #sayHello(): void {
    const [one, other] = this.#bystanders
    one.send(this.#build(ONE_TO_OTHER, one))
    other.send(this.#build(OTHER_TO_ONE, other))
  }

  #pingOne(from: SimGuest, recipe: Recipe, to: SimGuest): void {
    const octets = this.#build(recipe, from)
    const sent = from.send(octets)
    if (sent !== "sent") throw new Finding(`a bystander cannot send: ${sent}`)
    rest({ exchange: this.exchange, forwarder: this.forwarder })
    const arrived = to.received()
    arrived.forEach((frame) => this.#arrived(frame, to))
    const isExpected = this.forwarder.settings.policy?.isolate !== "all"
    if (arrived.some((frame) => markOf(frame) === markOf(octets)) !== isExpected) {
      throw new Finding(isExpected ? "a bystander's frame did not arrive" : "a frame got out of its isolation")
    }
    check(this.forwarder)
  }

  #build(recipe: Recipe, sender: End): Uint8Array {
    // With `-U` who takes a MAC has it, and the host is believed: then nobody may pose as a bystander.
    const isBystander = sender !== THE_HOST && this.#bystanders.includes(sender)
    const mayPose = isBystander || (this.#secure && sender !== THE_HOST)
    const octets = this.#frames.build(recipe, this.#sent.length, mayPose)
    this.#sent.push({ octets, sender })
    return octets
  }

  /** A frame arrives as it was sent, not at its sender, and not in the host's name. */
  #arrived(octets: Uint8Array, receiver: End): void {
    const sent = this.#sent[markOf(octets)]
    const same = sent !== undefined && Buffer.from(sent.octets).equals(octets)
    if (!same) throw new Finding("a frame arrived that nobody sent")
    if (sent.sender === receiver) throw new Finding("a frame came back to its sender")
    if (sent.sender === THE_HOST) return
    const { policy } = this.forwarder
    const source = Mac.fromOctets(octets, 6)
    const asHost = source.hi === policy.tapMacHi && source.lo === policy.tapMacLo
    if (asHost) throw new Finding("a guest spoke with the host's MAC")
    if (!this.#secure || octets[12] !== 8 || (octets[13] !== 0 && octets[13] !== 6)) return
    const at = octets[13] === 6 ? 28 : 26
    if (new DataView(octets.buffer, octets.byteOffset).getUint32(at) === policy.hostAddress) {
      throw new Finding("a guest spoke with the host's address")
    }
  }

  #listen(path: string): number {
    const listening = SocketFile.listen(this.kernel, { path, gid: 85, mode: 0o660, backlog: Bounds.backlog })
    if (typeof listening === "number") throw new Error(`listen: ${listening}`)
    return listening.fd
  }

  #closeTap(): void {
    if (this.#tapFd >= 0) this.kernel.close(this.#tapFd)
    this.#tapFd = -1
  }
}
