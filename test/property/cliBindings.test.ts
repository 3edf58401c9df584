import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { readPolicyOptions } from "../../src/cli/PolicyOptions.ts"
import { formatAddress } from "../../src/domain/Ipv6Prefix.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { networkOf } from "./networkOf.ts"

const nothing = {
  isolate: undefined,
  learn: undefined,
  lock: false,
  maxMacs: undefined,
  maxIps: undefined,
  hold: undefined,
  stormRate: undefined,
  arpRate: undefined,
  dhcpServer: undefined,
  allowEtherType: undefined,
  ipv6: undefined
}
const read = (bind: string) => Either.mapLeft(readPolicyOptions({ ...nothing, bind }), ({ message }) => message)

describe("--bind", () => {
  it("gives a user addresses of either kind, one at a time", () => {
    const { bindings, trunkBindings } = Either.getOrThrow(
      read("uid:1000,ip=10.1.0.5;uid:1000,ip=fd00:1::5;uid:0,mac=52:54:00:00:00:01,ip=FE80::5054:FF:fe00:1")
    )
    assert.deepStrictEqual(bindings, [
      { uid: 1000, mac: undefined, ip: networkOf("10.1.0.5") },
      { uid: 1000, mac: undefined, ip: networkOf("fd00:1::5") },
      { uid: 0, mac: Mac.parse("52:54:00:00:00:01"), ip: networkOf("fe80::5054:ff:fe00:1") }
    ])
    assert.deepStrictEqual(trunkBindings, [])
  })

  it("gives trunks networks of either kind", () => {
    const texts = ["10.1.0.128/25", "192.0.2.1", "fd00:1:0:0:8000::/65", "2001:db8::7", "fe80::/10", "::/0", "::2/127"]
    const { trunkBindings } = Either.getOrThrow(read(texts.map((text) => `trunk,ip=${text}`).join(";")))
    assert.deepStrictEqual(trunkBindings?.map(({ ip }) => ip), texts.map(networkOf))
  })

  it.prop("reads what it is told, however it is written: any address that a guest can have", [
    fc.uint8Array({ minLength: 16, maxLength: 16 }).filter(([first]) => first !== 0xff && first !== 0),
    fc.boolean()
  ], ([address, isLong]) => {
    const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16))
    const text = isLong ? groups.join(":") : formatAddress(address)
    const { bindings } = Either.getOrThrow(read(`uid:1,ip=${text}`))
    assert.deepStrictEqual(bindings![0]!.ip, networkOf(groups.join(":")))
  })

  const user = "give uid:N with mac=MAC, ip=ADDRESS or both, as uid:1000,ip=10.1.0.5"
  const trunk = "give trunk with mac=MAC, ip=ADDRESS[/BITS] or both, as trunk,ip=192.0.2.0/24"
  const nobodys = (kind: string) => `no guest can have that ${kind} address; give another, as ip=fd00:1::5`
  it.each<[string, string]>([
    ["uid:1000,ip=fd00:1::/64", user],
    ["uid:1000,ip=fd00:1::5/0", user],
    ["uid:1000,ip=fe80::1%eth0", user],
    ["uid:1000,ip=fd00:1::10.1.0.5", user],
    ["uid:1000,ip=fd00:1::5::6", user],
    ["uid:1000,ip=fd00:1", user],
    ["uid:1000,ip=:", user],
    ["uid:1000,ip=[fd00:1::5]", user],
    ["uid:1000,ip=12345::1", user],
    ["uid:1000,ip=fd00:1:2:3:4:5:6:7:8", user],
    ["ip=fd00:1::5", user],
    ["trunk,ip=fd00:1::/129", trunk],
    ["trunk,ip=fd00:1::/064", trunk],
    ["trunk,ip=fd00:1::/", trunk],
    ["trunk,ip=fd00:1::/6 4", trunk],
    ["trunk,ip=10.1.0.0/65", trunk],
    ["uid:1000,ip=::", nobodys("unspecified")],
    ["uid:1000,ip=::1", nobodys("loopback")],
    ["uid:1000,ip=ff02::1", nobodys("multicast")],
    ["uid:1000,ip=::ffff:10.1.0.5", nobodys("IPv4-mapped")],
    ["uid:1000,ip=::ffff:a01:5", nobodys("IPv4-mapped")],
    ["trunk,ip=ff00::/8", nobodys("multicast")],
    ["trunk,ip=::ffff:0:0/96", nobodys("IPv4-mapped")],
    ["trunk,ip=::1/128", nobodys("loopback")],
    ["trunk,ip=::", nobodys("unspecified")]
  ])("tells in one line what is wrong with %s", (text, why) => {
    assert.deepStrictEqual(read(text), Either.left(`bad --bind ${text}: ${why}`))
    assert.deepStrictEqual(read(`uid:1,ip=10.1.0.1;${text}`), read(text))
  })
})
