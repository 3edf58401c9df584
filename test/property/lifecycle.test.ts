import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Chunk from "effect/Chunk"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as SimDataPlane from "../../src/adapters/sim/SimDataPlane.ts"
import { SimDriver } from "../../src/adapters/sim/SimDriver.ts"
import type { FaultPoint } from "../../src/adapters/sim/Faults.ts"
import type { SimKernel } from "../../src/adapters/sim/SimKernel.ts"
import * as Simulation from "../../src/adapters/sim/Simulation.ts"
import { SimWorld } from "../../src/adapters/sim/SimWorld.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import { Column, ROW } from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { DataPlane } from "../../src/services/DataPlane.ts"
import * as Switch from "../../src/services/Switch.ts"
import type { SwitchRequest } from "../../src/services/SwitchRequest.ts"
import { address6 } from "./policyFrames6.ts"
import { frame, markOf } from "./switchWorld.ts"

const ipv6 = { address: address6("fd00:1::1"), bits: 64 }

const request: SwitchRequest = {
  secure: false,
  prefix: Prefixes.make(0x0a010001, 24),
  tapName: "tap3",
  offload: true,
  bridgeName: "bridge0",
  socketPath: "/var/run/vknet",
  socketMode: 0o660,
  groupName: "vknet",
  pidFilePath: "/var/run/vknetd.pid",
  trunk: undefined,
  mtuBytes: undefined,
  guestPorts: 16,
  guestPortsPerUid: 16,
  stationAgeSeconds: Bounds.stationAgeSeconds,
  policy: { ipv6 },
  hashSeed: [1, 2]
}

const world = Layer.provideMerge(
  Layer.provideMerge(SimDataPlane.layer, SimDriver.layer),
  Simulation.layer({ seed: 1, historyLines: 10_000 })
).pipe(Layer.merge(Logger.remove(Logger.defaultLogger)))

/** What a switch may leave behind, as an operator could see it. */
const traces = (kernel: SimKernel) => ({
  tap: kernel.interfaces.tap("tap3") !== undefined,
  bridge: kernel.interfaces.bridge("bridge0") !== undefined,
  socket: kernel.files.get("/var/run/vknet") !== undefined,
  pidFile: kernel.files.get("/var/run/vknetd.pid") !== undefined,
  descriptors: kernel.descriptors.numbers().length
})

const nothing = { tap: false, bridge: false, socket: false, pidFile: false, descriptors: 0 }

const addresses = (kernel: SimKernel) => [...kernel.interfaces.bridge("bridge0")?.addresses ?? []]

const connect = (kernel: SimKernel) => kernel.guest({ path: request.socketPath, uid: 1000, gid: 85, pid: 7 })

