import * as Either from "effect/Either"
import ipaddr from "ipaddr.js"
import { Bounds } from "../domain/Bounds.ts"
import * as Mac from "../domain/MacAddress.ts"
import * as Networks from "../domain/Network.ts"
import type { TrunkBinding } from "../domain/policy/Allowances.ts"
import type { PolicySettings, UserBinding } from "../domain/policy/PolicySettings.ts"
import * as Prefixes from "../domain/Prefix.ts"
import { type Flag, flags } from "./Flags.ts"
import { parseIpv6 } from "./Ipv6Operand.ts"
import { type Read, readNumber, readWord, refuse } from "./OptionValue.ts"
import type { RawOptions } from "./RawOptions.ts"

/** What the command line says about the policy, as words. */
export type RawPolicyOptions = Pick<
  RawOptions,
  | "isolate" | "learn" | "lock" | "bind" | "maxMacs" | "maxIps" | "hold" | "stormRate" | "arpRate" | "dhcpServer"
  | "allowEtherType" | "ipv6"
>

type Writable<A> = { -readonly [K in keyof A]: A[K] }

const readRate = (flag: Flag) => readNumber(flag, 1, Bounds.ratePerSecondMax)

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
    if (raw.hold !== undefined) policy.holdSeconds = yield* readNumber(flags.hold, 0, Bounds.holdSecondsMax)(raw.hold)
    if (raw.stormRate !== undefined) policy.stormPerSecond = yield* readRate(flags.stormRate)(raw.stormRate)
    if (raw.arpRate !== undefined) policy.arpPerSecond = yield* readRate(flags.arpRate)(raw.arpRate)
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
    : refuse(flags.dhcpServer, text, "give tap, any or uid:N")
}

/** Types below are lengths, and those of IP, ARP and tags have rules of their own. */
const readEtherType = (text: string): Read<number> => {
  const type = /^(?:0x)?[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ""), 16) : 0
  const ruled = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]
  return type >= 0x0600 && !ruled.includes(type)
    ? Either.right(type)
    : refuse(flags.allowEtherType, text, "give four hexadecimal digits of a type without rules, as 8863")
}

/** One of the bindings, or what is wrong with it. */
const inBinding = <A>(read: (text: string) => Either.Either<A, string>) => (text: string): Read<A> =>
  Either.orElse(read(text), (why) => refuse(flags.bind, text, why))

/** `uid:1000,mac=52:54:00:00:00:01,ip=10.1.0.5` */
const readBinding = inBinding((text): Either.Either<UserBinding, string> => {
  const usage = "give uid:N with mac=MAC, ip=ADDRESS or both, as uid:1000,ip=10.1.0.5"
  const [owner = "", ...words] = text.split(",")
  const uid = readUid(owner)
  if (uid === undefined) return Either.left(usage)
  return Either.flatMap(readFacts(words, usage), (facts) =>
    facts.ip === undefined || facts.ip.bits === 128 ? Either.right({ uid, ...facts }) : Either.left(usage))
})

const isOfTrunk = (text: string): boolean => text.startsWith("trunk,")

/** `trunk,ip=10.1.0.128/25` */
const readTrunkBinding = inBinding((text) =>
  readFacts(
    text.split(",").slice(1),
    "give trunk with mac=MAC, ip=ADDRESS[/BITS] or both, as trunk,ip=192.0.2.0/24"
  )
)

/** What is bound: some of it. @param usage what to say of a word that is none. */
const readFacts = (words: ReadonlyArray<string>, usage: string): Either.Either<TrunkBinding, string> =>
  Either.gen(function*() {
    let mac: Mac.MacAddress | undefined
    let ip: Networks.Network | undefined
    for (const word of words) {
      if (word.startsWith("ip=")) ip = yield* readNetwork(word.slice(3), usage)
      else {
        mac = word.startsWith("mac=") ? Mac.parse(word.slice(4)) : undefined
        if (mac === undefined) return yield* Either.left(usage)
      }
    }
    return words.length === 0 ? yield* Either.left(usage) : { mac, ip }
  })

/** `10.1.0.5`, `fd00:1::5`, or a network: `10.1.0.128/25`. */
const readNetwork = (text: string, usage: string): Either.Either<Networks.Network, string> => {
  const [, address = "", bits] = /^([^/]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? []
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) {
    const octets = Uint8Array.from(ipaddr.IPv4.parse(address).toByteArray())
    const own = Number(bits ?? 32)
    return own > 32
      ? Either.left(usage)
      : Either.right(Networks.ofIpv4(Prefixes.make(new DataView(octets.buffer).getUint32(0), own)))
  }
  const own = Number(bits ?? 128)
  if (!ipaddr.IPv6.isValid(address) || address.includes("%") || own > 128) return Either.left(usage)
  const parsed = ipaddr.IPv6.parse(address)
  const range = parsed.range()
  const nobodys = nobodysRanges.get(range)
  // `::` is nobody's, and begins networks.
  if (nobodys !== undefined && (range !== "unspecified" || own === 128)) {
    return Either.left(`no guest can have that ${nobodys} address; give another, as ip=fd00:1::5`)
  }
  return address.includes(".")
    ? Either.left(usage)
    : Either.right(Networks.ofIpv6({ address: Uint8Array.from(parsed.toByteArray()), bits: own }))
}

/** IPv6 addresses that nobody has on a link, by the library's names. */
const nobodysRanges = new Map([
  ["unspecified", "unspecified"],
  ["loopback", "loopback"],
  ["multicast", "multicast"],
  ["ipv4Mapped", "IPv4-mapped"]
])
