import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { check } from "../../fuzz/Invariants.ts"
import { configKeys } from "../../src/cli/ConfigKeys.ts"
import { defaults as optionDefaults, type Options } from "../../src/cli/Options.ts"
import { changeOf } from "../../src/cli/Reload.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import * as Owners from "../../src/domain/OwnerTable.ts"
import type { TrunkBinding } from "../../src/domain/policy/Allowances.ts"
import type { PolicySettings, UserBinding } from "../../src/domain/policy/PolicySettings.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { Reason } from "../../src/domain/Reason.ts"
import * as Forwarder from "../../src/services/Forwarder.ts"
import { answer } from "../../src/services/PlaneQuestion.ts"
import { address6Of, addressOf, advertise, datagram, dump, macOf, packet6, request } from "./admissionWorld.ts"
import { networkOf } from "./networkOf.ts"
import { address6 } from "./policyFrames6.ts"
import * as World from "./switchWorld.ts"

const started: Options = {
  kind: "switch",
  foreground: true,
  secure: true,
  bridgeName: undefined,
  socketPath: "/s",
  socketPathGiven: true,
  offload: true,
  trunkPath: undefined,
  pidFilePath: undefined,
  tapName: undefined,
  simulate: false,
  takeover: false,
  prefix: Prefixes.make(0x0a010001, 24),
  groupName: undefined,
  socketMode: optionDefaults.socketMode,
  guestPorts: 16,
  guestPortsPerUid: 16,
  mtuBytes: undefined,
  policy: {},
  stationAgeSeconds: 300,
  seed: undefined,
  configPath: "/c",
  metrics: undefined,
  web: undefined,
  user: undefined,
  keepNetAdmin: false,
  readyFd: undefined,
  log: { format: undefined, filePath: undefined, level: "info" }
}

