import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { execFileSync } from "node:child_process"
import { flowOf, layOut, linkWidth, railHeight } from "../../src/adapters/web/page/DrawingLayout.ts"
import { makeHistory, points } from "../../src/adapters/web/page/RateHistory.ts"
import { sparkline } from "../../src/adapters/web/page/Sparkline.ts"
import { captureLine } from "../../src/adapters/web/page/Wording.ts"
import type { Port } from "../../src/services/ControlAnswers.ts"
import { busiest } from "../../src/services/LookFeed.ts"
import type { Look } from "../../src/services/LookSchema.ts"

describe("the drawing of a switch", () => {
  it("fits the page's width, whatever that is, and nothing covers anything", () => {
    const guests = fc.integer({ min: 0, max: 256 })
    fc.assert(fc.property(fc.integer({ min: 150, max: 2000 }), guests, fc.boolean(), (width, count, hasHost) => {
      const layout = layOut(width, count, hasHost)
      assert.strictEqual(layout.guests.length, count)
      assert.isAtMost(layout.width, Math.max(width, 24 + layout.boxWidth))
      const boxes = [...layout.guests, ...(layout.host === undefined ? [] : [layout.host])]
      boxes.forEach(({ railY, x, y }, i) => {
        assert.isAtMost(x + layout.boxWidth, layout.width)
        assert.isAtMost(y + layout.boxHeight, layout.height)
        assert.isTrue(y + layout.boxHeight <= railY || y >= railY + railHeight)
        // The one before is to the left, or above.
        const before = boxes[i - 1]
        if (before === undefined) return
        assert.isTrue(x >= before.x + layout.boxWidth || y >= before.y + layout.boxHeight)
      })
      const { host } = layout
      const jacks = layout.guests.filter(({ railY }) => railY === host?.railY).map(({ x }) => x + layout.boxWidth / 2)
      for (const jack of jacks) assert.isAtLeast(Math.abs(host!.x + host!.linkX - jack), 30)
    }))
  })

  it("shows more by a thicker line, and nothing by a still one", () => {
    fc.assert(fc.property(fc.nat(2_000_000), fc.nat(2_000_000), (a, b) => {
      if (a < b) assert.isAtMost(linkWidth(a), linkWidth(b))
      assert.isAtMost(linkWidth(a), 7)
      assert.strictEqual(flowOf(a) === "none", a === 0)
    }))
  })
})

describe("a small plot", () => {
  const shape = { points: 120, width: 96, height: 22, least: 10 }

  it("stays within its frame, and ends at the right", () => {
    fc.assert(fc.property(fc.array(fc.nat(5_000_000), { minLength: 1, maxLength: 200 }), (values) => {
      const { area, line } = sparkline(values, shape)
      const at = [...line.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)
      assert.strictEqual(at.length, Math.min(values.length, shape.points))
      for (const [x, y] of at) assert.isTrue(x >= -0.05 && x <= shape.width && y >= 0 && y <= shape.height)
      assert.strictEqual(at.at(-1)![0], shape.width)
      assert.isTrue(area.startsWith(line) && area.endsWith("Z"))
    }))
  })

  it("makes no mountain of a single frame, and nothing of nothing", () => {
    assert.strictEqual(sparkline([0, 1], shape).line, "M95.2 22L96 19.8")
    assert.deepStrictEqual(sparkline([], shape), { line: "", area: "" })
  })
})

const port = (of: Partial<Port>): Port => ({
  port: 1, kind: "guest", uid: 0, user: "root", pid: 1, command: "a", started: null, ageSeconds: 0,
  stations: 0, receivedFrames: 0, receivedBytes: 0, sentFrames: 0, sentBytes: 0, deniedFrames: 0, droppedFrames: 0,
  flags: [], reasons: [], ...of
})

describe("rates over the last minute", () => {
  const look = (timeMs: number, ports: ReadonlyArray<Port>) => ({ timeMs, ports }) as unknown as Look

  it("are differences between looks, and begin anew with another guest", () => {
    const see = makeHistory()
    see(look(0, [port({ receivedFrames: 100 })]))
    assert.deepStrictEqual(see(look(500, [port({ receivedFrames: 110, deniedFrames: 3 })])).get(1)?.received, [0, 20])
    const next = see(look(1000, [port({ pid: 2, receivedFrames: 4 })])).get(1)
    assert.deepStrictEqual([next?.received, next?.lost], [[8], [0]])
    assert.isFalse(see(look(1500, [])).has(1))
  })

  it(`are ${points} at most`, () => {
    const see = makeHistory()
    for (let i = 0; i < points + 9; i++) see(look(i * 500, [port({ sentFrames: i })]))
    assert.strictEqual(see(look(99_999, [port({ sentFrames: 999 })])).get(1)?.sent.length, points)
  })
})

describe("of many ports the page shows", () => {
  it("the busiest, in their order, and all while there is room", () => {
    const before = new Map([[0, 5], [1, 100], [2, 0], [3, 40]])
    const after = new Map([[0, 6], [1, 100], [2, 9], [3, 2]])
    assert.deepStrictEqual(busiest(before, after, 2), [2, 3])
    assert.deepStrictEqual(busiest(before, after, 3), [0, 2, 3])
    assert.deepStrictEqual(busiest(before, after, 4), [0, 1, 2, 3])
  })
})

describe("the line that captures", () => {
  it("names the switch and the port", () => {
    assert.strictEqual(
      captureLine("/var/run/vknet", 3),
      "vknetd capture --port 3 -p /var/run/vknet -w - | wireshark -k -i -"
    )
    assert.strictEqual(captureLine("/a", undefined), "vknetd capture -p /a -w - | wireshark -k -i -")
  })

  it("is one word for a shell where the socket's path is one, whatever is in it", () => {
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 20 }), (name) => {
      fc.pre(!name.includes("\0"))
      const line = captureLine(`/${name}`, undefined)
      const command = line.slice(0, line.indexOf(" -w - |"))
      const word = execFileSync("sh", ["-c", `vknetd() { printf %s "$3"; }; ${command}`])
      assert.strictEqual(word.toString(), `/${name}`)
    }), { numRuns: 30 })
  })
})
