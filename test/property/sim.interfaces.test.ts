import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Simulation from "../../src/adapters/sim/Simulation.ts"
import type { SimKernelOptions } from "../../src/adapters/sim/SimKernel.ts"
import { SimWorld } from "../../src/adapters/sim/SimWorld.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { BridgeControl } from "../../src/services/BridgeControl.ts"
import { TapDevice } from "../../src/services/TapDevice.ts"
import { address6 } from "./policyFrames6.ts"

const within = <A, E>(
  run: Effect.Effect<A, E, TapDevice | BridgeControl | SimWorld | Scope.Scope>,
  options: SimKernelOptions = {}
) => Effect.scoped(run).pipe(Effect.provide(Simulation.layer(options)))

const open = (name: string) => Effect.flatMap(TapDevice, (device) => device.open({ name, offload: true }))

const codeOf = (name: string) => Effect.map(Effect.flip(open(name)), ({ code, operation }) => [operation, code])

const addresses = { prefix: Prefixes.make(0x0a010001, 24), ipv6: { address: address6("fd00:1::1"), bits: 64 } }

const join = (bridgeName: string, interfaceName: string) =>
  Effect.flatMap(BridgeControl, (bridge) => bridge.join({ bridgeName, interfaceName, ...addresses }))

const refusal = (bridgeName: string, interfaceName: string) =>
  Effect.map(Effect.flip(join(bridgeName, interfaceName)), ({ code, operation }) => [operation, code])

describe("a tap of the simulated kernel", () => {
  it.effect("is made by opening it, configured, and gone when the scope ends", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      yield* Effect.scoped(Effect.gen(function*() {
        const tap = yield* open("tap7")
        assert.deepStrictEqual([tap.interfaceName, tap.printedName, tap.mtuBytes], ["tap7", "tap7", 1500])
        const made = kernel.interfaces.tap("tap7")
        assert.deepStrictEqual(Mac.toOctets(tap.macAddress), made?.mac)
        const prefix = Prefixes.make(0x0a010001, 24)
        yield* tap.assign(prefix)
        yield* tap.assign(prefix)
        assert.deepStrictEqual(made?.addresses, [prefix])
        const prefix6 = (bits: number) => ({ address: address6("fd00:1::1"), bits })
        for (const bits of [48, 64, 64]) yield* tap.assign6(prefix6(bits))
        assert.deepStrictEqual([...made!.addresses6.values()], [prefix6(64)])
        assert.isFalse(made?.up)
        yield* tap.bringUp
        assert.isTrue(made?.up)
      }))
      assert.deepStrictEqual([kernel.interfaces.names(), kernel.descriptors.count], [[], 0])
    })))

  it.effect("by the name auto is the first whose name is not taken, whoever holds the others", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      kernel.interfaces.add("tap1", "other")
      kernel.interfaces.add("tap2", "tap")
      const names = yield* Effect.forEach(["auto", "auto", "auto"], (name) =>
        Effect.map(open(name), ({ interfaceName }) => interfaceName))
      assert.deepStrictEqual(names, ["tap0", "tap3", "tap4"])
    })))

  it.effect("that vanished and was made anew under its name is not taken down with its predecessor", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      const first = kernel.openTap("tap0")
      kernel.hostEnd("tap0").vanish()
      yield* open("tap0")
      kernel.close(first)
      assert.isTrue(kernel.interfaces.tap("tap0")?.held)
    })))

  it.effect("that the administrator made stays, with its address, when the switch has closed it", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      kernel.interfaces.add("tap5", "tap")
      const prefix = Prefixes.make(0x0a010001, 24)
      yield* Effect.scoped(Effect.flatMap(open("/dev/tap5"), (tap) => tap.assign(prefix)))
      assert.deepStrictEqual(kernel.interfaces.tap("tap5")?.addresses, [prefix])
      assert.strictEqual((yield* open("tap5")).interfaceName, "tap5")
    })))

  it.effect("that is held, is none, or has no name to be opened by is refused", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      kernel.interfaces.add("eth0", "other")
      yield* open("tap0")
      const codes = yield* Effect.forEach(["tap0", "eth0", "", "a b", "x".repeat(16), "/dev/nothing"], codeOf)
      assert.deepStrictEqual(codes, ["EBUSY", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ENOENT"].map((code) => [
        "open",
        code
      ]))
    })))

  it.effect("is for root, and for who has a descriptor left", () =>
    Effect.gen(function*() {
      const poor = { credentials: { uid: 1000, gid: 1000, groups: [] } }
      assert.deepStrictEqual(yield* within(codeOf("tap0"), poor), ["open", "EPERM"])
      const full = Effect.zip(codeOf("tap0"), Effect.map(SimWorld, ({ interfaces }) => interfaces.names()))
      assert.deepStrictEqual(yield* within(full, { descriptorLimit: 3 }), [["open", "EMFILE"], []])
    }))

  it.effect("can be made to fail at each step, and cannot be configured once it has vanished", () =>
    within(Effect.gen(function*() {
      const { faults, hostEnd } = yield* Effect.map(SimWorld, (kernel) => ({
        faults: kernel.faults,
        hostEnd: () => kernel.hostEnd("tap0")
      }))
      faults.failNext("tap-open", "ENODEV")
      assert.deepStrictEqual(yield* codeOf("tap0"), ["open", "ENODEV"])
      const tap = yield* open("tap0")
      const assign = tap.assign(Prefixes.make(1, 8))
      const assign6 = tap.assign6({ address: address6("fd00:1::1"), bits: 64 })
      const codes = Effect.forEach([assign, assign6, tap.bringUp], (step) =>
        Effect.map(Effect.flip(step), ({ code }) => code))
      faults.failNext("tap-assign", "EINVAL")
      faults.failNext("tap-assign6", "EACCES")
      faults.failNext("tap-up", "EPERM")
      assert.deepStrictEqual(yield* codes, ["EINVAL", "EACCES", "EPERM"])
      hostEnd().vanish()
      assert.deepStrictEqual(yield* codes, ["ENODEV", "ENODEV", "ENODEV"])
    })))
})

