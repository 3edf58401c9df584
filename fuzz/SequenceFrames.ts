import * as Random from "../src/adapters/sim/SeededRandom.ts"
import {
  addressOf,
  arp,
  ARP,
  BROADCAST,
  dhcp,
  ethernet,
  icmp,
  ipv4,
  IPV4,
  mac,
  tcp,
  udp
} from "../test/property/frames.ts"
import * as six from "../test/property/policyFrames6.ts"
import { mutateFrame } from "./FrameMutator.ts"

/** Who takes part: stations by number, 0 being the host. Those of the bystanders are the last two. */
export const STATIONS = 10
export const BYSTANDERS = [8, 9] as const
export const BYSTANDER_UID = 7
/** Far from all others, so that no slip makes one of theirs. */
export const BYSTANDER_MACS = [mac("5a:13:77:c4:e8:31"), mac("a6:9d:0b:52:1f:c8")]

/** Octets at the end of every frame that say which it was. */
const MARK_BYTES = 6
const MAGIC = [0x5e, 0xa1]
const FRAME_BYTES_MIN = 14
const KINDS = 16
/** Of 224.0.0.251 (RFC 1112, 6.4). */
const GROUP_MAC = mac("01:00:5e:00:00:fb")
/** A frame that grows has room for that, and more than any switch lets through. */
const BYTES_MAX = 1600

/** 10.1.0.1 is the host; bystanders are 10.1.0.209 and 10.1.0.210. */
export const addressOfStation = (station: number): Uint8Array =>
  addressOf(0x0a010001 + (station < 8 ? station : 200 + station))

export const address6OfStation = (station: number): string => `fd00:1::${station + 1}`

const address6 = (station: number): Uint8Array => six.address6(address6OfStation(station))

/** How a frame is built: kind, from which station to which, and what is wrong with it. */
export interface Recipe {
  readonly kind: number
  readonly from: number
  readonly to: number
  /** 0: honest. Else the seed of its changes. */
  readonly variation: number
}

export class SequenceFrames {
  readonly #macs: ReadonlyArray<Uint8Array>
  readonly #scratch = new Uint8Array(BYTES_MAX)
  /** Honest frames by kind, sender and receiver: built once, and never written to. */
  readonly #built = new Map<number, Uint8Array>()

  /** @param hostMac of the tap. */
  constructor(hostMac: Uint8Array) {
    const guests = Array.from({ length: STATIONS - 3 }, (_, i) => mac(`02:00:00:00:00:0${i + 1}`))
    this.#macs = [hostMac, ...guests, ...BYSTANDER_MACS]
  }

  /**
   * A frame that carries `mark`, unless it is too short to be one at all.
   *
   * @param mayPose whether it may speak with a bystander's addresses if the recipe or chance says so.
   */
  build(recipe: Recipe, mark: number, mayPose: boolean): Uint8Array {
    const honest = this.#remembered(recipe)
    const octets = recipe.variation === 0 ? honest : this.#changed(honest, recipe.variation)
    if (octets.length < FRAME_BYTES_MIN) return octets
    // Behind the packet, where no rule looks: padding of any content.
    const marked = new Uint8Array(octets.length + MARK_BYTES)
    marked.set(octets)
    marked.set(MAGIC, octets.length)
    new DataView(marked.buffer).setUint32(octets.length + MAGIC.length, mark)
    if (!mayPose) this.#unmask(marked)
    return marked
  }

  /** Takes away a bystander's addresses where a sender's are. */
  #unmask(octets: Uint8Array): void {
    if (BYSTANDER_MACS.some((stolen) => startsWith(octets.subarray(6), stolen))) octets.set(this.#macs[1]!, 6)
    const stolen = BYSTANDERS.map(addressOfStation)
    for (const at of [26, 28]) {
      if (stolen.some((address) => startsWith(octets.subarray(at), address))) octets.set(addressOfStation(1), at)
    }
  }

