import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as SimDataPlane from "../../src/adapters/sim/SimDataPlane.ts"
import { SimDriver } from "../../src/adapters/sim/SimDriver.ts"
import * as Simulation from "../../src/adapters/sim/Simulation.ts"
import { SimWorld } from "../../src/adapters/sim/SimWorld.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { CallerCheck, ControlApi } from "../../src/services/ControlApi.ts"
import { Forbidden } from "../../src/services/ErrorAnswers.ts"
import * as ControlHandlers from "../../src/services/ControlHandlers.ts"
import * as Control from "../../src/services/ControlSchema.ts"
import { ControlTarget } from "../../src/services/ControlTarget.ts"
import type { PlaneQuestion } from "../../src/services/PlaneQuestion.ts"
import { PeerProcesses } from "../../src/services/PeerProcesses.ts"
import * as Switch from "../../src/services/Switch.ts"
import type { SwitchRequest } from "../../src/services/SwitchRequest.ts"
import { frame } from "./switchWorld.ts"

const request: SwitchRequest = {
  secure: false,
  prefix: Prefixes.make(0x0a010001, 24),
  tapName: "tap3",
  offload: true,
  bridgeName: undefined,
  socketPath: "/var/run/vknet",
  socketMode: 0o660,
  groupName: "vknet",
  pidFilePath: undefined,
  trunk: undefined,
  mtuBytes: undefined,
  guestPorts: 16,
  guestPortsPerUid: 3,
  stationAgeSeconds: Bounds.stationAgeSeconds,
  policy: {},
  hashSeed: [1, 2]
}

const world = Layer.provideMerge(
  Layer.provideMerge(SimDataPlane.layer, SimDriver.layer),
  Simulation.layer({ seed: 1, historyLines: 10_000 })
).pipe(Layer.merge(Logger.remove(Logger.defaultLogger)))

type Role = "owner" | "member" | "stranger"

/** A switch on the simulated kernel with its control channel; every request is one of a role's. */
const open = Effect.gen(function*() {
  const running = yield* Switch.open(request)
  yield* Effect.forkScoped(running.supervise)
  const kernel = yield* SimWorld
  const driver = yield* SimDriver
  let answers = true
  let isFull = false
  let level = "info"
  const late: Array<PlaneQuestion> = []
  const plane: typeof running.plane = {
    ...running.plane,
    ask: (question) =>
      Effect.suspend(() => {
        if (isFull) return Effect.succeedNone
        if (answers) return running.plane.ask(question)
        late.push(question)
        return Effect.never
      })
  }
  const target = Layer.succeed(ControlTarget, {
    running: { ...running, plane },
    version: "1.2.3",
    pid: 42,
    startedMs: Date.UTC(2026, 0, 2),
    log: { levels: ["error", "info"], level: () => level, setLevel: (next) => void (level = next) }
  })
  const processes = yield* PeerProcesses
  let role: Role = "owner"
  const check = Layer.succeed(
    CallerCheck,
    Effect.suspend(() =>
      role === "stranger"
        ? Effect.fail(new Forbidden({ message: "only root and the members of the socket's group may ask" }))
        : Effect.succeed({ uid: role === "owner" ? 0 : 1000, mayChange: role === "owner" })
    )
  )
  const api = HttpApiBuilder.api(ControlApi).pipe(
    Layer.provide(ControlHandlers.layer),
    Layer.provide([check, target, Layer.succeed(PeerProcesses, processes)]),
    Layer.merge(HttpServer.layerContext),
    Layer.merge(Logger.remove(Logger.defaultLogger))
  )
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpApiBuilder.toWebHandler(api)),
    ({ dispose }) => Effect.promise(dispose)
  )
  const send = (method: string, path: string, as: Role = "owner", body?: unknown) =>
    Effect.promise(async () => {
      role = as
      const init = body === undefined
        ? { method }
        : { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } }
      const response = await handler(new Request(`http://switch${path}`, init))
      return { status: response.status, text: await response.text() }
    })
  const get = <A, I>(path: string, schema: Schema.Schema<A, I>) =>
    Effect.map(send("GET", path), ({ status, text }) => {
      assert.strictEqual(status, 200, text)
      return Schema.decodeUnknownSync(schema)(JSON.parse(text), { onExcessProperty: "error" })
    })
  const guest = (uid: number) => {
    const guest = kernel.guest({ path: request.socketPath, uid, gid: 85, pid: 7 })
    return Effect.as(driver.settle, guest)
  }
  return {
    kernel,
    driver,
    send,
    get,
    guest,
    handler,
    /** The forwarding thread is stuck. */
    stop: () => void (answers = false),
    /** It has too many questions already. */
    refuse: () => void (isFull = true),
    /** It does what it was told meanwhile, and goes on. */
    goOn: Effect.suspend(() => {
      answers = true
      return Effect.forEach(late.splice(0), running.plane.ask)
    }),
    level: () => level
  }
})

