import { type FilterAddress, parseFilterAddress } from "./FilterAddress.ts"
import * as Test from "./FilterTest.ts"

/**
 * Which frames are wanted, in a part of the language of pcap-filter(7), with the same meaning:
 *
 *     expression  := term { ("and" | "or") term }        from left to right, neither binds closer
 *     term        := "not" term | "(" expression ")" | primitive
 *     primitive   := protocol | [protocol] [src | dst] (host | net) ADDRESS[/BITS]
 *                  | [tcp | udp] [src | dst] (port N | portrange N-M) | ether (host | src | dst) MAC
 *                  | ether proto N | [ether] broadcast | [ether] multicast | less N | greater N
 *
 * After `and` and `or` a value alone repeats what was said before: `port 80 or 443`.
 */
export interface Filter {
  /** @param octets as many as are left of a frame of `originalBytes`. */
  readonly matches: (octets: Uint8Array, originalBytes: number) => boolean
}

/** Octets from a frame's beginning that any filter looks at: behind the longest IPv4 header, or IPv6's, two ports. */
export const FILTERED_BYTES = 96

/** Why a text is no filter, in one line. */
export class FilterFault extends Error {}

/** Throws a {@link FilterFault}. @param charsMax longest text. */
export const parseFilter = (text: string, charsMax: number): Filter => {
  if (text.length > charsMax) throw new FilterFault(`it is longer than ${charsMax} characters`)
  const test = new Parser(text.match(/&&|\|\||[()!]|[^\s()!&|]+|[&|]/g) ?? []).filter()
  return {
    matches: (octets, originalBytes) => {
      const frame = new Test.FilteredFrame(octets, originalBytes)
      return test(frame) && !frame.isShort
    }
  }
}

const connectives: Readonly<Record<string, typeof Test.and>> = {
  and: Test.and, "&&": Test.and, or: Test.or, "||": Test.or
}
const protocolWords = ["ether", ...Object.keys(Test.protocols)]

/** What stands before a value. */
interface Qualifiers {
  readonly protocol: string | undefined
  readonly side: Test.Side
  readonly kind: "host" | "net" | "port" | "portrange" | "proto" | undefined
}

class Parser {
  readonly #words: ReadonlyArray<string>
  #at = 0
  /** What a value alone repeats. */
  #last: Qualifiers | undefined

  constructor(words: ReadonlyArray<string>) {
    this.#words = words
  }

  filter(): Test.FilterTest {
    const test = this.#expression()
    if (this.#at < this.#words.length) throw new FilterFault(`'${this.#words[this.#at]}' is not expected there`)
    return test
  }

  #take(...wanted: ReadonlyArray<string>): string | undefined {
    const word = this.#words[this.#at]
    if (word === undefined || !wanted.includes(word)) return undefined
    this.#at++
    return word
  }

  #value(after: string): string {
    const word = this.#words[this.#at++]
    if (word === undefined) throw new FilterFault(`something is missing behind '${after}'`)
    return word
  }

  #expression(): Test.FilterTest {
    let test = this.#term()
    for (;;) {
      const word = this.#take(...Object.keys(connectives))
      if (word === undefined) return test
      test = connectives[word]!(test, this.#term())
    }
  }

  #term(): Test.FilterTest {
    if (this.#take("not", "!") !== undefined) return Test.not(this.#term())
    if (this.#take("(") === undefined) return this.#primitive()
    const test = this.#expression()
    if (this.#take(")") === undefined) throw new FilterFault("a ')' is missing")
    return test
  }

  #primitive(): Test.FilterTest {
    const size = this.#take("less", "greater")
    if (size !== undefined) {
      const bytes = number(this.#value(size), 65_535)
      return size === "less" ? Test.atMost(bytes) : Test.atLeast(bytes)
    }
    const start = this.#at
    const protocol = this.#take(...protocolWords)
    if (protocol === undefined || protocol === "ether") {
      const group = this.#take("broadcast", "multicast")
      if (group !== undefined) return group === "broadcast" ? Test.broadcast : Test.multicast
    }
    const side = this.#take("src", "dst") as Test.Side
    const kind = this.#take("host", "net", "port", "portrange", "proto") as Qualifiers["kind"]
    const next = this.#words[this.#at]
    if (protocol !== undefined && protocol !== "ether" && side === undefined && kind === undefined) {
      this.#last = undefined
      return Test.protocols[protocol]!
    }
    if (this.#at > start) this.#last = { protocol, side, kind }
    else if (next !== undefined && (this.#last === undefined || !/^[0-9a-f]*[:\d]/i.test(next))) {
      throw new FilterFault(`'${next}' is not known (see vknetd(8) for the words of a filter)`)
    }
    const before = this.#words[this.#at - 1] ?? "the beginning"
    return primitive(this.#last ?? { protocol, side, kind }, this.#value(before))
  }
}

const number = (text: string, most: number): number => {
  const value = /^(?:0x[0-9a-f]{1,6}|\d{1,6})$/i.test(text) ? Number(text) : Number.NaN
  if (!(value <= most)) throw new FilterFault(`'${text}' is no number up to ${most}`)
  return value
}

const primitive = ({ side, kind, protocol }: Qualifiers, value: string): Test.FilterTest => {
  const unfit = () => new FilterFault(`'${[protocol, side, kind, value].filter(Boolean).join(" ")}' cannot be`)
  if (kind === "port" || kind === "portrange") {
    const [least = "", most = least, ...surplus] = kind === "port" ? [value] : value.split("-")
    if (surplus.length > 0) throw unfit()
    const range = [number(least, 65_535), number(most, 65_535)].sort((a, b) => a - b) as [number, number]
    return Test.ports(protocol, side, ...range) ?? raise(unfit())
  }
  if (kind === "proto") {
    const type = number(value, 65_535)
    if (protocol !== "ether" || side !== undefined || type < 1536) throw unfit()
    return Test.etherType(type)
  }
  if (kind === undefined && side === undefined) throw unfit()
  const address: FilterAddress | string = parseFilterAddress(value)
  if (typeof address === "string") throw new FilterFault(address)
  if (kind === "host" && address.isNet || kind === "net" && address.kind === "ether") throw unfit()
  return Test.address(protocol, side, address) ?? raise(unfit())
}

const raise = (fault: FilterFault): never => {
  throw fault
}
