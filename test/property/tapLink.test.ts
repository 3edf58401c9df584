import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Counters from "../../src/domain/Counters.ts"
import * as Ipv6Prefixes from "../../src/domain/Ipv6Prefix.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Control from "../../src/domain/PortControl.ts"
import { Reason } from "../../src/domain/Reason.ts"
import * as Stations from "../../src/domain/Stations.ts"
import * as PortLife from "../../src/services/PortLife.ts"
import { addressOf, advertise, macOf, packet6, request } from "./admissionWorld.ts"
import { mac } from "./frames.ts"
import { host6 } from "./policyFrames6.ts"
import { frame } from "./switchWorld.ts"
import * as World from "./switchWorld.ts"

const NEW = "02:76:6b:6e:99:99"
const parsed = (text: string): Mac.MacAddress => Mac.parse(text)!
const stationOf = ({ forwarder }: World.SwitchWorld, text: string) =>
  Stations.lookup(forwarder.memory, parsed(text).hi, parsed(text).lo)

/** A frame of {@link frame} to an address of any kind. */
const frameTo = (to: string, from: number, mark = 0, size = 60) => {
  const octets = frame(0, from, mark, size)
  octets.set(mac(to))
  return octets
}
const frameFrom = (from: string, mark = 0) => {
  const octets = frame(255, 0, mark)
  octets.set(mac(from), 6)
  return octets
}

const linkLocal = (text: string): string =>
  Ipv6Prefixes.formatAddress(Ipv6Prefixes.linkLocalOf(Mac.toOctets(parsed(text))))

/** A switch with a tap, in the secure mode or not, and how often a port was denied something. */
const make = (options: World.WorldOptions = {}) => {
  const world = World.make(options)
  const host = world.host!
  return {
    ...world,
    host,
    old: Mac.format(world.tapMac!),
    denied: (port: number, reason: Reason) =>
      world.forwarder.counters.values[port * Counters.ROW + Counters.Column.denied + reason]!,
    readdress: (text: string) => {
      host.change({ mac: mac(text) })
      world.settle()
    }
  }
}

describe.each([false, true])("the tap's address changes, secure %s", (secure) => {
  /** What a guest may say in either mode. */
  const speak = (from: string) => secure ? request(from, "0.0.0.0") : frameFrom(from)

  it("nobody can speak from the new one, and anybody from the old one", () => {
    const world = make({ secure })
    const guest = world.guest()
    world.readdress(NEW)
    world.send(guest, speak(NEW))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
    world.send(guest, speak(world.old))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
    assert.strictEqual(stationOf(world, world.old), 1)
    world.assertSums()
  })

  it("what comes in the same step comes after it", () => {
    const world = make({ secure })
    const guest = world.guest()
    world.host.change({ mac: mac(NEW) })
    world.send(guest, speak(NEW))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
    assert.strictEqual(stationOf(world, NEW), -1)
  })

  it("a guest that had the new one loses it, pinned or not", () => {
    const world = make({ secure })
    const guest = world.guest()
    world.send(guest, speak(NEW))
    assert.strictEqual(stationOf(world, NEW), 1)
    Stations.pinPort(world.forwarder.memory, 1, true)
    world.readdress(NEW)
    assert.strictEqual(stationOf(world, NEW), -1)
    assert.strictEqual(world.forwarder.memory.stations.count, 0)
  })

  it("so it does when a tap that was lost comes back with it", () => {
    const world = make({ secure })
    const guest = world.guest()
    world.send(guest, speak(NEW))
    world.host.vanish()
    world.settle()
    const handle = world.kernel.openTap("tap0")
    const tap = { handle, mac: parsed(NEW), mtuBytes: 1500 }
    world.kernel.hostEnd("tap0").change({ mac: mac(NEW) })
    assert.strictEqual(PortLife.attachTap(world.forwarder, tap), 0)
    assert.strictEqual(stationOf(world, NEW), -1)
    world.send(guest, speak(NEW))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
  })

  it("it is told once, with what it was", () => {
    const world = make({ secure })
    world.readdress(NEW)
    world.host.change({ mtuBytes: 1400 })
    world.settle()
    world.readdress(NEW)
    assert.deepStrictEqual(world.notices, [
      {
        kind: "tap-changed",
        mac: parsed(NEW),
        mtuBytes: 1500,
        formerMac: parsed(world.old),
        formerMtuBytes: 1500
      },
      { kind: "tap-changed", mac: parsed(NEW), mtuBytes: 1400, formerMac: parsed(NEW), formerMtuBytes: 1500 }
    ])
  })

  it("a tap that is not what it was known to be is known when it has been attached", () => {
    const world = make({ secure })
    PortLife.detachTap(world.forwarder)
    world.host.change({ mac: mac(NEW) })
    const handle = world.kernel.descriptors.numbers().find((fd) => world.kernel.descriptors.get(fd)?.kind === "tap")!
    PortLife.attachTap(world.forwarder, { handle, mac: parsed(world.old), mtuBytes: 1500 })
    world.settle()
    world.send(world.guest(), speak(NEW))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
  })
})

