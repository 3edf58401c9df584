import * as Either from "effect/Either"
import ipaddr from "ipaddr.js"
import { Bounds } from "../domain/Bounds.ts"
import * as Mac from "../domain/MacAddress.ts"
import type { TrunkBinding } from "../domain/policy/Allowances.ts"
import type { Binding, PolicySettings } from "../domain/policy/PolicySettings.ts"
import * as Networks from "../domain/Network.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { flags, spell } from "./Flags.ts"
import { parseIpv6 } from "./Ipv6Operand.ts"
import { type Read, readNumber, readWord, refuse } from "./OptionValue.ts"
import { printable } from "./Printable.ts"

/** What the command line says about the policy, as words. */
export interface RawPolicyOptions {
  readonly isolate: string | undefined
  readonly learn: string | undefined
  readonly lock: boolean
  readonly bind: string | undefined
  readonly maxMacs: string | undefined
  readonly maxIps: string | undefined
  readonly hold: string | undefined
  readonly stormRate: string | undefined
  readonly arpRate: string | undefined
  readonly dhcpServer: string | undefined
  readonly allowEtherType: string | undefined
  readonly ipv6: string | undefined
}

type Writable<A> = { -readonly [K in keyof A]: A[K] }

/** Longest hold of a closed port's addresses: an hour. */
const holdSecondsMax = 3600

/** More frames a second than any port moves. */
const rateMax = 10_000_000

/** Checks what was given; what was not is left to the defaults. */
export const readPolicyOptions = (raw: RawPolicyOptions): Read<Partial<PolicySettings>> =>
  Either.gen(function*() {
    const policy: Partial<Writable<PolicySettings>> = {}
    if (raw.isolate !== undefined) policy.isolate = yield* readWord(flags.isolate, raw.isolate)
    if (raw.learn !== undefined) policy.learn = yield* readWord(flags.learn, raw.learn)
    if (raw.lock) policy.lock = true
    if (raw.bind !== undefined) {
      const words = raw.bind.split(";")
      policy.bindings = yield* Either.all(words.filter((text) => !isOfTrunk(text)).map(readBinding))
      policy.trunkBindings = yield* Either.all(words.filter(isOfTrunk).map(readTrunkBinding))
    }
    if (raw.maxMacs !== undefined) {
      policy.stationsPerGuest = yield* readNumber(flags.maxMacs, 1, Bounds.stationsPerGuestMax)(raw.maxMacs)
    }
    if (raw.maxIps !== undefined) {
      policy.addressesPerGuest = yield* readNumber(flags.maxIps, 1, Bounds.addressesPerGuestMax)(raw.maxIps)
    }
    if (raw.hold !== undefined) policy.holdSeconds = yield* readNumber(flags.hold, 0, holdSecondsMax)(raw.hold)
    if (raw.stormRate !== undefined) {
      policy.stormPerSecond = yield* readNumber(flags.stormRate, 1, rateMax)(raw.stormRate)
    }
    if (raw.arpRate !== undefined) policy.arpPerSecond = yield* readNumber(flags.arpRate, 1, rateMax)(raw.arpRate)
    if (raw.dhcpServer !== undefined) policy.dhcpServer = yield* readServer(raw.dhcpServer)
    if (raw.allowEtherType !== undefined) {
      policy.allowedEtherTypes = yield* Either.all(raw.allowEtherType.split(",").map(readEtherType))
    }
    if (raw.ipv6 !== undefined) policy.ipv6 = yield* parseIpv6(raw.ipv6)
    return policy
  })

const uidMax = 0xffff_fffe

const readUid = (text: string): number | undefined =>
  /^uid:[0-9]{1,10}$/.test(text) && Number(text.slice(4)) <= uidMax ? Number(text.slice(4)) : undefined

const readServer = (text: string): Read<"tap" | "any" | number> => {
  const uid = readUid(text)
  if (uid !== undefined) return Either.right(uid)
  return text === "tap" || text === "any"
    ? Either.right(text)
    : refuse(`bad ${spell(flags.dhcpServer)} ${printable(text)}: give tap, any or uid:N`)
}

/** Types below are lengths, and those of IP, ARP and tags have rules of their own. */
const readEtherType = (text: string): Read<number> => {
  const type = /^(?:0x)?[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ""), 16) : 0
  const ruled = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]
  return type >= 0x0600 && !ruled.includes(type)
    ? Either.right(type)
    : refuse(
      `bad ${spell(flags.allowEtherType)} ${printable(text)}: ` +
        "give four hexadecimal digits of a type without rules, as 8863"
    )
}

/** `uid:1000,mac=52:54:00:00:00:01,ip=10.1.0.5` */
const readBinding = (text: string): Read<Binding> => {
  const [owner = "", ...words] = text.split(",")
  const uid = readUid(owner)
  const facts = readFacts(words)
  if (uid !== undefined && facts !== undefined && (facts.ip?.bits ?? 128) === 128) {
    return Either.right({ uid, ...facts })
  }
  return refuse(
    `bad ${spell(flags.bind)} ${printable(text)}: give uid:N with mac=MAC, ip=ADDRESS or both, as uid:1000,ip=10.1.0.5`
  )
}

const isOfTrunk = (text: string): boolean => text.startsWith("trunk,")

/** `trunk,ip=10.1.0.128/25` */
const readTrunkBinding = (text: string): Read<TrunkBinding> => {
  const facts = readFacts(text.split(",").slice(1))
  return facts === undefined
    ? refuse(
      `bad ${spell(flags.bind)} ${printable(text)}: ` +
        "give trunk with mac=MAC, ip=ADDRESS[/BITS] or both, as trunk,ip=192.0.2.0/24"
    )
    : Either.right(facts)
}

/** What is bound: some of it, or undefined if a word is none. */
const readFacts = (words: ReadonlyArray<string>): TrunkBinding | undefined => {
  let mac: Mac.MacAddress | undefined
  let ip: Networks.Network | undefined
  for (const word of words) {
    if (word.startsWith("mac=")) {
      mac = Mac.parse(word.slice(4))
      if (mac === undefined) return undefined
    } else {
      ip = word.startsWith("ip=") ? readNetwork(word.slice(3)) : undefined
      if (ip === undefined) return undefined
    }
  }
  return words.length === 0 ? undefined : { mac, ip }
}

/** `10.1.0.5`, or a network: `10.1.0.128/25`. */
const readNetwork = (text: string): Networks.Network | undefined => {
  const [, address = "", bits = "32"] = /^([0-9.]+)(?:\/([0-9]|[12][0-9]|3[0-2]))?$/.exec(text) ?? []
  if (!ipaddr.IPv4.isValidFourPartDecimal(address)) return undefined
  const octets = Uint8Array.from(ipaddr.IPv4.parse(address).toByteArray())
  return Networks.ofIpv4(Prefixes.make(new DataView(octets.buffer).getUint32(0), Number(bits)))
}
