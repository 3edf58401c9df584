import { assert, describe, it } from "@effect/vitest"
import * as Counters from "../../src/domain/Counters.ts"
import { Reason } from "../../src/domain/Reason.ts"
import { drops } from "../../src/services/ControlViews.ts"
import * as MetricsText from "../../src/services/MetricsText.ts"

const { Column, ROW } = Counters

/**
 * Counters of four ports with as many frames each of everything, of which port 1 closes as port 2 is first read: as if
 * the forwarding thread did so meanwhile.
 */
const closing = (times = 1): Counters.Counters => {
  const counters = Counters.make(4)
  counters.values.fill(8, 0, 4 * ROW)
  let left = times
  const values = new Proxy(counters.values, {
    get: (target, key) => {
      const row = typeof key === "string" && /^\d+$/.test(key) ? Math.floor(Number(key) / ROW) : -1
      if (row === 2 && left > 0) {
        left--
        Counters.retire(counters, 1)
      }
      return Reflect.get(target, key)
    }
  })
  return { ...counters, values }
}

const gauges: MetricsText.Gauges = {
  version: "1",
  mode: "secure",
  startedSeconds: 0,
  openPorts: [0, 1, 2, 3],
  guests: 3,
  guestsMax: 3,
  tapUp: true,
  plane: undefined
}

describe("counters, read while a port closes", () => {
  it("are summed without counting it twice", () => {
    assert.strictEqual(Counters.total(closing(), Column.receivedFrames), 4 * 8)
    const reasons = Object.keys(Reason).length
    assert.strictEqual(Counters.lostByAll(closing(), Column.denied), 4 * 8 * reasons)
    const sum = drops(closing()).drops.filter(({ reason, stage }) => stage === "dropped" && reason === "RUNT")
      .reduce((sum, { frames }) => sum + frames, 0)
    assert.strictEqual(sum, 4 * 8)
  })

  it("are told so, too, family by family", () => {
    for (const family of ["port_receive_frames_total{", "port_denied_frames_total{.*RUNT"]) {
      const lines = MetricsText.format(closing(), gauges).split("\n").filter((line) =>
        new RegExp(`^vknetd_${family}`).test(line))
      assert.strictEqual(lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0), 4 * 8, lines.join("\n"))
    }
  })

  it("are read to an end even if ports close all the time", () => {
    assert.isAtLeast(Counters.total(closing(Number.POSITIVE_INFINITY), Column.receivedFrames), 4 * 8)
  })
})