describe("settings read anew", () => {
  it("change what differs, and nothing when nothing does", () => {
    const settings = { policy: {}, stationAgeSeconds: 300 }
    const same = { settings, logLevel: "info" as const, changed: [], waiting: [] }
    assert.deepStrictEqual(changeOf(started, started, started), same)
    // What is said is what holds without a word.
    const said: Options = { ...started, policy: { isolate: "none", dhcpServer: "tap", stationsPerGuest: 16 } }
    assert.deepStrictEqual(changeOf(started, started, said).changed, [])
    const binding = { uid: 1, ip: networkOf("10.1.0.5") }
    const policy: Partial<PolicySettings> = { isolate: "all", lock: true, bindings: [binding], addressesPerGuest: 3 }
    const wanted: Options = { ...started, policy, stationAgeSeconds: 9, log: { ...started.log, level: "debug" } }
    assert.deepStrictEqual(changeOf(started, started, wanted), {
      settings: { policy, stationAgeSeconds: 9 },
      logLevel: "debug",
      changed: ["mac-age=9", "isolate=all", "lock=true", "bind", "max-ips=3", "log-level=debug"],
      waiting: []
    })
  })

  it("undo what a command has set meanwhile", () => {
    const now: Options = { ...started, stationAgeSeconds: 60, log: { ...started.log, level: "error" } }
    const { changed, logLevel, settings } = changeOf(started, now, started)
    assert.deepStrictEqual(changed, ["mac-age=300", "log-level=info"])
    assert.deepStrictEqual([settings.stationAgeSeconds, logLevel], [300, "info"])
  })

  it("wait for the next start where only that can take them over, and the rest is taken over", () => {
    const wanted: Options = {
      ...started,
      secure: false,
      prefix: Prefixes.make(0x0a020001, 24),
      tapName: "tap3",
      guestPorts: 17,
      mtuBytes: 9000,
      policy: { isolate: "users" },
      log: { ...started.log, filePath: "/log" }
    }
    const { changed, settings, waiting } = changeOf(started, started, wanted)
    assert.deepStrictEqual(waiting, ["address", "unsecure", "tap", "no-tap", "max-clients", "mtu", "log-file"])
    assert.deepStrictEqual(changed, ["isolate=users"])
    assert.deepStrictEqual(settings.policy, { isolate: "users" })
  })

  it("allow fewer addresses at once, and more than the tables were made for at the next start", () => {
    const few: Options = { ...started, policy: { stationsPerGuest: 4, addressesPerGuest: 4 } }
    const { changed, settings } = changeOf(started, started, few)
    assert.deepStrictEqual(changed, ["max-macs=4", "max-ips=4"])
    const now: Options = { ...started, ...settings }
    const again = changeOf(started, now, { ...started, policy: { stationsPerGuest: 16, addressesPerGuest: 17 } })
    assert.deepStrictEqual([again.changed, again.waiting], [["max-macs=16"], ["max-ips"]])
    assert.deepStrictEqual(again.settings.policy, { stationsPerGuest: 16, addressesPerGuest: 4 })
  })

  const policy: fc.Arbitrary<Partial<PolicySettings>> = fc.record({
    isolate: fc.constantFrom<PolicySettings["isolate"]>("none", "users", "all"),
    learn: fc.constantFrom<PolicySettings["learn"]>("fcfs", "dhcp", "static"),
    lock: fc.boolean(),
    bindings: fc.array(
      fc.record({ uid: fc.nat({ max: 2 }), ip: fc.constantFrom("10.1.0.5", "10.1.0.6", "fd00:1::5").map(networkOf) }),
      { maxLength: 2 }
    ),
    stationsPerGuest: fc.integer({ min: 14, max: 18 }),
    addressesPerGuest: fc.integer({ min: 14, max: 18 }),
    holdSeconds: fc.nat({ max: 3 }),
    stormPerSecond: fc.integer({ min: 1, max: 3 }),
    dhcpServer: fc.constantFrom<"tap" | "any" | number>("tap", "any", 3),
    allowedEtherTypes: fc.array(fc.constantFrom(0x88b5, 0x8863), { maxLength: 2 })
  }, { requiredKeys: [] })
  const options: fc.Arbitrary<Options> = fc.record({
    secure: fc.boolean(),
    policy,
    stationAgeSeconds: fc.integer({ min: 1, max: 3 }),
    guestPorts: fc.integer({ min: 1, max: 3 }),
    level: fc.constantFrom("error" as const, "info" as const, "debug" as const)
  }).map(({ level, ...some }) => ({ ...started, ...some, log: { ...started.log, level } }))

  it.prop("hold as they were read, but for what waits; and read again they change nothing", [
    options,
    fc.array(options, { minLength: 1, maxLength: 3 })
  ], ([first, later]) => {
    let now = first
    for (const wanted of later) {
      const { logLevel, settings, waiting } = changeOf(first, now, wanted)
      const after: Options = { ...now, ...settings, log: { ...now.log, level: logLevel } }
      for (const [name, { applies, of }] of configKeys) {
        const taken = waiting.includes(name) ? now : { ...wanted, secure: first.secure }
        const source = applies === "at-start" ? first : taken
        assert.deepStrictEqual(of(after), of(source), name)
        if (applies === "if-less") assert.isAtMost(Number(of(after)), Number(of(first)))
      }
      const again = changeOf(first, after, wanted)
      assert.deepStrictEqual([again.changed, again.waiting], [[], waiting])
      now = after
    }
  })
})

/** A running secure switch, whose operator changes the policy. */
const serving = () => {
  const ipv6 = { address: address6("fd00:1::1"), bits: 64 }
  const world = World.make({ secure: true, policy: { ipv6 } })
  return {
    ...world,
    reload: (policy: Partial<PolicySettings>, stationAgeSeconds = 300) => {
      answer(world.forwarder, { kind: "configure", settings: { policy: { ipv6, ...policy }, stationAgeSeconds } })
      check(world.forwarder)
    },
    denied: (port: number, reason: Reason) =>
      world.forwarder.counters.values[port * Counters.ROW + Counters.Column.denied + reason]!
  }
}

