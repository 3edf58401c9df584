import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { connectionName, isStoredName, readConnectionName } from "../../src/services/DescriptorStore.ts"
import { seat, type StoredConnection } from "../../src/services/StoredPorts.ts"

const connections = fc.array(
  fc.record({ port: fc.integer({ min: 1, max: 12 }), trunk: fc.boolean(), uid: fc.nat(2), pid: fc.nat(9) }),
  { maxLength: 16 }
).map((rows): ReadonlyArray<StoredConnection> => rows.map((row, handle) => ({ ...row, handle })))

const limits = fc.record({
  guestPorts: fc.integer({ min: 1, max: 8 }),
  guestPortsPerUid: fc.integer({ min: 1, max: 4 }),
  trunkPorts: fc.nat(3)
})

const count = (rows: ReadonlyArray<unknown>) => rows.length

describe("connections that were kept", () => {
  it.prop("are seated or refused, none twice, and within the bounds of those that connect", [connections, limits], (
    [all, bounds]
  ) => {
    const { refused, seated } = seat(all, bounds)
    const handles = [...seated, ...refused].map(({ handle }) => handle).sort((a, b) => a - b)
    assert.deepStrictEqual(handles, all.map(({ handle }) => handle))
    const ports = seated.map(({ port }) => port)
    assert.strictEqual(new Set(ports).size, ports.length)
    for (const port of ports) assert.isTrue(port >= 1 && port <= bounds.guestPorts)
    assert.isAtMost(count(seated.filter(({ trunk }) => trunk)), bounds.trunkPorts)
    for (const uid of [0, 1, 2]) {
      assert.isAtMost(count(seated.filter((row) => row.uid === uid)), bounds.guestPortsPerUid)
    }
  })

  it.prop("have the ports that they had, where there is room for all", [connections], ([all]) => {
    const { refused, seated } = seat(all, { guestPorts: 16, guestPortsPerUid: 16, trunkPorts: 16 })
    assert.deepStrictEqual(refused, [])
    const first = new Map<number, number>()
    for (const { handle, port } of all) if (!first.has(port)) first.set(port, handle)
    for (const [port, handle] of first) {
      assert.strictEqual(seated.find((row) => row.port === port)?.handle, handle)
    }
  })

  it.prop("are called by what they are", [fc.integer({ min: 1, max: 16_384 }), fc.boolean()], ([port, trunk]) => {
    const name = connectionName({ port, trunk })
    assert.isTrue(isStoredName(name))
    assert.deepStrictEqual(readConnectionName(name), { port, trunk })
  })

  it.prop("are told from all else that has a name", [fc.string()], ([name]) => {
    const known = readConnectionName(name)
    if (known !== undefined) assert.strictEqual(connectionName(known), name)
  })

  it("fit with all their names into what a variable of the environment may hold", () => {
    const names = Array.from({ length: 16_384 }, (_, i) => connectionName({ port: i + 1, trunk: false }))
    assert.isBelow(["vknetd.socket", "tap-00000000", ...names].join(":").length + "LISTEN_FDNAMES=".length, 131_072)
  })
})