describe.each([false, true])("the tap is in a bridge from whose address the host speaks, secure %s", (secure) => {
  const speak = (from: string) => secure ? request(from, "0.0.0.0") : frameFrom(from)
  const inBridge = (text: string | undefined, world = make({ secure })) => {
    world.host.bridge(text === undefined ? undefined : mac(text))
    world.settle()
    return world
  }

  it("nobody can speak from it, nor from the tap's own", () => {
    const world = inBridge(NEW)
    const guest = world.guest()
    for (const from of [NEW, world.old]) world.send(guest, speak(from))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 2)
    assert.strictEqual(world.forwarder.memory.stations.count, 0)
    world.assertSums()
  })

  it("anybody can when the bridge has another, and when the tap is in none", () => {
    const world = inBridge(NEW)
    const guest = world.guest()
    inBridge(macOf(9), world)
    world.send(guest, speak(NEW))
    assert.strictEqual(stationOf(world, NEW), 1)
    world.send(guest, speak(macOf(9)))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
    inBridge(undefined, world)
    world.send(guest, speak(macOf(9)))
    assert.strictEqual(stationOf(world, macOf(9)), 1)
  })

  it("a guest that had it loses it, pinned or not, and the host's frames from it are no station", () => {
    const world = make({ secure })
    world.send(world.guest(), speak(NEW))
    Stations.pinPort(world.forwarder.memory, 1, true)
    inBridge(NEW, world)
    assert.strictEqual(world.forwarder.memory.stations.count, 0)
    world.host.inject(frameFrom(NEW))
    world.settle()
    assert.strictEqual(world.forwarder.memory.stations.count, 0)
  })

  it("frames for it reach the host alone, before the host has said a word", () => {
    const world = inBridge(NEW, make())
    const [attacker, bob] = [world.guest(), world.guest()]
    world.host.taken()
    world.send(bob, frameTo(NEW, 2, 7))
    assert.deepStrictEqual(world.host.taken().map(World.markOf), [7])
    assert.deepStrictEqual(attacker.received(), [])
  })

  it("it is told once, with what it was", () => {
    const world = inBridge(NEW)
    inBridge(NEW, world)
    inBridge(undefined, world)
    assert.deepStrictEqual(world.notices, [
      { kind: "bridge-changed", mac: parsed(NEW), formerMac: undefined },
      { kind: "bridge-changed", mac: undefined, formerMac: parsed(NEW) }
    ])
  })

  it("a tap that comes back is in no bridge until it is told", () => {
    const world = inBridge(NEW)
    const guest = world.guest()
    world.host.vanish()
    world.settle()
    const handle = world.kernel.openTap("tap0")
    const { mac: octets } = world.kernel.interfaces.tap("tap0")!
    PortLife.attachTap(world.forwarder, { handle, mac: Mac.fromOctets(octets), mtuBytes: 1500 })
    world.send(guest, speak(NEW))
    assert.strictEqual(stationOf(world, NEW), 1)
    world.kernel.hostEnd("tap0").bridge(mac(NEW))
    world.send(guest, speak(NEW))
    assert.strictEqual(world.denied(1, Reason.SRC_MAC_TAP), 1)
    assert.strictEqual(stationOf(world, NEW), -1)
  })
})

