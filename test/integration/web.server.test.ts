import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as http from "node:http"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Control from "../../src/services/ControlSchema.ts"
import { Look, StationSearch } from "../../src/services/LookSchema.ts"
import { assertMistake, run, traces, vknetd } from "./commandTranscript.ts"
import { request, startGuests } from "./controlWorld.ts"
import { runProcess } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { type LookedAt, startLookedAt } from "./pageWorld.ts"

const plain = ["--no-tap", "-U"]

const get = ({ port }: LookedAt, path: string, headers: http.OutgoingHttpHeaders = {}, method = "GET") =>
  request({ host: "127.0.0.1", port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } })

/** The answer's head, and the body as it comes. */
const opened = (target: LookedAt, path: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      new Promise<http.IncomingMessage>((resolve, reject) => {
        http.get({ host: "127.0.0.1", port: target.port, path, agent: false }, resolve).on("error", reject)
      })
    ),
    (answer) => Effect.sync(() => answer.destroy())
  )

const decode = <A, I>(schema: Schema.Schema<A, I>, text: string): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(text), { onExcessProperty: "error" })

describe("the page's server", () => {
  it.scopedLive("answers the questions of the control channel, and changes nothing", () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), plain)
      const guests = yield* startGuests(target, 1)
      yield* guests.send(0, 255, 1)
      yield* target.ask("set", "station-age", "77")
      const status = decode(Control.Status, (yield* get(target, "/status")).text)
      assert.deepInclude(status, { pid: target.process.pid, guests: 1, stationAgeSeconds: 77 })
      assert.strictEqual(decode(Control.Ports, (yield* get(target, "/ports")).text).ports.length, 1)
      assert.strictEqual(decode(Control.Stations, (yield* get(target, "/stations")).text).stations.length, 1)
      decode(Control.Drops, (yield* get(target, "/drops")).text)
      decode(Control.Moves, (yield* get(target, "/moves")).text)
      assert.match((yield* get(target, "/metrics")).text, /^vknetd_guests 1$/m)
      const found = decode(StationSearch, (yield* get(target, "/looks/stations?match=00:01")).text)
      assert.deepInclude(found, { answered: true, total: 1, found: 1 })
      for (const [method, path] of [["POST", "/ports/1/disconnect"], ["PUT", "/settings/log-level"]] as const) {
        const { headers, status } = yield* get(target, path, {}, method)
        assert.deepStrictEqual([status, headers["allow"]], [405, "GET, HEAD"])
      }
      for (const path of ["/", "/page.js", "/status", "/metrics", "/looks/stations?match=1", "/looks"]) {
        const asked = yield* get(target, path, {}, "HEAD")
        assert.deepStrictEqual([asked.status, asked.text], [200, ""], path)
      }
      for (const path of ["/watch", "/ports/1/disconnect", "/settings/log-level", "/x", "//", "/../page.html", "*"]) {
        assert.strictEqual((yield* get(target, path)).status, 404, path)
      }
      assert.strictEqual(decode(Control.Status, (yield* get(target, "/status")).text).guests, 1)
    }))

  it.scopedLive("tells twice a second what there is, as events", () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), plain)
      const answer = yield* opened(target, "/looks")
      assert.strictEqual(answer.headers["content-type"], "text/event-stream")
      let text = ""
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      yield* Effect.sleep(1900)
      const events = text.split("\n\n").slice(0, -1)
      assert.isAtLeast(events.length, 3)
      assert.isAtMost(events.length, 5)
      for (const event of events) {
        assert.isTrue(event.startsWith("data: "))
        decode(Look, event.slice("data: ".length))
      }
    }))

  it.scopedLive("shows itself by no other name, and tells a browser what not to do", () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), plain)
      for (const path of ["/", "/page.js", "/status", "/looks"]) {
        for (const host of ["evil.example", `evil.example:${target.port}`, "127.0.0.1", "localhost:1"]) {
          const { status, text } = yield* get(target, path, { host })
          assert.strictEqual(status, 403, `${path} ${host}`)
          assert.match(text, /^the page is served as localhost:\d+, 127\.0\.0\.1:\d+, /)
        }
      }
      for (const site of ["cross-site", "same-site"]) {
        assert.strictEqual((yield* get(target, "/looks", { "sec-fetch-site": site })).status, 403)
      }
      for (const path of ["/", "/page.js", "/page.css", "/page.svg", "/status", "/x"]) {
        const { headers } = yield* opened(target, path)
        assert.match(headers["content-security-policy"] as string, /^default-src 'none'; script-src 'self'; /)
        assert.notMatch(headers["content-security-policy"] as string, /unsafe|\*|https?:/)
        assert.deepInclude(headers, {
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer",
          "cross-origin-resource-policy": "same-origin",
          "x-frame-options": "DENY"
        })
        for (const not of ["set-cookie", "access-control-allow-origin"]) assert.notProperty(headers, not)
      }
    }))

  it.scopedLive(`has room for ${Bounds.webViewers} who look, and for others when they go`, () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), plain)
      const looking = yield* Effect.all(Array.from({ length: Bounds.webViewers }, () => opened(target, "/looks")))
      for (const { statusCode } of looking) assert.strictEqual(statusCode, 200)
      const { status, text } = yield* get(target, "/looks")
      assert.deepStrictEqual({ status, text }, { status: 503, text: "16 look already\n" })
      looking[3]!.destroy()
      yield* Effect.sleep(700)
      assert.strictEqual((yield* opened(target, "/looks")).statusCode, 200)
    }))

  it.scopedLive("is there on [::1], too", () =>
    Effect.gen(function*() {
      const { port } = yield* startLookedAt(yield* scratchDirectory(), plain, "[::1]")
      const headers = { host: `[::1]:${port}` }
      assert.strictEqual((yield* request({ host: "::1", port, path: "/status", headers })).status, 200)
    }))
})

