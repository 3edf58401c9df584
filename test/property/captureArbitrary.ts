import * as fc from "effect/FastCheck"
import { concat } from "./frames.ts"

/** Filters, and frames about which they have something to say: few addresses and ports, so that they meet. */

const hosts4 = ["10.1.0.1", "10.1.0.2", "192.0.2.9"]
const hosts6 = ["fd00::1", "fd00:0:0:1::2", "fe80::1"]
const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02", "ff:ff:ff:ff:ff:ff"]
const portNumbers = [53, 80, 443]

const direction = fc.constantFrom("", "src ", "dst ")
const primitive: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("arp", "rarp", "ip", "ip6", "icmp", "icmp6", "tcp", "udp", "broadcast", "ether multicast"),
  fc.tuple(fc.constantFrom("", "ip ", "arp "), direction, fc.constantFrom(...hosts4))
    .map(([protocol, way, host]) => `${protocol}${way}host ${host}`),
  fc.tuple(direction, fc.constantFrom(...hosts6)).map(([way, host]) => `${way}host ${host}`),
  fc.tuple(direction, fc.constantFrom("10.1.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "fd00::/16", "fe80::/10"))
    .map(([way, net]) => `${way}net ${net}`),
  fc.tuple(fc.constantFrom("src", "dst", "host"), fc.constantFrom(...macs)).map(([way, to]) => `ether ${way} ${to}`),
  fc.tuple(fc.constantFrom("", "tcp ", "udp "), direction, fc.constantFrom(...portNumbers))
    .map(([protocol, way, port]) => `${protocol}${way}port ${port}`),
  fc.tuple(direction, fc.constantFrom("50-100", "80-80")).map(([way, range]) => `${way}portrange ${range}`),
  fc.constantFrom("less 60", "greater 61", "ether proto 0x88b5")
)

export const expression: fc.Arbitrary<string> = fc.letrec<{ expression: string; term: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3 },
    tie("term"),
    fc.tuple(tie("expression"), fc.constantFrom("and", "or"), tie("term")).map((parts) => parts.join(" "))
  ),
  term: fc.oneof(
    { maxDepth: 3 },
    primitive,
    tie("term").map((term) => `not ${term}`),
    tie("expression").map((inner) => `(${inner})`)
  )
})).expression

const macOctets = (text: string): Uint8Array => Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16))
const address4 = fc.constantFrom(...hosts4).map((text) => Uint8Array.from(text.split("."), Number))
const address6 = fc.constantFrom(
  [0xfd, 0, 0, 0, 0, 0, 0, 0], [0xfd, 0, 0, 0, 0, 0, 0, 1], [0xfe, 0x80, 0, 0, 0, 0, 0, 0]
).chain((front) => fc.constantFrom(1, 2).map((last) => Uint8Array.from([...front, 0, 0, 0, 0, 0, 0, 0, last])))
const portPair = fc.tuple(fc.constantFrom(...portNumbers, 7), fc.constantFrom(...portNumbers, 8))
  .map(([from, to]) => Uint8Array.of(from >>> 8, from & 255, to >>> 8, to & 255))
const filler = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes })

const ipv4 = fc.tuple(
  fc.constantFrom(0x45, 0x46, 0x4f), fc.constantFrom(0, 0, 0x2000, 5), fc.constantFrom(1, 6, 17, 132, 47), address4,
  address4, portPair, filler(60)
).map(([version, fragment, protocol, from, to, ports, rest]) =>
  concat(
    Uint8Array.of(version, 0, 0, 80, 0, 1, fragment >>> 8, fragment & 255, 64, protocol, 0, 0), from, to,
    new Uint8Array(4 * (version & 15) - 20), ports, rest
  ))

const ipv6 = fc.tuple(fc.constantFrom(6, 17, 58, 44, 0), fc.constantFrom(6, 17, 58), address6, address6, portPair,
  filler(60)).map(([next, inner, from, to, ports, rest]) =>
    concat(
      Uint8Array.of(0x60, 0, 0, 0, 0, 72, next, 64), from, to,
      next === 44 ? Uint8Array.of(inner, 0, 0, 1, 0, 0, 0, 1) : new Uint8Array(0), ports, rest
    ))

const arp = fc.tuple(address4, address4).map(([from, to]) =>
  concat(Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 82, 84, 0, 0, 0, 1), from, new Uint8Array(6), to, new Uint8Array(60)))

const payload = fc.oneof(
  ipv4.map((rest) => concat(Uint8Array.of(8, 0), rest)),
  ipv6.map((rest) => concat(Uint8Array.of(0x86, 0xdd), rest)),
  arp.map((rest) => concat(Uint8Array.of(8, 6), rest)),
  arp.map((rest) => concat(Uint8Array.of(0x80, 0x35), rest)),
  filler(84).map((rest) => concat(Uint8Array.of(0x88, 0xb5), rest))
)

/** Whole frames mostly, and some that end early. */
export const captureFrame: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.constantFrom(...macs), fc.constantFrom(...macs.slice(0, 2)), payload,
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(96) })
).map(([to, from, rest, bytes]) => concat(macOctets(to), macOctets(from), rest).subarray(0, bytes))
