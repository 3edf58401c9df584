import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as WebGuard from "../../src/adapters/web/WebGuard.ts"

const local = { host: "127.0.0.1", port: 9180, isLoopback: true, token: undefined }
const asked = (headers: Record<string, string>, method = "GET") => ({ method, headers })
const byHost = (host: string, address: Parameters<typeof WebGuard.make>[0] = local) =>
  WebGuard.object(WebGuard.make(address), asked({ host }))?.status

describe("a page of the loopback interface", () => {
  it("is shown by the names of that interface with its port, and by no other name that may mean it", () => {
    for (const host of ["localhost:9180", "LOCALHOST:9180", "127.0.0.1:9180", "[::1]:9180"]) {
      assert.isUndefined(byHost(host), host)
    }
    for (
      const host of [
        "", "localhost", "127.0.0.1", "localhost:80", "evil.example:9180", "localhost.evil.example:9180",
        "127.0.0.1.evil.example:9180", "evil.example:9180@localhost:9180", "127.0.0.1:91800", "[::2]:9180",
        "localhost:9180 "
      ]
    ) assert.strictEqual(byHost(host), 403, host)
    assert.strictEqual(WebGuard.object(WebGuard.make(local), asked({}))?.status, 403)
  })

  it("of another address or port goes by those", () => {
    assert.isUndefined(byHost("127.0.0.2:1", { ...local, host: "127.0.0.2", port: 1 }))
    assert.isUndefined(byHost("localhost", { ...local, port: 80 }))
    assert.isUndefined(byHost("[::1]", { ...local, host: "::1", port: 80 }))
  })

  it("is not shown by any name that is not its own, whatever it is", () => {
    const guard = WebGuard.make(local)
    fc.assert(fc.property(fc.string(), fc.webAuthority(), (text, authority) => {
      for (const host of [text, authority, `${text}:9180`]) {
        const known = /^(localhost|127\.0\.0\.1|\[::1\]):9180$/i.test(host)
        assert.strictEqual(WebGuard.object(guard, asked({ host })) === undefined, known, host)
      }
    }))
  })
})

describe("the page", () => {
  it("can only be looked at", () => {
    const guard = WebGuard.make(local)
    const objection = (method: string) => WebGuard.object(guard, asked({ host: "localhost:9180" }, method))?.status
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "CONNECT"]) {
      assert.strictEqual(objection(method), 405, method)
    }
    // RFC 9110, 9.1: a server of general purpose has to know these two.
    for (const method of ["GET", "HEAD"]) assert.isUndefined(objection(method), method)
  })

  it("tells another site's page nothing", () => {
    const guard = WebGuard.make(local)
    const told = (site: string) => WebGuard.objectToReader(guard, asked({ "sec-fetch-site": site }))?.status
    assert.deepStrictEqual(["same-origin", "none"].map(told), [undefined, undefined])
    assert.deepStrictEqual(["cross-site", "same-site", "", "x"].map(told), [403, 403, 403, 403])
    assert.isUndefined(WebGuard.objectToReader(guard, asked({})))
  })
})

describe("a token", () => {
  const token = "0123456789abcdef"
  const guard = WebGuard.make({ host: "0.0.0.0", port: 9180, isLoopback: false, token })

  it("is asked for before anything is told, and goes with any name of the machine", () => {
    assert.isUndefined(WebGuard.object(guard, asked({ host: "switch.example:9180" })))
    assert.isUndefined(WebGuard.objectToReader(guard, asked({ authorization: `Bearer ${token}` })))
    assert.strictEqual(WebGuard.objectToReader(guard, asked({}))?.status, 401)
  })

  it("has to be the whole token and nothing else", () => {
    fc.assert(fc.property(fc.string(), fc.nat(token.length - 1), (text, cut) => {
      for (const given of [text, `Bearer ${text}`, `Bearer ${token.slice(0, cut)}`, `Bearer ${token}${text}x`]) {
        assert.strictEqual(WebGuard.objectToReader(guard, asked({ authorization: given }))?.status, 401, given)
      }
    }))
  })
})
