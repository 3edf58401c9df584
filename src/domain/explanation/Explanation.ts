import { arp } from "./ArpSteps.ts"
import { BootpReader, dhcp, dhcpPorts, dhcpWhole } from "./DhcpSteps.ts"
import { type Field, FrameReader, type Situation } from "./FrameReader.ts"
import { ipv4, Ipv4Reader } from "./Ipv4Steps.ts"
import { ipv6, Ipv6Reader } from "./Ipv6Steps.ts"
import * as Link from "./LinkSteps.ts"
import type { ReasonName, Steps } from "./Step.ts"

/**
 * The rules that need no memory once more: slow, obvious, and keeping notes.
 *
 * Tables of what can be wrong with a frame, in the order in which it is looked for, are walked until something is.
 * Each predicate reads the frame through a reader that remembers what was looked at, so that the fields that are
 * told are the fields that decided. The passes of `policy` are as fast as they are because they say nothing of how
 * they came to a verdict, and to make them say it would cost every frame of every guest. So there are two, and
 * tests hold them equal on every frame that they can think of: these tables are what the passes are tested against.
 */
export interface Explanation {
  /** Every rule that was met, in order; the last one denied, unless `reason` is `PASS`. */
  readonly met: ReadonlyArray<Met>
  /** Why the frame goes nowhere. */
  readonly reason: ReasonName | "PASS"
  /** For a guest's frame that passed: rules of the tap, which keep it from the host alone. */
  readonly metForTap: ReadonlyArray<Met>
  readonly tapReason: ReasonName | "PASS"
}

/** One rule that was met. A rule that looks twice, at different times, is met twice. */
export interface Met {
  /** Its number, as in `policy/Rules.ts`. */
  readonly rule: string
  readonly denies: ReasonName | undefined
  readonly fields: ReadonlyArray<Field>
}

/** Explains a frame. Total: any octets in, an explanation out. */
export const explain = (octets: Uint8Array, situation: Situation): Explanation => {
  const frame = new FrameReader(octets, situation)
  const notes = new Notes(frame)
  const reason = judge(frame, notes)
  const forTap = new Notes(frame)
  const tapReason = reason === undefined && !situation.fromTap ? judgeForTap(frame, forTap) : undefined
  return {
    met: notes.met,
    reason: reason ?? "PASS",
    metForTap: forTap.met,
    tapReason: tapReason ?? "PASS"
  }
}

/** Walks tables, and writes down what was met. */
class Notes {
  readonly met: Array<Met> = []
  readonly #frame: FrameReader

  constructor(frame: FrameReader) {
    this.#frame = frame
  }

  /** The reason of the first step that finds something wrong. */
  walk<A>(steps: Steps<A>, subject: A): ReasonName | undefined {
    // What was looked at to find these tables is not what they look at.
    this.#frame.taken()
    for (const [rule, reason, isWrong] of steps) {
      const denies = isWrong(subject) ? reason : undefined
      this.#write({ rule, denies, fields: this.#frame.taken() })
      if (denies !== undefined) return denies
    }
    return undefined
  }

  #write(met: Met): void {
    const last = this.met.at(-1)
    if (last?.rule !== met.rule) {
      this.met.push(met)
      return
    }
    const known = new Set(last.fields.map(({ at, name }) => `${name} ${at}`))
    const fresh = met.fields.filter(({ at, name }) => !known.has(`${name} ${at}`))
    this.met[this.met.length - 1] = { ...met, fields: [...last.fields, ...fresh] }
  }
}

const judge = (frame: FrameReader, notes: Notes): ReasonName | undefined => {
  const { fromTap, settings } = frame.situation
  return notes.walk(Link.received, frame) ??
    (fromTap ? undefined : notes.walk(Link.fromGuests, frame)) ??
    notes.walk(Link.addressed, frame) ??
    (settings.secure ? notes.walk(Link.typed, frame) : undefined) ??
    (settings.secure && !fromTap ? judgePacket(frame, notes) : undefined)
}

const judgePacket = (frame: FrameReader, notes: Notes): ReasonName | undefined => {
  switch (Link.type(frame)) {
    case 0x0806:
      return notes.walk(arp, frame)
    case 0x0800:
      return judgeIpv4(new Ipv4Reader(frame), notes)
    case 0x86dd:
      return notes.walk(ipv6, new Ipv6Reader(frame))
    default:
      return undefined
  }
}

const judgeIpv4 = (ip: Ipv4Reader, notes: Notes): ReasonName | undefined => {
  const wrong = notes.walk(ipv4, ip)
  if (wrong !== undefined || !ip.starts(17)) return wrong
  const isServer = notes.walk(dhcpPorts, ip)
  if (isServer !== undefined || ip.destinationPort !== 67) return isServer
  return notes.walk(dhcpWhole, ip) ?? notes.walk(dhcp, new BootpReader(ip))
}

const forTap: Steps<FrameReader> = [
  ["E2", "IP4_PROTO_DENIED", (f) =>
    f.situation.settings.secure && Link.type(f) === 0x0800 && ![1, 6, 17].includes(f.u8("protocol", 23)) &&
    !new Ipv4Reader(f).isMembership],
  ["E2", "IP6_PROTO_DENIED", (f) =>
    f.situation.settings.secure && Link.type(f) === 0x86dd && !new Ipv6Reader(f).isForHost],
  ["L9", "ETHERTYPE_DENIED", (f) =>
    f.situation.settings.secure && ![0x0800, 0x0806, 0x86dd].includes(Link.type(f))],
  ["E4", "EGRESS_MTU", (f) => {
    const tagBytes = !f.situation.settings.secure && Link.isTag(Link.type(f)) ? 4 : 0
    return f.size > f.situation.settings.tapMtuBytes + 14 + tagBytes
  }]
]

const judgeForTap = (frame: FrameReader, notes: Notes): ReasonName | undefined => notes.walk(forTap, frame)
