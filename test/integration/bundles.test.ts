import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as vm from "node:vm"
import { runWords, vknetd } from "./commandTranscript.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

const repository = path.dirname(path.dirname(vknetd[1]))
const dist = path.join(repository, "dist")
const cacheName = `switch.cjs.${process.version}-${process.arch}.cache`

/** The digest behind what V8 has compiled. */
const digestBytes = 20

const withoutDigest = (cache: Buffer) => cache.subarray(0, cache.length - digestBytes)

const withDigest = (data: Uint8Array) => Buffer.concat([data, createHash("sha1").update(data).digest()])

/** A copy of what runs, whose cache is these octets; undefined for none. */
const copyWith = (cache: Uint8Array | undefined) =>
  Effect.map(scratchDirectory(), (directory) => {
    for (const name of ["bin", "dist"]) {
      fs.cpSync(path.join(repository, name), path.join(directory, name), { recursive: true })
    }
    fs.rmSync(path.join(directory, "dist", cacheName))
    if (cache !== undefined) fs.writeFileSync(path.join(directory, "dist", cacheName), cache)
    return path.join(directory, "bin/vknetd")
  })

describe("what is built", () => {
  it("holds a code cache that this Node takes", () => {
    const source = fs.readFileSync(path.join(dist, "switch.cjs"), "latin1")
    const cachedData = withoutDigest(fs.readFileSync(path.join(dist, cacheName)))
    assert.isFalse(new vm.Script(source, { filename: path.join(dist, "switch.cjs"), cachedData }).cachedDataRejected)
  })

  it("is ASCII, as which the switch's bundle is read", () => {
    for (const name of fs.readdirSync(dist).filter((name) => name.endsWith(".cjs"))) {
      assert.isTrue(fs.readFileSync(path.join(dist, name)).every((octet) => octet < 128), name)
    }
  })

  it("lets the commands that ask a switch load little", () => {
    for (const name of ["vknetd.cjs", "part-ControlCommand.cjs"]) {
      assert.isBelow(fs.statSync(path.join(dist, name)).size, 48 * 1024, name)
    }
  })

  it.scopedLive("runs as well without a cache, with one that does not fit, and with one that is damaged", () =>
    Effect.gen(function*() {
      const whole = fs.readFileSync(path.join(dist, cacheName))
      const foreign = Buffer.from(whole)
      // The version's hash, at the beginning.
      foreign.fill(0x5a, 4, 8)
      const damaged = Buffer.from(whole)
      // V8 of Node 20 would take it, and end the process.
      for (let i = 0; i < 20_000; i++) damaged[(whole.length >> 1) + i]! ^= 0xff
      const others = [foreign, withDigest(withoutDigest(foreign)), damaged]
      for (const cache of [undefined, Buffer.alloc(0), whole.subarray(0, 1000), ...others]) {
        const answer = yield* runWords([process.execPath, yield* copyWith(cache), "-U", "--check"])
        assert.deepStrictEqual(answer, { status: 0, stdout: "the command line: ok\n", stderr: "" })
      }
    }), 60_000)
})
