import { assert, describe, it } from "@effect/vitest"
import { EventKind } from "../../src/services/FrameExchange.ts"
import * as Child from "./native/NativeChild.ts"
import { binding } from "./native/SocketWorld.ts"
import { errno, numbered } from "./native/TestExchange.ts"
import * as Exchange from "./native/TestExchange.ts"

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("the addon's exchange: accept that fails", () => {
  it("out of descriptors, those that wait are closed and told of, without a spin; later ones come in", async () => {
    await Child.within(["prlimit", "--nofile=60"], async (child) => {
      const told = await child.evaluate(({ binding, exchange }) => {
        const path = `/tmp/vknetd-native-${process.pid}`
        const listener = binding.listen(path, -1, 0o600, 128)
        if (typeof listener === "number") throw new Error(binding.errnoName(-listener))
        const hub = exchange(listener.fd)
        const clients: Array<number> = []
        let fd = binding.connect(path)
        while (fd >= 0) {
          clients.push(fd)
          fd = binding.connect(path)
        }
        hub.step(1000)
        const failed = hub.rows()
        const cpu = process.cpuUsage()
        const started = performance.now()
        hub.step(200)
        const waitedMs = performance.now() - started
        const { system, user } = process.cpuUsage(cpu)
        const idle = hub.rows().length
        const closed = clients.filter((client) => binding.sendPacket(client, new Uint8Array(60)) < 0).length
        clients.forEach((client) => binding.closeFd(client))
        binding.connect(path)
        hub.step(1000)
        const later = hub.rows()
        binding.unlinkSocket(path, listener.device, listener.inode)
        return { clients: clients.length, failed, waitedMs, cpuMs: (system + user) / 1000, idle, closed, later }
      })
      assert.isAbove(told.clients, 5)
      const failures = range(told.clients).map(() => [EventKind.AcceptError, 0, errno.EMFILE] as const)
      assert.deepStrictEqual(told.failed, failures)
      assert.strictEqual(told.closed, told.clients)
      assert.strictEqual(told.idle, 0)
      assert.isAtLeast(told.waitedMs, 190)
      assert.isBelow(told.cpuMs, 100)
      assert.deepStrictEqual(told.later.map(([kind]) => kind), [EventKind.Connect])
    })
  })

  it("a step beside a listener that rests takes no longer than it is told", () => {
    const [ours, theirs] = binding.socketPair(65_536) as readonly [number, number]
    const exchange = Exchange.open(binding, { listener: ours })
    binding.sendPacket(theirs, numbered(1))
    // The longest step of each rest; what they have in common is not this machine's slowness.
    const longest = range(7).map(() => {
      let restMs = 0
      for (let step = exchange.step(5); step.events.length === 0; step = exchange.step(5)) {
        restMs = Math.max(restMs, step.elapsedMs)
      }
      return restMs
    })
    assert.isBelow(Math.min(...longest.slice(1)), 9)
    exchange.native.shutdown()
    ;[ours, theirs].forEach((fd) => binding.closeFd(fd))
  })

  it("a listener that fails for good is told of now and then, and not in a spin", () => {
    const pair = binding.socketPair(65_536)
    assert.isArray(pair)
    const [ours, theirs] = pair as readonly [number, number]
    const exchange = Exchange.open(binding, { listener: ours })
    binding.sendPacket(theirs, numbered(1))
    const started = performance.now()
    const told: Array<Exchange.Event> = []
    let steps = 0
    while (performance.now() - started < 350) {
      told.push(...exchange.step(500).events)
      steps++
    }
    assert.isAtMost(steps, 12)
    assert.isAtLeast(told.length, 2)
    assert.isAtMost(told.length, 6)
    assert.isTrue(told.every(({ kind, value }) => kind === EventKind.AcceptError && value === errno.EINVAL))
    exchange.native.shutdown()
    ;[ours, theirs].forEach((fd) => binding.closeFd(fd))
  })
})