describe("a switch's life", () => {
  it.effect("opens everything in order, serves, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      yield* Effect.gen(function*() {
        const running = yield* Switch.open(request)
        assert.strictEqual(running.tap?.interfaceName, "tap3")
        assert.isTrue(kernel.interfaces.tap("tap3")?.up)
        // Where frames that arrive at a member are the bridge's, so are the addresses.
        assert.deepStrictEqual([...kernel.interfaces.tap("tap3")!.addresses6.values()], [])
        assert.deepStrictEqual(addresses(kernel), ["10.1.0.1/24", "fd00:1::1/64"])
        const guest = connect(kernel)
        yield* driver.settle
        guest.send(frame(255, 1, 5))
        yield* driver.settle
        assert.deepStrictEqual(kernel.hostEnd("tap3").taken().map(markOf), [5])
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(traces(kernel), nothing)
    }).pipe(Effect.provide(world)))

  const alone = { ...request, bridgeName: undefined }
  const points: ReadonlyArray<readonly [FaultPoint, SwitchRequest]> = [
    ["tap-open", request],
    ["tap-assign", alone],
    ["tap-up", request],
    ["tap-assign6", alone],
    ["bridge-create", request],
    ["bridge-add", request],
    ["bridge-up", request],
    ["bridge-assign", request],
    ["bridge-assign6", request],
    ["listen", request],
    ["pid-file", request]
  ]
  for (const [point, request] of points) {
    it.effect(`a start that fails at ${point} undoes what came before it`, () =>
      Effect.gen(function*() {
        const kernel = yield* SimWorld
        kernel.faults.failNext(point as "listen", "ENOMEM")
        const exit = yield* Effect.exit(Effect.scoped(Switch.open(request)))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(traces(kernel), nothing)
      }).pipe(Effect.provide(world)))
  }

  it.effect("asks before it acts: a missing group, a live socket, a held pid file change nothing", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const refused = (asked: SwitchRequest) =>
        Effect.scoped(Switch.open(asked)).pipe(Effect.flip, Effect.map((error) => error.message))
      assert.include(yield* refused({ ...request, groupName: "nobodies" }), "no group nobodies (make it with: ")
      assert.deepStrictEqual(traces(kernel), nothing)
      yield* Effect.gen(function*() {
        yield* Switch.open({ ...request, tapName: "tap9", bridgeName: undefined })
        const before = traces(kernel)
        assert.include(yield* refused({ ...request, pidFilePath: "/var/run/other.pid" }), "another switch is listening")
        assert.include(yield* refused({ ...request, socketPath: "/var/run/other" }), "holds it")
        assert.deepStrictEqual(traces(kernel), before)
        assert.isUndefined(kernel.files.get("/var/run/other"))
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(world)))

  it.effect("lets nobody in before the host is there: what a waiting guest sent first reaches it", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      const plane = yield* DataPlane
      const busy = DataPlane.of({
        start: (asked) =>
          Effect.gen(function*() {
            connect(kernel).send(frame(255, 1, 5))
            const running = yield* plane.start(asked)
            yield* driver.settle
            return running
          })
      })
      yield* Effect.gen(function*() {
        yield* Effect.provideService(Switch.open(request), DataPlane, busy)
        assert.deepStrictEqual(kernel.hostEnd("tap3").taken().map(markOf), [5])
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(world)))

  it.effect("makes the trunks' socket beside the guests', for no more than its group, and takes nobody's", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      const trunk = { path: "/var/run/trunk", groupName: "vknet" }
      yield* Effect.gen(function*() {
        const running = yield* Switch.open({ ...request, socketMode: 0o666, trunk })
        const node = kernel.files.get(trunk.path)
        assert.deepInclude(node, { kind: "socket", mode: 0o660, gid: 85 })
        const guest = kernel.guest({ path: trunk.path, uid: 1000, gid: 85, pid: 7 })
        yield* driver.settle
        guest.send(frame(255, 1, 5))
        yield* driver.settle
        assert.deepStrictEqual(kernel.hostEnd("tap3").taken().map(markOf), [5])
        const notice = Chunk.unsafeHead(yield* running.plane.notices)
        assert.deepInclude(notice, { kind: "opened", port: 1, trunk: true })
        const before = traces(kernel)
        const second = { ...request, tapName: "tap9", socketPath: "/var/run/s", pidFilePath: undefined, trunk }
        const { message } = yield* Effect.flip(Effect.scoped(Switch.open(second)))
        assert.include(message, "cannot listen on /var/run/trunk: another switch is listening there")
        assert.deepStrictEqual(traces(kernel), before)
        assert.isUndefined(kernel.files.get("/var/run/s"))
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(traces(kernel), nothing)
      assert.isUndefined(kernel.files.get(trunk.path))
    }).pipe(Effect.provide(world)))

  it.effect("after a crash the next start just works", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const killed = yield* Scope.make()
      yield* Switch.open(request).pipe(Scope.extend(killed))
      kernel.crash()
      assert.deepInclude(traces(kernel), { socket: true, pidFile: true, descriptors: 0 })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Switch.open(request)
        const guest = connect(kernel)
        assert.isFalse(guest.gone)
      }))
    }).pipe(Effect.provide(world)))

  it.effect("a tap that vanishes is opened again, and guests stay connected", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      yield* Effect.gen(function*() {
        const running = yield* Switch.open(request)
        const supervisor = yield* Effect.fork(running.supervise)
        const guest = connect(kernel)
        yield* driver.settle
        kernel.hostEnd("tap3").vanish()
        kernel.faults.failNext("tap-open", "EBUSY", { times: 2 })
        yield* driver.settle
        yield* TestClock.adjust(Duration.seconds(1))
        yield* driver.settle
        assert.isFalse(guest.gone)
        assert.deepStrictEqual(addresses(kernel), ["10.1.0.1/24", "fd00:1::1/64"])
        guest.send(frame(255, 1, 6))
        yield* driver.settle
        assert.deepStrictEqual(kernel.hostEnd("tap3").taken().map(markOf), [6])
        yield* Fiber.interrupt(supervisor)
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(traces(kernel), nothing)
    }).pipe(Effect.provide(world)))

  it.effect("a tap whose MAC address or MTU changes is known by the new one, and that is said once", () => {
    const lines: Array<unknown> = []
    const logger = Logger.make(({ annotations, message }) => {
      if (String(message) === "the tap's link has changed") lines.push(Object.fromEntries(annotations))
    })
    return Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      const running = yield* Switch.open(request)
      const supervisor = yield* Effect.fork(running.supervise)
      const guest = connect(kernel)
      yield* driver.settle
      const formerMac = Mac.format(running.tap!.macAddress)
      const mac = "02:00:00:00:00:01"
      kernel.hostEnd("tap3").change({ mac: Mac.toOctets(Mac.parse(mac)!), mtuBytes: 1400 })
      guest.send(frame(255, 1))
      yield* driver.settle
      const { values } = running.plane.counters
      assert.strictEqual(values[ROW + Column.denied + Reason.SRC_MAC_TAP], 1)
      assert.deepStrictEqual(running.directory.tap.link, { mac: Mac.parse(mac), mtuBytes: 1400 })
      assert.deepStrictEqual(lines, [{ tap: "tap3", formerMac, mac, formerMtu: 1500, mtu: 1400 }])

      // Another tap, with an address and an MTU of its own, is none that has changed.
      kernel.hostEnd("tap3").vanish()
      yield* driver.settle
      yield* TestClock.adjust(Duration.seconds(1))
      yield* driver.settle
      const again = kernel.interfaces.tap("tap3")!
      assert.deepStrictEqual(running.directory.tap.link, { mac: Mac.fromOctets(again.mac), mtuBytes: 1500 })
      assert.strictEqual(lines.length, 1)
      yield* Fiber.interrupt(supervisor)
    }).pipe(Effect.scoped, Effect.provide(Logger.add(logger)), Effect.provide(world))
  })

  it.effect("a tap that does not come back ends the switch with an error, after trying for seconds", () =>
    Effect.gen(function*() {
      const kernel = yield* SimWorld
      const driver = yield* SimDriver
      const exit = yield* Effect.gen(function*() {
        const running = yield* Switch.open(request)
        const supervisor = yield* Effect.fork(running.supervise)
        kernel.hostEnd("tap3").vanish()
        kernel.faults.failNext("tap-open", "EPERM", { times: 1000 })
        yield* driver.settle
        yield* TestClock.adjust(Duration.seconds(3))
        assert.isNull(supervisor.unsafePoll())
        yield* TestClock.adjust(Duration.seconds(60))
        return yield* Fiber.await(supervisor)
      }).pipe(Effect.scoped)
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(traces(kernel), nothing)
    }).pipe(Effect.provide(world)))
})