  #remembered(recipe: Recipe): Uint8Array {
    const key = (recipe.kind % KINDS) << 16 | recipe.from << 8 | recipe.to
    const known = this.#built.get(key)
    if (known !== undefined) return known
    const honest = this.#honest(recipe)
    this.#built.set(key, honest)
    return honest
  }

  #honest({ from, kind, to }: Recipe): Uint8Array {
    const source = this.#macs[from]!
    const all = to === 255
    const destination = all ? BROADCAST : this.#macs[to % STATIONS]!
    const sender = addressOfStation(from)
    const target = all ? addressOf(0x0a0100ff) : addressOfStation(to % STATIONS)
    const ends = { source: sender, destination: target }
    const packet = (protocol: number, payload: Uint8Array): Uint8Array =>
      ethernet({ destination, source, type: IPV4, payload: ipv4({ ...ends, protocol, payload }) })
    const datagram = (bytes: number): Uint8Array =>
      packet(17, udp({ ...ends, sourcePort: 5000, destinationPort: 6000, payload: new Uint8Array(bytes) }))
    const frame = (type: number, payload: Uint8Array, to = destination): Uint8Array =>
      ethernet({ destination: to, source, type, payload })
    const question = { op: 1, senderMac: source, sender, target }
    switch (kind % KINDS) {
      case 0:
        return datagram(8)
      case 1:
        return datagram(1400)
      case 2:
        return frame(ARP, arp(question), BROADCAST)
      case 3:
        return frame(ARP, arp({ ...question, op: 2, targetMac: destination }))
      case 4:
        return packet(1, icmp({ type: 8, payload: new Uint8Array(16) }))
      case 5:
        return packet(6, tcp({ ...ends, sourcePort: 40000, destinationPort: 22, payload: new Uint8Array(8) }))
      case 6:
        return frame(IPV4, this.#toGroup(sender), GROUP_MAC)
      case 7:
        return frame(IPV4, this.#request(source), BROADCAST)
      case 8:
        return frame(0x88b5, new Uint8Array(46))
      case 9:
        // A probe for an address (RFC 5227, 2.1.1).
        return frame(ARP, arp({ ...question, sender: addressOf(0), target: sender }), BROADCAST)
      case 10:
        return frame(IPV4, this.#acknowledgement(destination, sender, target))
      case 11:
        return packet(17, udp({ ...ends, sourcePort: 68, destinationPort: 67, payload: this.#release(source, sender) }))
      case 12:
        // Bystanders have names of their own.
        return frame(IPV4, this.#request(source, from < 8 ? to % 4 : from), BROADCAST)
      case 13:
        return six.advertisement(six.linkLayer(2, source), {
          from: source,
          to: destination,
          source: address6(from),
          target: address6(to % STATIONS)
        })
      case 14:
        return six.packet6({
          from: source,
          to: destination,
          source: address6(from),
          destination: address6(to % STATIONS)
        })
      default:
        return six.solicitation(six.linkLayer(1, source), { from: source, source: address6(from) })
    }
  }

  #toGroup(source: Uint8Array): Uint8Array {
    return ipv4({ source, destination: addressOf(0xe00000fb), protocol: 2, payload: new Uint8Array(8) })
  }

  /** @param name the client identifier, if there is one: any number. */
  #request(hardwareAddress: Uint8Array, name?: number): Uint8Array {
    const ends = { source: addressOf(0), destination: addressOf(0xffffffff) }
    const message = name === undefined
      ? dhcp({ hardwareAddress })
      : dhcp({ hardwareAddress, options: Uint8Array.of(53, 1, 3, 61, 6, 0, 118, 109, 45, 45, name, 255) })
    const payload = udp({ ...ends, sourcePort: 68, destinationPort: 67, payload: message })
    return ipv4({ ...ends, protocol: 17, payload })
  }

  /** DHCP type ACK, with a lease of 100 s (RFC 2131, 4.3.1). */
  #acknowledgement(hardwareAddress: Uint8Array, source: Uint8Array, yours: Uint8Array): Uint8Array {
    const ends = { source, destination: addressOf(0xffffffff) }
    const options = Uint8Array.of(53, 1, 5, 51, 4, 0, 0, 0, 100, 255)
    const message = dhcp({ hardwareAddress, op: 2, options })
    message.set(yours, 16)
    const payload = udp({ ...ends, sourcePort: 67, destinationPort: 68, payload: message })
    return ipv4({ ...ends, protocol: 17, payload })
  }

  /** DHCP type RELEASE of a client's own address (RFC 2131, 4.4.6). */
  #release(hardwareAddress: Uint8Array, client: Uint8Array): Uint8Array {
    const message = dhcp({ hardwareAddress, options: Uint8Array.of(53, 1, 7, 255) })
    message.set(client, 12)
    return message
  }

  #changed(honest: Uint8Array, variation: number): Uint8Array {
    const random = Random.make(variation)
    // One that invents sources: only addresses change.
    if (variation % 8 === 1) {
      const invented = honest.slice()
      invented.set([2, 1, 0, 0, random.below(256), random.below(256)], 6)
      return invented
    }
    this.#scratch.set(honest)
    const bytesMax = BYTES_MAX - MARK_BYTES
    const size = mutateFrame({ input: this.#scratch, at: 0, bytesMax }, honest.length, random, honest)
    return this.#scratch.slice(0, size)
  }
}

const startsWith = (octets: Uint8Array, start: Uint8Array): boolean => start.every((octet, i) => octets[i] === octet)

/** The mark of a frame that was built here, or -1. */
export const markOf = (octets: Uint8Array): number => {
  const at = octets.length - MARK_BYTES
  if (at < FRAME_BYTES_MIN || octets[at] !== MAGIC[0] || octets[at + 1] !== MAGIC[1]) return -1
  return new DataView(octets.buffer, octets.byteOffset).getUint32(at + 2)
}
