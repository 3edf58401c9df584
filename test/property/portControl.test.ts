import { assert, describe, it } from "@effect/vitest"
import * as Counters from "../../src/domain/Counters.ts"
import { Reason } from "../../src/domain/Reason.ts"
import type { PortAction } from "../../src/services/ControlAnswers.ts"
import * as Views from "../../src/services/ControlViews.ts"
import { answer, type PlaneQuestion, type PlaneReply } from "../../src/services/PlaneQuestion.ts"
import * as SwitchWorld from "./switchWorld.ts"
import { frame, markOf } from "./switchWorld.ts"

const { Column, ROW } = Counters

const make = (options: SwitchWorld.WorldOptions = {}) => {
  const world = SwitchWorld.make(options)
  const ask = <K extends PlaneQuestion["kind"]>(question: Extract<PlaneQuestion, { kind: K }>) =>
    answer(world.forwarder, question) as Extract<PlaneReply, { kind: K }>
  const change = (port: number, action: PortAction) => ask({ kind: "change", port, action }).stations
  const count = (port: number, column: number) => world.forwarder.counters.values[port * ROW + column]!
  const stations = () => Views.stations(ask({ kind: "stations", from: 0 }).rows)
  return { ...world, ask, change, count, stations }
}

describe("an isolated port", () => {
  it("exchanges frames with the tap alone, in both directions, and loses the rest as ISOLATED", () => {
    const world = make()
    const [one, two, three] = [world.guest(), world.guest(), world.guest()]
    world.send(one, frame(255, 1))
    world.send(two, frame(255, 2))
    world.send(three, frame(255, 3))
    for (const end of [one, two, three]) end.received()
    world.host?.taken()
    assert.strictEqual(world.change(1, "isolate"), 0)

    world.send(one, frame(255, 1, 11))
    world.send(one, frame(2, 1, 12))
    world.send(two, frame(1, 2, 21))
    world.send(two, frame(255, 2, 22))
    world.host?.inject(frame(1, 9, 91))
    world.settle()
    assert.deepStrictEqual(one.received().map(markOf), [91])
    assert.deepStrictEqual(two.received().map(markOf), [])
    assert.deepStrictEqual(three.received().map(markOf), [22])
    assert.deepStrictEqual(world.host?.taken().map(markOf), [11, 22])
    assert.strictEqual(world.count(1, Column.denied + Reason.ISOLATED), 1)
    assert.strictEqual(world.count(2, Column.denied + Reason.ISOLATED), 1)
    // One copy of its own flood to each of the others, and one of the other's flood to it.
    assert.strictEqual(world.count(2, Column.dropped + Reason.ISOLATED), 1)
    assert.strictEqual(world.count(3, Column.dropped + Reason.ISOLATED), 1)
    assert.strictEqual(world.count(1, Column.dropped + Reason.ISOLATED), 1)
    world.assertSums()

    world.change(1, "unisolate")
    world.send(one, frame(2, 1, 13))
    assert.deepStrictEqual(two.received().map(markOf), [13])
  })

  it("is one no longer when another guest has its number", () => {
    const world = make()
    const one = world.guest()
    const two = world.guest()
    world.change(1, "isolate")
    one.close()
    world.settle()
    assert.strictEqual(world.forwarder.control.isolatedCount, 0)
    const next = world.guest()
    world.send(two, frame(255, 2, 5))
    assert.deepStrictEqual(next.received().map(markOf), [5])
  })
})

describe("a pinned port", () => {
  it("keeps its stations, however long they are silent and whoever sends in their name", () => {
    const world = make()
    const [one, two] = [world.guest(), world.guest()]
    world.send(one, frame(255, 1))
    world.send(two, frame(255, 2))
    assert.strictEqual(world.change(1, "pin"), 1)
    world.ask({ kind: "configure", settings: { policy: {}, stationAgeSeconds: 1 } })
    for (let i = 0; i < 3; i++) world.pass(1000)
    world.send(two, frame(255, 1, 6))
    world.send(two, frame(255, 1, 7))
    assert.strictEqual(world.count(2, Column.denied + Reason.SRC_MAC_CONFLICT), 2)
    one.received()
    world.send(two, frame(1, 2, 8))
    assert.deepStrictEqual(one.received().map(markOf), [8])
    assert.deepStrictEqual(
      world.stations().map(({ address, port, static: isStatic }) => [port, address, isStatic]),
      [[1, "02:00:00:00:00:01", true], [2, "02:00:00:00:00:02", false]]
    )
    assert.strictEqual(world.ask({ kind: "moves" }).total, 0)

    assert.strictEqual(world.change(1, "unpin"), 1)
    world.send(two, frame(255, 1, 9))
    const { moves } = world.ask({ kind: "moves" })
    assert.deepStrictEqual(moves.map(({ count, from, to }) => [from, to, count]), [[1, 2, 1]])
    world.assertSums()
  })

  it("loses none of its stations to what its own guest sends, but those that came later", () => {
    const world = make({ policy: { stationsPerGuest: 2 } })
    const [one, two] = [world.guest(), world.guest()]
    world.send(one, frame(255, 1))
    world.change(1, "pin")
    for (const source of [11, 12, 13]) world.send(one, frame(255, source))
    world.send(two, frame(255, 1))
    assert.strictEqual(world.count(2, Column.denied + Reason.SRC_MAC_CONFLICT), 1)
    assert.deepStrictEqual(
      world.stations().map(({ address, port, static: isStatic }) => [port, address, isStatic]),
      [[1, "02:00:00:00:00:01", true], [1, "02:00:00:00:00:0d", false]]
    )
    world.assertSums()
  })

  it("gets no others where all that it may have are pinned, neither new ones nor another port's", () => {
    const world = make({ policy: { stationsPerGuest: 2 } })
    const [one, two] = [world.guest(), world.guest()]
    for (const source of [1, 2]) world.send(one, frame(255, source))
    world.send(two, frame(255, 3))
    assert.strictEqual(world.change(1, "pin"), 2)
    for (const source of [3, 4]) world.send(one, frame(255, source))
    assert.strictEqual(world.count(1, Column.denied + Reason.MAC_LIMIT), 2)
    assert.deepStrictEqual(
      world.stations().map(({ address, port }) => [port, address]),
      [[1, "02:00:00:00:00:01"], [1, "02:00:00:00:00:02"], [2, "02:00:00:00:00:03"]]
    )
    assert.strictEqual(world.change(1, "unpin"), 2)
    world.send(one, frame(255, 1))
    world.send(one, frame(255, 4))
    assert.strictEqual(world.count(1, Column.denied + Reason.MAC_LIMIT), 2)
    world.assertSums()
  })
})

describe("a port that is told to go", () => {
  it("is closed, and its stations forgotten; one that is not there, and the tap, are left alone", () => {
    const world = make()
    const one = world.guest()
    world.send(one, frame(255, 1))
    assert.deepStrictEqual([0, 2, 16, 17, -1, 0.5, 70_000].map((port) => world.change(port, "disconnect")), [
      -1, -1, -1, -1, -1, -1, -1
    ])
    assert.isFalse(one.gone)
    assert.strictEqual(world.change(1, "disconnect"), 0)
    world.settle()
    assert.isTrue(one.gone)
    assert.deepStrictEqual(world.stations(), [])
    assert.deepStrictEqual(world.notices.at(-1), { kind: "closed", port: 1, received: 1 })
  })
})
