import { type CapturedFrame, type CaptureFault, type CaptureReader, isFault } from "../domain/capture/CapturedFrame.ts"
import { u16, u32 } from "../domain/policy/Octets.ts"
import { contains, type Prefix } from "../domain/Prefix.ts"

/*
 * Who sent the frames of a capture, found out before they are sent again.
 *
 * A capture of several interfaces tells it: each interface is a port. In one of a single interface each source MAC is
 * taken for a guest of its own. The host is known by its MAC: who speaks for its address, and for no other of the
 * subnet. An impostor speaks for his own, too, sooner or later. A capture of `vknetd` itself has the names of its
 * ports, and needs no guess.
 */

/** Frames whose source cannot be a station's: too short, a group, or zero. */
export const UNKNOWN = "unknown"
/** Stations that are told from each other while the host's MAC is looked for. */
const REMEMBERED_MAX = 65_536
const TAP_NAME = /^(?:tap|host)/i
/** As `vknetd capture` calls guests' ports. */
const PORT_NAME = /^port[1-9][0-9]*$/

/** The tap's place among ingresses; guests follow in their order. */
export const TAP = 0
/** Of a frame that the switch itself had sent out. */
export const SENT_OUT = -1

/** What a guest is: a source MAC, an interface of the capture, or there is but one. */
export type GuestKind = "station" | "interface" | "one"

export interface Survey {
  readonly by: GuestKind
  /** What the guests are called, in the order in which they first sent: by numbers, or as the interfaces are. */
  readonly guests: ReadonlyArray<string>
  /** Whether there were more guests than ports: those that came late share the last one. */
  readonly isCrowded: boolean
  /** `52:54:00:12:34:56`; undefined if the host was not seen. */
  readonly hostMac: string | undefined
  /** {@link TAP}, 1 and up for guests, or {@link SENT_OUT}. */
  readonly ingressOf: (frame: CapturedFrame) => number
}

export interface SurveyOptions {
  readonly prefix: Prefix | undefined
  /** The host's MAC, if it is known better than the capture shows; `none` if no frame is the host's. */
  readonly hostMac: string | undefined
  /** Undefined: interfaces if frames came on several, else stations. */
  readonly by: GuestKind | undefined
  readonly guestPorts: number
}

/** The source MAC of a frame as text, or {@link UNKNOWN}. */
export const stationOf = ({ octets }: CapturedFrame): string => {
  if (octets.length < 12 || (octets[6]! & 1) !== 0) return UNKNOWN
  const mac = Array.from(octets.subarray(6, 12), (octet) => octet.toString(16).padStart(2, "0")).join(":")
  return mac === "00:00:00:00:00:00" ? UNKNOWN : mac
}

/** The IPv4 address in whose name a frame speaks: of its packet or of its ARP. */
const speakerOf = ({ octets }: CapturedFrame): number | undefined => {
  if (octets.length < 14) return undefined
  const type = u16(octets, 12)
  if (type === 0x0800 && octets.length >= 30) return u32(octets, 26)
  return type === 0x0806 && octets.length >= 32 ? u32(octets, 28) : undefined
}

/** Reads a whole capture. A fault in it is told; what was read until then counts. */
export const survey = (
  reader: CaptureReader,
  options: SurveyOptions
): { readonly survey: Survey; readonly fault: CaptureFault | undefined } => {
  const sight = new Sight(options)
  for (;;) {
    const next = reader.next()
    if (next === undefined || isFault(next)) return { survey: sight.survey(reader), fault: next }
    sight.add(next)
  }
}

class Sight {
  readonly #options: SurveyOptions
  readonly #interfaces: Array<number> = []
  readonly #stations: Array<string> = []
  readonly #known = new Set<string>()
  /** Who has spoken for the host's address, in order, and where first. */
  readonly #hosts = new Map<string, number>()
  /** Who has spoken for another address of the subnet. */
  readonly #others = new Set<string>()
  #isCrowded = false