const boundTo = (uid: number, n: number): UserBinding =>
  ({ uid, mac: Mac.parse(macOf(n)), ip: networkOf(addressOf(n)) })
const boundTo6 = (uid: number, n: number): UserBinding => ({ uid, ip: networkOf(address6Of(n)) })

describe("a running switch that is given other settings", () => {
  it("keeps its guests, and keeps them apart from the next frame on", () => {
    const world = serving()
    const [one, two] = [world.guest(1001), world.guest(1002)]
    world.send(one, request(macOf(1), addressOf(1)))
    assert.strictEqual(two.received().length, 1)
    world.reload({ isolate: "all" })
    world.send(one, request(macOf(1), addressOf(1)))
    assert.strictEqual(two.received().length, 0)
    assert.strictEqual(world.host!.taken().length, 2)
    world.reload({})
    world.send(one, request(macOf(1), addressOf(1)))
    assert.strictEqual(two.received().length, 1)
    assert.isFalse(one.gone || two.gone)
    world.assertSums()
  })

  it("lets a port keep more than it may have now, until that ages, and denies it more", () => {
    const world = serving()
    const guest = world.guest(1001)
    for (const n of [1, 2, 3]) world.send(guest, request(macOf(n), addressOf(n)))
    world.reload({ stationsPerGuest: 2, addressesPerGuest: 2 })
    for (const n of [1, 2, 3]) world.send(guest, request(macOf(n), addressOf(n)))
    assert.strictEqual(world.forwarder.counters.values[Counters.ROW + Counters.Column.forwardedFrames], 6)
    world.send(guest, request(macOf(4), "0.0.0.0"))
    world.send(guest, request(macOf(1), addressOf(4)))
    assert.strictEqual(world.denied(1, Reason.MAC_LIMIT), 1)
    assert.strictEqual(world.denied(1, Reason.IP_LIMIT), 1)
    assert.strictEqual(world.forwarder.memory.stations.portCount[1], 3)
    world.kernel.advance((Bounds.stationAgeSeconds + 1) * 1000)
    world.send(guest, request(macOf(4), addressOf(4)))
    assert.strictEqual(world.forwarder.counters.values[Counters.ROW + Counters.Column.forwardedFrames], 7)
    check(world.forwarder)
  })

  it("takes from a guest what is bound to another now, who has it at once", () => {
    const world = serving()
    const [one, two] = [world.guest(1001), world.guest(1002)]
    world.send(one, request(macOf(1), addressOf(1)))
    world.send(two, request(macOf(2), addressOf(2)))
    world.reload({ bindings: [boundTo(1002, 1)] })
    // Theirs is that and nothing else now.
    assert.deepStrictEqual(dump(world.forwarder.memory), { stations: [], claims: [] })
    world.send(two, request(macOf(1), addressOf(1)))
    assert.strictEqual(world.forwarder.memory.stations.portCount[2], 1)
    assert.strictEqual(world.forwarder.memory.claims.portCount[2], 1)
    world.send(one, request(macOf(1), "0.0.0.0"))
    world.send(one, request(macOf(3), addressOf(1)))
    world.send(two, request(macOf(2), "0.0.0.0"))
    assert.strictEqual(world.denied(1, Reason.STATIC_MISMATCH), 2)
    assert.strictEqual(world.denied(2, Reason.STATIC_MISMATCH), 1)
  })

  it("takes it from one that has just gone, and from behind the host", () => {
    const world = serving()
    const one = world.guest(1001)
    world.send(one, request(macOf(1), addressOf(1)))
    one.close()
    world.host!.inject(request(macOf(2), "0.0.0.0"))
    world.settle()
    world.reload({ bindings: [boundTo(1002, 1), boundTo(1002, 2)] })
    const two = world.guest(1002)
    world.send(two, request(macOf(1), addressOf(1)))
    world.send(two, request(macOf(2), addressOf(2)))
    assert.strictEqual(world.forwarder.memory.stations.portCount[1], 2)
    assert.strictEqual(world.forwarder.memory.claims.portCount[1], 2)
  })

  it("goes by other rates and ages from then on", () => {
    const world = serving()
    const one = world.guest(1001)
    world.reload({ arpPerSecond: 1, stormPerSecond: 1000 }, 1)
    for (let n = 0; n < 3; n++) world.send(one, request(macOf(1), addressOf(1)))
    assert.strictEqual(world.denied(1, Reason.ARP_RATE), 1)
    world.kernel.advance(2000)
    const two = world.guest(1002)
    world.send(two, request(macOf(1), addressOf(1)))
    assert.strictEqual(world.forwarder.memory.stations.portCount[2], 1)
  })

  const number = fc.integer({ min: 1, max: 4 })
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), guest: fc.nat({ max: 2 }), m: number, a: number }),
    fc.record({ kind: fc.constant("host" as const), a: number }),
    fc.record({
      isolate: fc.constantFrom<PolicySettings["isolate"]>("none", "users", "all"),
      learn: fc.constantFrom<PolicySettings["learn"]>("fcfs", "dhcp", "static"),
      lock: fc.boolean(),
      bindings: fc.array(
        fc.tuple(fc.constantFrom(boundTo, boundTo6), fc.integer({ min: 1001, max: 1003 }), number)
          .map(([bound, uid, n]) => bound(uid, n)),
        { maxLength: 4 }
      ),
      trunkBindings: fc.constantFrom([], [{ ip: networkOf("fd00:1::4/127") }]),
      stationsPerGuest: fc.integer({ min: 1, max: 4 }),
      addressesPerGuest: fc.integer({ min: 1, max: 4 }),
      holdSeconds: fc.constantFrom(0, 10)
    }, { requiredKeys: [] }).map((policy) => ({ kind: "reload" as const, policy })),
    fc.nat({ max: 2 }).map((guest) => ({ kind: "restart" as const, guest })),
    fc.constant({ kind: "pass" as const })
  )

  it.prop("never has tables that contradict each other, or an owner of what is bound to another", [
    fc.array(step, { maxLength: 30 })
  ], ([steps]) => {
    const world = serving()
    const guests = [1001, 1002, 1003].map((uid) => world.guest(uid))
    for (const step of steps) {
      if (step.kind === "send") {
        const { a, guest, m } = step
        const frames = [datagram(m, addressOf(a)), request(macOf(m), addressOf(a)), packet6(macOf(m), address6Of(a))]
        world.send(guests[guest]!, frames[(m + a) % frames.length]!)
      } else if (step.kind === "host") {
        world.host!.inject(advertise(macOf(9), "fe80::99", address6Of(step.a)))
        world.settle()
      } else if (step.kind === "reload") world.reload(step.policy)
      else if (step.kind === "pass") world.kernel.advance(3000)
      else {
        guests[step.guest]!.close()
        world.settle()
        guests[step.guest] = world.guest(1001 + step.guest)
      }
      check(world.forwarder)
      assertBindings(world.forwarder)
    }
    world.assertSums()
  }, { fastCheck: { numRuns: 500 } })
})

/** Nobody owns what is bound to another. */
const assertBindings = ({ memory }: Forwarder.Forwarder) => {
  const { bindings, trunkBindings } = memory.policy
  Owners.forEach(memory.stations, (fact) => {
    const at = (field: number) => Owners.get(memory.stations, fact, field)
    const bound = bindings.filter(({ mac }) => mac?.hi === at(0) && mac.lo === at(1))
    for (const { uid } of bound) assert.strictEqual(memory.uid[at(Owners.Field.port)], uid)
  })
  Owners.forEach(memory.claims, (fact) => {
    const at = (field: number) => Owners.get(memory.claims, fact, field)
    const has = ({ ip }: TrunkBinding) => ip?.first.every((word, i) => ((word ^ at(i)) & ip.mask[i]!) === 0) === true
    const owners = [...bindings.filter(has).map(({ uid }) => uid), ...(trunkBindings.some(has) ? ["trunk"] : [])]
    if (owners.length > 0) assert.include(owners, memory.uid[at(Owners.Field.port)])
  })
}
