import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { readFileSync } from "node:fs"
import { Bounds } from "../../src/domain/Bounds.ts"
import * as Counters from "../../src/domain/Counters.ts"
import { Reason, reasonNames } from "../../src/domain/Reason.ts"
import { attackOf, reasonWords } from "../../src/domain/ReasonWords.ts"
import { drops } from "../../src/services/ControlViews.ts"
import * as LatestDenials from "../../src/services/LatestDenials.ts"

const { Column, ROW } = Counters
const portCount = 5

const deny = (counters: Counters.Counters, port: number, reason: number, frames: number): void => {
  counters.values[port * ROW + Column.denied + reason]! += frames
}

const world = () => {
  const counters = Counters.make(portCount)
  const latest = LatestDenials.make()
  const look = (nowMs: number) => {
    LatestDenials.note(latest, drops(counters).drops, nowMs)
    return LatestDenials.list(latest)
  }
  return { counters, look }
}

const brief = (denials: ReturnType<typeof LatestDenials.list>) =>
  denials.map(({ frames, framesPerSecond, open, port, quietSeconds, reason }) =>
    `${port}${open ? "" : " gone"} ${reason} ${frames} ${framesPerSecond}/s ${quietSeconds}`)

describe("the latest denials", () => {
  it("tell which port, why, what it means, how often and since when it is quiet", () => {
    const { counters, look } = world()
    look(0)
    deny(counters, 2, Reason.ARP_SPA_HOST, 30)
    assert.deepStrictEqual(look(500), [{
      port: 2,
      open: true,
      stage: "denied",
      reason: "ARP_SPA_HOST",
      words: "ARP in the name of the host's address",
      attack: "posing as the gateway",
      frames: 30,
      framesPerSecond: 60,
      quietSeconds: 0
    }])
    assert.deepStrictEqual(brief(look(3500)), ["2 ARP_SPA_HOST 30 0/s 3"])
    deny(counters, 1, Reason.RUNT, 1)
    deny(counters, 2, Reason.ARP_SPA_HOST, 1)
    deny(counters, 2, Reason.VLAN_DENIED, 4)
    assert.deepStrictEqual(brief(look(4500)), ["2 VLAN_DENIED 4 4/s 0", "1 RUNT 1 1/s 0", "2 ARP_SPA_HOST 31 1/s 0"])
  })

  it("say of what was there at the first look that it is older", () => {
    const { counters, look } = world()
    deny(counters, 1, Reason.RUNT, 7)
    assert.deepStrictEqual(brief(look(1000)), ["1 RUNT 7 0/s null"])
    assert.deepStrictEqual(brief(look(1500)), ["1 RUNT 7 0/s null"])
  })

  it("keep those of a guest that has gone apart from those of the next one at its port", () => {
    const { counters, look } = world()
    look(0)
    deny(counters, 1, Reason.RUNT, 5)
    look(1000)
    Counters.retire(counters, 1)
    assert.deepStrictEqual(brief(look(2000)), ["1 gone RUNT 5 0/s 1"])
    deny(counters, 1, Reason.RUNT, 2)
    assert.deepStrictEqual(brief(look(3000)), ["1 RUNT 2 2/s 0", "1 gone RUNT 5 0/s 2"])
  })

  it("tell also of a guest that came, was denied and went between two looks", () => {
    const { counters, look } = world()
    look(0)
    deny(counters, 3, Reason.RUNT, 9)
    Counters.retire(counters, 3)
    assert.deepStrictEqual(brief(look(1000)), ["null gone RUNT 9 9/s 0"])
  })

  it("lose nothing: what they went up by, over all, is what the counters went up by", () => {
    const port = fc.nat(portCount - 1)
    const step = fc.oneof(
      fc.record({ kind: fc.constant("deny" as const), port, frames: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant("close" as const), port }),
      fc.record({ kind: fc.constant("look" as const) })
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { counters, look } = world()
      look(0)
      let nowMs = 0
      let denied = 0
      let told = 0
      // At a look a second frames per second are frames.
      const lookAgain = () => look(nowMs += 1000).forEach(({ framesPerSecond }) => (told += framesPerSecond))
      for (const step of [...steps, { kind: "look" as const }]) {
        if (step.kind === "deny") {
          deny(counters, step.port, Reason.RUNT, step.frames)
          denied += step.frames
        } else if (step.kind === "close") Counters.retire(counters, step.port)
        else lookAgain()
      }
      assert.strictEqual(told, denied)
    }))
  })

  it(`are ${Bounds.webDenials} at most, those that were quiet longest forgotten first`, () => {
    const counters = Counters.make(Bounds.webDenials + 10)
    const latest = LatestDenials.make()
    for (let port = 0; port < Bounds.webDenials + 5; port++) {
      deny(counters, port, Reason.RUNT, 1)
      LatestDenials.note(latest, drops(counters).drops, port)
    }
    const ports = LatestDenials.list(latest).map(({ port }) => port)
    assert.strictEqual(ports.length, Bounds.webDenials)
    assert.deepStrictEqual([ports[0], ports.at(-1)], [Bounds.webDenials + 4, 5])
  })
})

describe("every reason", () => {
  it("has the manual's words, and the attack that its rule stops", () => {
    const manual = readFileSync(new URL("../../share/man/vknetd.8", import.meta.url), "utf8")
    const listed = manual.slice(manual.indexOf("\n.It Dv RUNT\nshorter"), manual.indexOf("\n.Sh SEE ALSO\n"))
    for (const reason of reasonNames.slice(1)) {
      const [, text] = new RegExp(`\\n\\.It Dv ${reason}\\n(?:\\* )?((?:(?!\\.It |\\.El).*\\n)+)`).exec(listed) ?? []
      const words = text?.trim().replace(/^\.Fl -(\S+)$/gm, "--$1").replaceAll("\n", " ")
      assert.strictEqual(reasonWords[reason as keyof typeof reasonWords], words, reason)
      assert.isAbove(attackOf.get(reason)?.length ?? 0, 0, reason)
    }
  })
})