  constructor(options: SurveyOptions) {
    this.#options = options
  }

  add(frame: CapturedFrame): void {
    if (!this.#interfaces.includes(frame.interfaceIndex)) this.#interfaces.push(frame.interfaceIndex)
    const station = stationOf(frame)
    this.#listen(frame, station)
    if (this.#known.has(station)) return
    // One place more than there are ports, for the host, of which nothing may be known yet.
    if (this.#stations.length > this.#options.guestPorts) {
      this.#isCrowded = true
      return
    }
    this.#known.add(station)
    this.#stations.push(station)
  }

  #listen(frame: CapturedFrame, station: string): void {
    const { hostMac, prefix } = this.#options
    if (station === UNKNOWN || frame.direction === "outbound") return
    if (station === hostMac) this.#note(station, frame)
    if (prefix === undefined || hostMac !== undefined) return
    const speaker = speakerOf(frame)
    if (speaker === prefix.address) this.#note(station, frame)
    else if (speaker !== undefined && speaker !== 0 && contains(prefix, speaker)) {
      if (this.#others.size < REMEMBERED_MAX) this.#others.add(station)
    }
  }

  #note(station: string, { interfaceIndex }: CapturedFrame): void {
    if (this.#hosts.size < REMEMBERED_MAX && !this.#hosts.has(station)) this.#hosts.set(station, interfaceIndex)
  }

  survey({ interfaces }: CaptureReader): Survey {
    const { hostMac: given } = this.#options
    const names = interfaces.map(({ name }) => name)
    const isGuest = (index: number) => PORT_NAME.test(names[index] ?? "")
    const seen = [...this.#hosts].find(([mac, index]) => !this.#others.has(mac) && !isGuest(index))?.[0]
    const hostMac = given === "none" ? undefined : given ?? seen
    const isByPort = this.#interfaces.length > 1 || this.#interfaces.some(isGuest)
    const by = this.#options.by ?? (isByPort ? "interface" : "station")
    if (by === "interface") return this.#byInterface(names, hostMac)
    return by === "one" ? asOne(hostMac) : this.#byStation(hostMac)
  }

  #byInterface(names: ReadonlyArray<string | undefined>, hostMac: string | undefined): Survey {
    const seen = (index: number) => this.#interfaces.includes(index)
    const named = names.findIndex((name, i) => name !== undefined && TAP_NAME.test(name) && seen(i))
    const tap = named >= 0 ? named : hostMac === undefined ? undefined : this.#hosts.get(hostMac)
    const all = this.#interfaces.filter((index) => index !== tap)
    const guests = all.slice(0, this.#options.guestPorts)
    const places = new Map(guests.map((index, i) => [index, i + 1]))
    return {
      by: "interface",
      guests: guests.map((index) => names[index] ?? `interface${index}`),
      isCrowded: all.length > guests.length,
      hostMac,
      ingressOf: ({ direction, interfaceIndex }) => {
        if (direction === "outbound") return SENT_OUT
        return interfaceIndex === tap ? TAP : places.get(interfaceIndex) ?? guests.length
      }
    }
  }

  #byStation(hostMac: string | undefined): Survey {
    const all = this.#stations.filter((station) => station !== hostMac)
    const guests = all.slice(0, this.#options.guestPorts)
    const places = new Map(guests.map((station, i) => [station, i + 1]))
    return {
      by: "station",
      guests: guests.map((_, i) => String(i + 1)),
      isCrowded: this.#isCrowded || all.length > guests.length,
      hostMac,
      ingressOf: (frame) => {
        const station = stationOf(frame)
        return station === hostMac ? TAP : places.get(station) ?? guests.length
      }
    }
  }
}

const asOne = (hostMac: string | undefined): Survey => ({
  by: "one",
  guests: ["1"],
  isCrowded: false,
  hostMac,
  ingressOf: (frame) => stationOf(frame) === hostMac ? TAP : 1
})