describe("the tap's link changes", () => {
  it("frames for its new address reach the host, and nobody else", () => {
    const world = make()
    const [attacker, bob] = [world.guest(), world.guest()]
    world.send(attacker, frameFrom(NEW))
    world.readdress(NEW)
    world.host.taken()
    for (const guest of [attacker, bob]) guest.received()
    world.send(bob, frameTo(NEW, 2, 7))
    assert.deepStrictEqual(world.host.taken().map(World.markOf), [7])
    assert.deepStrictEqual(attacker.received(), [])
  })

  it("what is longer than its new MTU does not reach it, what is not does", () => {
    const world = make()
    const guest = world.guest()
    world.host.change({ mtuBytes: 1000 })
    world.send(guest, frameTo(world.old, 1, 1, 1014))
    world.send(guest, frameTo(world.old, 1, 2, 1015))
    assert.deepStrictEqual(world.host.taken().map(World.markOf), [1])
    assert.strictEqual(world.denied(1, Reason.EGRESS_MTU), 1)
    world.host.change({ mtuBytes: 1500 })
    world.send(guest, frameTo(world.old, 1, 3, 1015))
    assert.deepStrictEqual(world.host.taken().map(World.markOf), [3])
  })

  it("what an operator and other settings said of guests stays", () => {
    const world = make({ secure: true, policy: { dhcpServer: 7 } })
    const guest = world.guest(7)
    world.send(guest, request(macOf(1), addressOf(1)))
    Control.isolate(world.forwarder.control, 1, true)
    world.readdress(NEW)
    assert.strictEqual(stationOf(world, macOf(1)), 1)
    assert.strictEqual(world.forwarder.policy.dhcpServers[1], 1)
    assert.strictEqual(world.forwarder.control.isolated[1], 1)
  })

  const six = { secure: true, policy: { ipv6: { address: host6, bits: 64 } } } as const

  it("the link-local address that is made of the new one is the host's, and the one that it had stays so", () => {
    const world = make(six)
    const [guest, other] = [world.guest(1), world.guest(2)]
    world.send(guest, packet6(macOf(1), linkLocal(NEW)))
    assert.strictEqual(world.forwarder.memory.claims.count, 1)
    world.pass(3000)
    world.readdress(NEW)
    const { claims } = world.forwarder.memory
    assert.strictEqual(claims.portCount[1], 0)
    world.send(guest, packet6(macOf(1), linkLocal(NEW)))
    assert.strictEqual(world.denied(1, Reason.IP6_SRC_HOST), 1)
    // The kernel does not give an interface that is up another.
    world.send(other, advertise(macOf(2), linkLocal(macOf(2)), linkLocal(world.old)))
    assert.strictEqual(world.denied(2, Reason.ND_TARGET_CONFLICT), 1)
    world.send(other, packet6(macOf(2), linkLocal(world.old)))
    assert.strictEqual(world.denied(2, Reason.IP6_SRC_CONFLICT), 1)
  })

  it("the link-local address that is made of its bridge's is the host's, and the one of its own stays so", () => {
    const world = make(six)
    const [guest, other] = [world.guest(1), world.guest(2)]
    world.send(guest, packet6(macOf(1), linkLocal(NEW)))
    world.host.bridge(mac(NEW))
    world.settle()
    world.send(guest, packet6(macOf(1), linkLocal(NEW)))
    assert.strictEqual(world.denied(1, Reason.IP6_SRC_HOST), 1)
    world.send(other, advertise(macOf(2), linkLocal(macOf(2)), linkLocal(NEW)))
    assert.strictEqual(world.denied(2, Reason.ND_TARGET_CONFLICT), 1)
    world.send(other, packet6(macOf(2), linkLocal(world.old)))
    assert.strictEqual(world.denied(2, Reason.IP6_SRC_CONFLICT), 1)
    // In a bridge the tap's own makes no difference.
    world.readdress(macOf(9))
    world.send(other, packet6(macOf(3), linkLocal(macOf(9))))
    assert.strictEqual(world.denied(2, Reason.IP6_SRC_HOST), 0)
    assert.strictEqual(world.denied(2, Reason.IP6_SRC_CONFLICT), 1)
  })

  it("another MTU gives the host no address besides", () => {
    const world = make(six)
    world.host.change({ mtuBytes: 1400 })
    world.settle()
    assert.strictEqual(world.forwarder.memory.claims.count, 0)
  })
})

describe("whatever happens to the addresses of the tap and its bridge", () => {
  const numbers = fc.integer({ min: 1, max: 3 })
  const nameOf = (n: number) => `02:00:00:00:00:0${n}`
  const acts = fc.array(
    fc.oneof(
      fc.record({ act: fc.constant("readdress" as const), n: numbers, settles: fc.boolean() }),
      fc.record({ act: fc.constant("bridge" as const), n: fc.option(numbers), settles: fc.boolean() }),
      fc.record({ act: fc.constant("speak" as const), n: numbers, guest: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ act: fc.constant("ask" as const), n: numbers, guest: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ act: fc.constant("host" as const) })
    ),
    { maxLength: 40 }
  )

  it.prop("they are nobody's stations, nobody is heard in their name, what is for them reaches the host alone", [
    acts,
    fc.boolean()
  ], ([steps, pinned]) => {
    const world = make()
    const guests = [world.guest(), world.guest()]
    let current = world.old
    let bridge: string | undefined
    const isHosts = (text: string) => text === current || text === bridge
    for (const step of steps) {
      if (pinned) Stations.pinPort(world.forwarder.memory, 1, true)
      switch (step.act) {
        case "readdress":
          current = nameOf(step.n)
          world.host.change({ mac: mac(current) })
          if (step.settles) world.settle()
          break
        case "bridge":
          bridge = step.n === null ? undefined : nameOf(step.n)
          world.host.bridge(bridge === undefined ? undefined : mac(bridge))
          if (step.settles) world.settle()
          break
        case "speak": {
          guests[step.guest]!.send(frameFrom(nameOf(step.n)))
          world.settle()
          const heard = guests[1 - step.guest]!.received()
          if (isHosts(nameOf(step.n))) assert.deepStrictEqual(heard, [])
          break
        }
        case "ask":
          guests[step.guest]!.send(frameTo(nameOf(step.n), 9 - step.guest, 5))
          world.host.taken()
          world.settle()
          if (!isHosts(nameOf(step.n))) break
          assert.deepStrictEqual(guests[1 - step.guest]!.received(), [])
          assert.deepStrictEqual(world.host.taken().map(World.markOf), [5])
          break
        case "host":
          world.host.inject(frameFrom(bridge ?? current))
          world.settle()
      }
      for (const guest of guests) guest.received()
      world.settle()
      assert.strictEqual(stationOf(world, current), -1)
      if (bridge !== undefined) assert.strictEqual(stationOf(world, bridge), -1)
    }
    world.assertSums()
  })
})
