import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import ipaddr from "ipaddr.js"
import { Bounds } from "../../src/domain/Bounds.ts"
import { FILTERED_BYTES, FilterFault, parseFilter } from "../../src/domain/capture/Filter.ts"
import { parseFilterAddress } from "../../src/domain/capture/FilterAddress.ts"
import { captureFrame, expression } from "./captureArbitrary.ts"
import { address, mac } from "./frames.ts"
import * as world from "./policyWorld.ts"

const filter = (text: string) => parseFilter(text, Bounds.captureFilterChars)
const matches = (text: string, octets: Uint8Array): boolean => filter(text).matches(octets, octets.length)

const tcp = world.packet({
  source: address("10.1.0.2"),
  destination: address("10.1.0.1"),
  protocol: 6,
  payload: world.segment({ destinationPort: 443 })
})
const udp = world.packet({
  source: address("10.1.0.3"),
  destination: address("10.1.0.2"),
  payload: world.datagram({ sourcePort: 53, destinationPort: 4000 })
})
const arp = world.arpFrame({ sender: address("10.1.0.2"), target: address("10.1.0.1") })

describe("a capture's filter", () => {
  it("knows the words that it says it knows", () => {
    const cases: ReadonlyArray<readonly [string, boolean, boolean, boolean]> = [
      ["arp", false, false, true],
      ["ip", true, true, false],
      ["not ip", false, false, true],
      ["tcp or arp", true, false, true],
      ["tcp port 443", true, false, false],
      ["port 53 or 443", true, true, false],
      ["src port 53", false, true, false],
      ["udp portrange 50-60", false, true, false],
      ["host 10.1.0.2", true, true, true],
      ["src host 10.1.0.2", true, false, true],
      ["dst 10.1.0.1", true, false, true],
      ["net 10.1.0.0/24", true, true, true],
      ["ip host 10.1.0.2", true, true, false],
      ["arp and host 10.1.0.1", false, false, true],
      ["ether proto 0x0806", false, false, true],
      ["not (tcp or arp)", false, true, false],
      ["! tcp && ip", false, true, false],
      ["ether broadcast or icmp", false, false, true],
      ["less 50", false, false, true],
      ["greater 1500", false, false, false],
      // From left to right, neither binds closer.
      ["ip or arp and arp", false, false, true]
    ]
    for (const [text, ...expected] of cases) {
      assert.deepStrictEqual([tcp, udp, arp].map((octets) => matches(text, octets)), expected, text)
    }
    const [source] = [arp.subarray(6, 12)]
    const text = Array.from(source!, (octet) => octet.toString(16).padStart(2, "0")).join(":")
    assert.isTrue(matches(`ether src ${text}`, arp))
    assert.isFalse(matches(`ether dst ${text}`, arp))
    assert.isTrue(matches(`ether host ${text}`, arp))
    assert.isTrue(matches("ether multicast", Uint8Array.from([...mac("01:00:5e:00:00:01"), ...arp.subarray(6)])))
  })

  it("is refused in one line for what it does not know", () => {
    const mistakes: ReadonlyArray<readonly [string, RegExp]> = [
      ["", /^something is missing/],
      ["vlan", /^'vlan' is not known/],
      ["arp and", /^something is missing behind 'and'$/],
      ["(arp", /^a '\)' is missing$/],
      ["arp )", /^'\)' is not expected there$/],
      ["port http", /^'http' is no number up to 65535$/],
      ["port 65536", /no number/],
      ["host 10.1.0", /^10.1.0 is no address$/],
      ["host 10.1.0.0/24", /cannot be$/],
      ["net 10.1.0.1/24", /has bits behind the network's$/],
      ["net 10.1.0.0/33", /the bits must be 0 to 32$/],
      ["tcp host 10.1.0.1", /^'tcp host 10.1.0.1' cannot be$/],
      ["host 52:54:00:12:34:56", /cannot be$/],
      ["ip port 80", /cannot be$/],
      ["ether proto 5", /cannot be$/],
      ["a".repeat(Bounds.captureFilterChars + 1), /^it is longer than 1024 characters$/]
    ]
    for (const [text, line] of mistakes) {
      try {
        filter(text)
        assert.fail(`${text} is taken`)
      } catch (cause) {
        if (!(cause instanceof FilterFault)) throw cause
        assert.match(cause.message, line)
      }
    }
  })

  it.prop("is a filter or a fault, whatever is written", [
    fc.array(fc.constantFrom(..."arp,ip,tcp,(,),and,or,not,!,host,net,src,dst,port,10.1.0.1,::1,80,ether".split(",")))
  ], ([words]) => {
    try {
      filter(words.join(" ")).matches(arp, arp.length)
    } catch (cause) {
      if (!(cause instanceof FilterFault)) throw cause
    }
  })

  it.prop(
    "means what its parts mean; nothing matches a frame that ends before what is asked of it",
    [expression, expression, captureFrame],
    ([one, other, octets]) => {
      const whole = (text: string) => matches(text, octets)
      assert.strictEqual(whole(`(${one}) and (${other})`), whole(one) && whole(other))
      if (octets.length >= FILTERED_BYTES) {
        assert.strictEqual(whole(`not (${one})`), !whole(one))
        assert.strictEqual(whole(`(${one}) or (${other})`), whole(one) || whole(other))
        assert.strictEqual(whole(`(${one}) or not (${one})`), true)
        // What lies behind makes no difference: so much is what the forwarding thread copies at least.
        assert.strictEqual(filter(one).matches(octets.subarray(0, FILTERED_BYTES), octets.length), whole(one))
      }
      if (octets.length < 14) assert.isFalse(whole("arp") || whole("not arp"))
    }
  )

  it.prop("reads IPv6 addresses as others do", [
    fc.oneof(fc.ipV6().filter((text) => !text.includes(".")), fc.stringMatching(/^[0-9a-f:]{0,20}$/))
  ], ([text]) => {
    const read = parseFilterAddress(text)
    if (typeof read === "string") assert.isFalse(ipaddr.IPv6.isValid(text) && !text.includes("/"), text)
    else if (read.kind === "ipv6") assert.deepStrictEqual([...read.octets], ipaddr.IPv6.parse(text).toByteArray())
  })
})