describe("a bridge of the simulated kernel", () => {
  it.effect("is made, joined and brought up; at the end left, and removed since nobody else is in it", () =>
    within(Effect.gen(function*() {
      const { interfaces } = yield* SimWorld
      yield* open("tap0")
      yield* Effect.scoped(Effect.gen(function*() {
        const membership = yield* join("bridge0", "tap0")
        const done = { created: true, alreadyMember: false, assigned: true, assigned6: true }
        assert.deepStrictEqual(membership, { bridgeName: "bridge0", ...done })
        const bridge = interfaces.bridge("bridge0")!
        assert.deepStrictEqual([bridge.up, [...bridge.members]], [true, ["tap0"]])
        assert.deepStrictEqual([...bridge.addresses], ["10.1.0.1/24", "fd00:1::1/64"])
      }))
      assert.isUndefined(interfaces.bridge("bridge0"))
      assert.isUndefined(interfaces.tap("tap0")?.bridgeName)
    })))

  it.effect("that was there, or that somebody else has joined, stays; so does a membership that was there", () =>
    within(Effect.gen(function*() {
      const { interfaces } = yield* SimWorld
      yield* open("tap0")
      interfaces.add("tap1", "tap")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* join("bridge0", "tap0")
        interfaces.bridgeAdd("bridge0", "tap1")
      }))
      const bridge = interfaces.bridge("bridge0")!
      assert.deepStrictEqual([[...bridge.members], [...bridge.addresses]], [["tap1"], []])
      interfaces.bridgeAdd("bridge0", "tap0")
      bridge.addresses.add("10.1.0.1/24")
      const membership = yield* Effect.scoped(join("bridge0", "tap0"))
      const done = { created: false, alreadyMember: true, assigned: false, assigned6: true }
      assert.deepStrictEqual(membership, { bridgeName: "bridge0", ...done })
      assert.deepStrictEqual([[...bridge.members].sort(), [...bridge.addresses]], [["tap0", "tap1"], ["10.1.0.1/24"]])
    })))

  it.effect("is refused as the kernel does, and what was done before is undone", () =>
    within(Effect.gen(function*() {
      const { faults, interfaces } = yield* SimWorld
      yield* open("tap0")
      interfaces.add("eth0", "other")
      interfaces.bridgeCreate("other0")
      assert.deepStrictEqual(yield* Effect.scoped(refusal("eth0", "tap0")), ["create", "EOPNOTSUPP"])
      assert.deepStrictEqual(yield* Effect.scoped(refusal("a/b", "tap0")), ["create", "EINVAL"])
      assert.deepStrictEqual(yield* Effect.scoped(refusal("bridge0", "nothing")), ["add to", "ENODEV"])
      interfaces.bridgeAdd("other0", "tap0")
      assert.deepStrictEqual(yield* Effect.scoped(refusal("bridge0", "tap0")), ["add to", "EBUSY"])
      interfaces.bridgeRemove("other0", "tap0")
      faults.failNext("bridge-up", "EIO")
      assert.deepStrictEqual(yield* Effect.scoped(refusal("bridge0", "tap0")), ["bring up", "EIO"])
      faults.failNext("bridge-assign", "EPERM")
      assert.deepStrictEqual(yield* Effect.scoped(refusal("bridge0", "tap0")), ["assign the address of", "EPERM"])
      faults.failNext("bridge-assign6", "EACCES")
      assert.deepStrictEqual(yield* Effect.scoped(refusal("bridge0", "tap0")), ["assign the IPv6 address of", "EACCES"])
      assert.isUndefined(interfaces.bridge("bridge0"))
      assert.isUndefined(interfaces.tap("tap0")?.bridgeName)
    })))

  it.effect("is for root", () =>
    Effect.gen(function*() {
      const poor = { credentials: { uid: 1000, gid: 1000, groups: [] } }
      assert.deepStrictEqual(yield* within(refusal("bridge0", "tap0"), poor), ["create", "EPERM"])
    }))

  it.effect("loses a member that vanishes, and goes for its members when it is deleted itself", () =>
    within(Effect.gen(function*() {
      const kernel = yield* SimWorld
      yield* open("tap0")
      yield* open("tap1")
      yield* join("bridge0", "tap0")
      yield* join("bridge0", "tap1")
      kernel.hostEnd("tap0").vanish()
      assert.deepStrictEqual([...kernel.interfaces.bridge("bridge0")!.members], ["tap1"])
      kernel.interfaces.remove("bridge0")
      assert.isUndefined(kernel.interfaces.tap("tap1")?.bridgeName)
    })))
})