const message = (text: string): unknown => (JSON.parse(text) as { readonly message?: unknown }).message

describe("the control channel of a simulated switch", () => {
  it.scopedLive("tells who is where, what was lost, and what moved", () =>
    Effect.gen(function*() {
      const { driver, get, guest, kernel } = yield* open
      const [one, two] = [yield* guest(0), yield* guest(1000)]
      one.send(frame(255, 1))
      two.send(frame(255, 2))
      yield* driver.settle
      two.send(frame(255, 1))
      two.send(new Uint8Array(3))
      yield* driver.settle
      const status = yield* get("/status", Control.Status)
      assert.deepInclude(status, {
        version: "1.2.3",
        pid: 42,
        started: "2026-01-02T00:00:00Z",
        mode: "bridge",
        address: "10.1.0.1/24",
        tap: "tap3",
        tapState: "up",
        tapMac: Mac.format(Mac.fromOctets(kernel.interfaces.tap("tap3")!.mac)),
        tapMtuBytes: 1500,
        guests: 2,
        stations: 2,
        receivedFrames: 4,
        deniedFrames: 1,
        answered: true
      })
      const { ports } = yield* get("/ports", Control.Ports)
      assert.deepStrictEqual(ports.map(({ command, kind, pid, port, stations, uid, user }) => [
        port, kind, uid, user, pid, command, stations
      ]), [
        [0, "tap", null, null, null, null, 0],
        [1, "guest", 0, "root", 7, "guest", 0],
        [2, "guest", 1000, null, 7, "guest", 2]
      ])
      assert.deepStrictEqual(ports[2]!.reasons, [{ reason: "RUNT", frames: 1 }])
      assert.deepStrictEqual(
        (yield* get("/stations", Control.Stations)).stations.map(({ address, port }) => [port, address]),
        [[2, "02:00:00:00:00:01"], [2, "02:00:00:00:00:02"]]
      )
      assert.deepStrictEqual((yield* get("/drops", Control.Drops)).drops, [
        { port: 2, stage: "denied", reason: "RUNT", frames: 1 }
      ])
      const { moves, total } = yield* get("/moves", Control.Moves)
      assert.strictEqual(total, 1)
      assert.deepInclude(moves[0], { address: "02:00:00:00:00:01", from: 1, to: 2, count: 1 })

      two.close()
      yield* driver.settle
      assert.deepStrictEqual((yield* get("/drops", Control.Drops)).drops, [
        { port: null, stage: "denied", reason: "RUNT", frames: 1 }
      ])
      yield* Effect.all([guest(5), guest(5), guest(5), guest(5)])
      assert.deepStrictEqual((yield* get("/drops", Control.Drops)).refusals, [
        { reason: "CONN_UID_LIMIT", connections: 1 }
      ])
      assert.isAbove(kernel.descriptors.numbers().length, 0)
    }).pipe(Effect.provide(world)))

  it.scopedLive("tells many stations as it tells few: by port, the latest heard first", () =>
    Effect.gen(function*() {
      const { driver, get, guest } = yield* open
      assert.deepStrictEqual(yield* get("/stations", Control.Stations), { stations: [] })
      const guests = [yield* guest(0), yield* guest(0), yield* guest(0)]
      for (let n = 0; n < 2400; n++) {
        const octets = frame(255, 1)
        octets.set([n >>> 8, n & 255], 10)
        guests[n % 3]!.send(octets)
        if (n % 30 === 29) yield* driver.settle
        if (n % 600 === 599) yield* driver.pass(1000)
      }
      const { stations } = yield* get("/stations", Control.Stations)
      assert.strictEqual(new Set(stations.map(({ address }) => address)).size, 2400)
      const sorted = [...stations].sort((a, b) =>
        a.port - b.port || a.ageSeconds - b.ageSeconds || (a.address < b.address ? -1 : 1))
      assert.deepStrictEqual(stations, sorted)
      assert.strictEqual(new Set(stations.map(({ ageSeconds }) => ageSeconds)).size, 4)
    }).pipe(Effect.provide(world)))

  it.scopedLive("tells what it knows when the forwarding thread does not answer, and says so", () =>
    Effect.gen(function*() {
      const { driver, get, guest, send, stop } = yield* open
      const one = yield* guest(0)
      one.send(frame(255, 1))
      yield* driver.settle
      stop()
      const startMs = performance.now()
      assert.deepInclude(yield* get("/status", Control.Status), { answered: false, stations: null, receivedFrames: 1 })
      assert.isBelow(performance.now() - startMs, Bounds.controlAnswerMs + 500)
      const { answered, ports } = yield* get("/ports", Control.Ports)
      assert.isFalse(answered)
      assert.deepInclude(ports[1], { port: 1, stations: null, flags: null, receivedFrames: 1 })
      for (const [method, path] of [["GET", "/stations"], ["GET", "/moves"], ["POST", "/ports/1/pin"]] as const) {
        const { status, text } = yield* send(method, path)
        assert.strictEqual(status, 503)
        assert.match(String(message(text)), /^the forwarding thread does not answer \([^\n]+\)$/)
      }
      const metrics = yield* send("GET", "/metrics")
      assert.match(metrics.text, /^vknetd_answering 0$/m)
      assert.notMatch(metrics.text, /vknetd_stations /)
    }).pipe(Effect.provide(world)))

  it.scopedLive("does late what it was told while the forwarding thread was stuck, says so, and does not undo it", () =>
    Effect.gen(function*() {
      const { driver, get, goOn, send, stop } = yield* open
      const set = (key: string, value: string) => send("PUT", `/settings/${key}`, "owner", { value })
      stop()
      for (const [key, value] of [["mac-age", "60"], ["storm-rate", "5"]] as const) {
        const { status, text } = yield* set(key, value)
        assert.deepStrictEqual([status, message(text)], [
          503,
          "the forwarding thread does not answer (it is stuck or overloaded; it will do this when it goes on)"
        ])
      }
      assert.deepInclude(yield* get("/status", Control.Status), { answered: false, stationAgeSeconds: 60 })
      yield* goOn
      assert.strictEqual((yield* set("arp-rate", "7")).status, 200)
      const [loop] = driver.loops
      assert.strictEqual(loop!.forwarder.settings.stationAgeSeconds, 60)
      assert.deepStrictEqual(loop!.forwarder.settings.policy, { stormPerSecond: 5, arpPerSecond: 7 })
      assert.deepInclude(yield* get("/status", Control.Status), { answered: true, stationAgeSeconds: 60 })
    }).pipe(Effect.provide(world)))

  it.scopedLive("loses no change of several at once", () =>
    Effect.gen(function*() {
      const { driver, send } = yield* open
      const set = (key: string) => send("PUT", `/settings/${key}`, "owner", { value: "9" })
      const done = yield* Effect.all(["mac-age", "storm-rate", "arp-rate"].map(set), { concurrency: "unbounded" })
      assert.deepStrictEqual(done.map(({ status }) => status), [200, 200, 200])
      const [loop] = driver.loops
      assert.deepInclude(loop!.forwarder.settings, {
        stationAgeSeconds: 9,
        policy: { stormPerSecond: 9, arpPerSecond: 9 }
      })
    }).pipe(Effect.provide(world)))

  it.scopedLive("changes nothing where the forwarding thread has too much to answer already", () =>
    Effect.gen(function*() {
      const { driver, get, refuse, send } = yield* open
      refuse()
      const { status, text } = yield* send("PUT", "/settings/station-age", "owner", { value: "60" })
      assert.deepStrictEqual([status, message(text)], [503, "too many ask at once (try again)"])
      assert.deepInclude(yield* get("/status", Control.Status), { stationAgeSeconds: Bounds.stationAgeSeconds })
      const [loop] = driver.loops
      assert.strictEqual(loop!.forwarder.settings.stationAgeSeconds, Bounds.stationAgeSeconds)
    }).pipe(Effect.provide(world)))

  it.scopedLive("shows a guest that comes while the tap is gone, and the tap as lost", () =>
    Effect.gen(function*() {
      const { driver, get, guest, kernel } = yield* open
      kernel.faults.failNext("tap-open", "EBUSY")
      kernel.hostEnd("tap3").vanish()
      yield* driver.settle
      assert.deepInclude(yield* get("/status", Control.Status), { tapState: "lost", guests: 0 })
      yield* guest(0)
      assert.deepInclude(yield* get("/status", Control.Status), { tapState: "lost", guests: 1 })
      for (let i = 0; i < 100; i++) {
        yield* driver.settle
        if ((yield* get("/status", Control.Status)).tapState === "up") return
        yield* Effect.sleep(20)
      }
      assert.fail("the tap is not back")
    }).pipe(Effect.provide(world)))

  it.scopedLive("lets the group look and not change, and strangers not even look", () =>
    Effect.gen(function*() {
      const { guest, level, send } = yield* open
      yield* guest(0)
      for (const path of ["/status", "/ports", "/stations", "/drops", "/moves", "/metrics"]) {
        assert.strictEqual((yield* send("GET", path, "member")).status, 200)
        const { status, text } = yield* send("GET", path, "stranger")
        assert.strictEqual(status, 403)
        assert.strictEqual(message(text), "only root and the members of the socket's group may ask")
      }
      const changes = [
        ["POST", "/ports/1/pin", undefined],
        ["POST", "/ports/1/disconnect", undefined],
        ["PUT", "/settings/log-level", { value: "error" }]
      ] as const
      for (const [method, path, body] of changes) {
        for (const role of ["member", "stranger"] as const) {
          const { status, text } = yield* send(method, path, role, body)
          assert.strictEqual(status, 403)
          assert.match(String(message(text)), /^only root and [^\n]+$/)
        }
      }
      assert.strictEqual(level(), "info")
      for (const [method, path, body] of changes) {
        assert.strictEqual((yield* send(method, path, "owner", body)).status, 200)
      }
      assert.strictEqual(level(), "error")
    }).pipe(Effect.provide(world)))

  it.scopedLive("refuses in one line what cannot be meant, and changes nothing", () =>
    Effect.gen(function*() {
      const { get, send } = yield* open
      const refused: ReadonlyArray<readonly [string, string, unknown, number, string]> = [
        ["POST", "/ports/0/pin", undefined, 404, "no guest has port 0"],
        ["POST", "/ports/99999/pin", undefined, 404, "no guest has port 99999"],
        ["PUT", "/settings/log-level", { value: "loud" }, 400, "bad log-level loud: give one of error, info"],
        ["PUT", "/settings/mac-age", { value: "604801" }, 400, "bad mac-age 604801: give seconds from 1 to 604800"],
        ["PUT", "/settings/station-age", { value: "0" }, 400, "bad station-age 0: give seconds from 1 to 604800"],
        [
          "PUT",
          "/settings/x",
          { value: "0" },
          404,
          "nothing to set is called x: there are log-level, mac-age, storm-rate, arp-rate"
        ],
        [
          "PUT",
          "/settings/arp-rate",
          { value: "1e3" },
          400,
          "bad arp-rate 1e3: give frames a second from 1 to 10000000"
        ]
      ]
      for (const [method, path, body, expected, line] of refused) {
        const { status, text } = yield* send(method, path, "owner", body)
        assert.deepStrictEqual([status, message(text)], [expected, line])
      }
      for (const path of ["/ports/1/explode", "/ports/x/pin"]) {
        assert.strictEqual((yield* send("POST", path)).status, 400)
      }
      // The older name is that of scripts, which know it also from the answer.
      for (const [key, seconds] of [["mac-age", 50], ["station-age", 60]] as const) {
        const { status, text } = yield* send("PUT", `/settings/${key}`, "owner", { value: `${seconds}` })
        assert.deepStrictEqual([status, JSON.parse(text)], [200, { key, value: `${seconds}` }])
        assert.deepInclude(yield* get("/status", Control.Status), { stationAgeSeconds: seconds, logLevel: "info" })
      }
    }).pipe(Effect.provide(world)))

  it.scopedLive("sends samples for as long as they are read", () =>
    Effect.gen(function*() {
      const { handler } = yield* open
      const lines = yield* Effect.promise(async () => {
        const response = await handler(new Request("http://switch/watch?intervalMs=100"))
        let text = ""
        for await (const chunk of response.body!) {
          text += new TextDecoder().decode(chunk)
          if (text.split("\n").length > 3) break
        }
        return text.split("\n").slice(0, 3)
      })
      const samples = lines.map((line) => Schema.decodeUnknownSync(Schema.parseJson(Control.Sample))(line))
      assert.isAtLeast(samples[2]!.timeMs - samples[0]!.timeMs, 150)
      for (const sample of samples) assert.isTrue(sample.answered)
    }).pipe(Effect.provide(world)))
})
