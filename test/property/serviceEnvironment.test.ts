import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { takeDescriptors } from "../../src/cli/SocketActivation.ts"

const pid = 4711

describe("sockets that are handed over", () => {
  it("are the descriptors from 3 on, and are named nowhere any more", () => {
    const environment = { LISTEN_FDS: "2", LISTEN_PID: "4711", LISTEN_FDNAMES: "a:b", HOME: "/" }
    assert.deepStrictEqual(takeDescriptors(environment, pid), { sockets: [3, 4], stored: [] })
    assert.deepStrictEqual(environment as Record<string, string>, { HOME: "/" })
  })

  it("are left alone when they are another's", () => {
    const environment = { LISTEN_FDS: "1", LISTEN_PID: "1" }
    assert.deepStrictEqual(takeDescriptors(environment, pid), { sockets: undefined, stored: [] })
    assert.deepStrictEqual(environment, { LISTEN_FDS: "1", LISTEN_PID: "1" })
  })

  it("are apart from what was kept for the next process, by their names", () => {
    const LISTEN_FDNAMES = "vknetd.socket:g1:tap-0123abcd:t16384:g0:tap0"
    const handedOver = takeDescriptors({ LISTEN_FDS: "6", LISTEN_PID: "4711", LISTEN_FDNAMES }, pid)
    assert.deepStrictEqual(handedOver, {
      sockets: [3, 7, 8],
      stored: [{ fd: 4, name: "g1" }, { fd: 5, name: "tap-0123abcd" }, { fd: 6, name: "t16384" }]
    })
  })

  const text = fc.oneof(fc.string({ maxLength: 6 }), fc.nat().map(String), fc.constant("4711"))
  const word = fc.option(text, { nil: undefined })

  it.prop("are some or none, whatever the environment says", [word, word], ([count, addressee]) => {
    const environment: NodeJS.ProcessEnv = {}
    if (count !== undefined) environment["LISTEN_FDS"] = count
    if (addressee !== undefined) environment["LISTEN_PID"] = addressee
    const { sockets: found } = takeDescriptors(environment, pid)
    if (found === undefined) return
    assert.strictEqual(addressee, "4711")
    assert.isAtLeast(found.length, 1)
    assert.deepStrictEqual(found, Array.from({ length: found.length }, (_, i) => 3 + i))
  })
})
