import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { parseAddress } from "../../src/cli/AddressOperand.ts"
import * as Prefix from "../../src/domain/Prefix.ts"

const octet = fc.integer({ min: 0, max: 255 })
const octets = fc.tuple(octet, octet, octet, octet)

const numberOf = ([a, b, c, d]: readonly [number, number, number, number]): number =>
  a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d

/** Said slowly: which addresses no host can have. */
const isHost = (address: readonly [number, number, number, number], bits: number): boolean => {
  const [first] = address
  if (first === 0 || first === 127 || first >= 224) return false
  const hostBits = 32 - bits
  const hostPart = numberOf(address) % 2 ** hostBits
  return bits > 30 || hostPart !== 2 ** hostBits - 1
}

const refusal = (text: string): string => {
  const result = parseAddress(text)
  if (Either.isRight(result)) throw new Error(`taken as ${Prefix.format(result.right)}`)
  return result.left.message
}

describe("address/cidrbits", () => {
  it.prop(
    "takes exactly the addresses that a host can have, with exactly their bits",
    [octets, fc.integer({ min: 0, max: 32 })],
    ([address, bits]) => {
      const text = `${address.join(".")}/${bits}`
      const result = parseAddress(text)
      assert.strictEqual(Either.isRight(result), isHost(address, bits), text)
      if (Either.isLeft(result)) return
      assert.strictEqual(Prefix.format(result.right), text)
      assert.strictEqual(result.right.address, numberOf(address))
      assert.strictEqual(result.right.network, Math.floor(numberOf(address) / 2 ** (32 - bits)) * 2 ** (32 - bits))
      assert.strictEqual(result.right.mask, 2 ** 32 - 2 ** (32 - bits))
    }
  )

  it.prop(
    "refuses bits above 32",
    [octets, fc.integer({ min: 33 })],
    ([address, bits]) => {
      assert.match(refusal(`${address.join(".")}/${bits}`), /: the bits must be 0 to 32$/)
    }
  )

  const cut = fc.constantFrom("", " ", ".", "/", "0", "+", "-", "x", "\n", "\t", "é", ":", "0x", "1e")

  const host = fc.tuple(fc.integer({ min: 1, max: 126 }), octet, octet, fc.integer({ min: 1, max: 254 }))

  it.prop(
    "takes no other spelling",
    [host, fc.nat({ max: 14 }), cut],
    ([address, place, inserted]) => {
      const exact = `${address.join(".")}/24`
      const text = exact.slice(0, place) + inserted + exact.slice(place)
      const result = parseAddress(text)
      if (Either.isLeft(result)) assert.match(result.left.message, /^bad address [^\n\r]+$/)
      else assert.strictEqual(Prefix.format(result.right), text)
    }
  )

  it.prop("answers whatever it is given, in one line", [fc.string({ unit: "binary", maxLength: 40 })], ([text]) => {
    const result = parseAddress(text)
    if (Either.isLeft(result)) assert.match(result.left.message, /^bad address \P{Cc}+$/u)
    else assert.strictEqual(Prefix.format(result.right), text)
  })

  it.each([
    ["10.1.0.0/24"],
    ["10.1.0.1/0"],
    ["10.1.0.1/32"],
    ["10.1.0.255/31"],
    ["10.1.0.255/16"],
    ["192.168.0.1/30"],
    ["223.255.255.254/24"]
  ])("%s is taken", (text) => {
    assert.strictEqual(Prefix.format(Either.getOrThrow(parseAddress(text))), text)
  })

  it.each([
    ["", /^bad address '': it is empty; give .* 10\.1\.0\.1\/24$/],
    ["10.1.0.1", /: the bits of the subnet are missing; give for example 10\.1\.0\.1\/24$/],
    ["10.1.0.1/", /: what follows the slash must be a number, 0 to 32$/],
    ["10.1.0.1/24x", /: what follows the slash must be a number, 0 to 32$/],
    ["10.1.0.1/24/8", /: what follows the slash must be a number, 0 to 32$/],
    ["10.1.0.1/-1", /: what follows the slash must be a number, 0 to 32$/],
    ["10.1.0.1/024", /: the bits must not begin with 0; give 0 to 32$/],
    ["10.1.0.1/33", /^bad address 10\.1\.0\.1\/33: the bits must be 0 to 32$/],
    ["/24", /: it must be four numbers of 0 to 255 with dots, as 10\.1\.0\.1\/24$/],
    ["10.1.1/24", /: it must be four numbers of 0 to 255 with dots/],
    ["10.1.0.256/24", /: it must be four numbers of 0 to 255 with dots/],
    ["167837697/24", /: it must be four numbers of 0 to 255 with dots/],
    ["help", /^bad address help: it is neither a command \(see vknetd --help\) nor an address, as 10\.1\.0\.1\/24$/],
    ["port-2", /: it is neither a command/],
    ["167837697", /: it must be four numbers of 0 to 255 with dots/],
    ["host.example", /: it must be four numbers of 0 to 255 with dots/],
    ["host/24", /: it must be four numbers of 0 to 255 with dots/],
    ["10.01.0.1/24", /: its numbers must not begin with 0; write it as 10\.1\.0\.1\/24$/],
    ["0xa.1.0.1/24", /: it must be four numbers of 0 to 255 with dots/],
    ["fd00::1/64", /: that is IPv6; give an IPv4 address, as 10\.1\.0\.1\/24$/],
    ["::ffff:10.1.0.1/24", /: that is IPv6; give an IPv4 address/],
    ["0.0.0.0/0", /: 0\.0\.0\.0 is nobody's address/],
    ["0.0.0.1/8", /: addresses of 0\.0\.0\.0\/8 belong to no host/],
    ["127.0.0.1/8", /: that is a loopback address/],
    ["224.0.0.1/4", /: that is a multicast address/],
    ["240.0.0.1/4", /: that address is reserved/],
    ["255.255.255.255/32", /: that is the broadcast address/],
    ["10.1.0.255/24", /: that is the broadcast address of its subnet; give another, as 10\.1\.0\.1\/24$/],
    ["11.255.255.255/7", /: that is the broadcast address of its subnet; give another, as 11\.255\.255\.1\/7$/]
  ] as ReadonlyArray<readonly [string, RegExp]>)(
    "%j is refused, with what is wrong with it",
    (text, line) => {
      assert.match(refusal(text), line)
    }
  )
})