describe("a token", () => {
  const token = "correct-horse.battery~staple"

  it.scopedLive("is asked for on an address that is not this machine's alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.writeFileSync(`${directory}/token`, `${token}\n`, { mode: 0o600 })
      const argv = [...plain, "--web-token", `${directory}/token`]
      const target = yield* startLookedAt(directory, argv, "0.0.0.0")
      const host = "switch.example"
      // The empty page asks for it.
      for (const path of ["/", "/page.js"]) assert.strictEqual((yield* get(target, path, { host })).status, 200)
      for (const path of ["/status", "/metrics", "/looks", "/looks/stations", "/x"]) {
        for (const authorization of ["", "Bearer ", "Bearer wrong", token, `Bearer ${token}.`, `bearer ${token}`]) {
          assert.strictEqual((yield* get(target, path, { host, authorization })).status, 401, path)
        }
      }
      const authorization = `Bearer ${token}`
      assert.strictEqual((yield* get(target, "/status", { host, authorization })).status, 200)
      assert.notInclude(target.process.stderr(), token)
    }))

  it.scopedLive("that cannot be used ends the start in one line, which does not show it, and leaves nothing", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const file = `${directory}/token`
      const told = (why: string) => `cannot use --web-token ${file}: ${why}`
      const form = "give one line of 16 to 256 letters, digits and . _ ~ + / - (openssl rand -hex 16 makes one)"
      const argv = ["-d", ...plain, "-p", `${directory}/sw`, "--web", "0", "--web-token", file]
      assertMistake(yield* run(argv), told("ENOENT (make it, of what openssl rand -hex 16 prints, or name another)"))
      const cases = [
        ["0123456789abcde", 0o600, form], ["", 0o600, form], ["0123456789abcdef\n\n", 0o600, form],
        ["0123456789 abcdef", 0o600, form], ["x".repeat(257), 0o600, form], ["x".repeat(5000), 0o600, form],
        ["0123456789abcdef\n", 0o644, "everybody may read or write it (chmod o= it)"],
        ["0123456789abcdef\n", 0o602, "everybody may read or write it (chmod o= it)"]
      ] as const
      for (const [text, mode, why] of cases) {
        fs.rmSync(file, { force: true })
        fs.writeFileSync(file, text)
        fs.chmodSync(file, mode)
        const before = traces(directory)
        assertMistake(yield* run(argv), told(why))
        assert.deepStrictEqual(traces(directory), before)
      }
      fs.rmSync(file)
      fs.symlinkSync(file, file)
      assertMistake(yield* run(argv), told("ELOOP (name another)"))
      fs.rmSync(file)
      fs.mkdirSync(file)
      assertMistake(yield* run(argv), told("this is no file"))
    }), 60_000)
})

describe("a page that cannot be served", () => {
  it.scopedLive("ends the start in one line and leaves nothing behind", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const { port } = yield* startLookedAt(directory, plain, "[::1]")
      const argv = ["-d", ...plain, "-p", `${directory}/other`, "--web", `[::1]:${port}`]
      const { output, status } = yield* runProcess([...vknetd, ...argv])
      assert.strictEqual(status, 1)
      assert.match(output, /^vknetd: cannot serve the page on \[::1\]:\d+: EADDRINUSE \([^\n]+\)\n$/m)
      assert.isFalse(fs.existsSync(`${directory}/other`) || fs.existsSync(`${directory}/other.ctl`))
    }))
})
