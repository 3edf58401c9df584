import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { makeNetns, makeVeth } from "./guests/Netns.ts"
import { type Desk, makeDesk, missing } from "./pages/Desk.ts"
import { languagesOn, typedOn } from "./pages/Page.ts"

const docs = fileURLToPath(new URL("../../docs", import.meta.url))

/** Pages whose commands this file runs; `service.md` and what it leads to is run in a Debian of its own. */
const pages = [
  "two-guests.md",
  "secure-a-lab.md",
  "bridge-to-a-lan.md",
  "capture-an-attack.md",
  "upgrade-without-loss.md",
  "troubleshooting.md"
]

describe("a reader's terminal", () => {
  it("finds what is expected in its order, and nothing else", () => {
    assert.isUndefined(missing("a 1\nb 2\nc", ["a ...", "c"]))
    assert.strictEqual(missing("c\na", ["a", "c"]), "c")
    assert.strictEqual(missing("a.b", ["a...c"]), "a...c")
    assert.strictEqual(missing("axb", ["a.b"]), "a.b")
  })
})

/** Another host, at the other end of the cable of the reader's card. */
const makeLan = (desk: Desk) =>
  Effect.gen(function*() {
    const other = yield* makeNetns
    yield* makeVeth({ netns: desk.netns, interfaceName: "eth1" }, { netns: other, interfaceName: "eth0" })
    yield* desk.netns.succeed("ip address add 192.168.7.5/24 dev eth1 && ip route add default via 192.168.7.1")
    yield* other.succeed("ip address add 192.168.7.20/24 dev eth0")
  })

describe.runIf(guestsRunOnTap)("the pages of docs", () => {
  for (const page of pages) {
    it.scopedLive(`every command of ${page} does what the page says`, () =>
      Effect.gen(function*() {
        const path = `${docs}/${page}`
        assert.isTrue(fs.existsSync(path))
        for (const language of languagesOn(path)) assert.include(["console", "text", "toml"], language)
        const typed = typedOn(path)
        assert.isAbove(typed.length, 3)
        const desk = yield* makeDesk
        if (page === "bridge-to-a-lan.md") yield* makeLan(desk)
        for (const line of typed) yield* desk.type(line)
      }), 180_000)
  }
})
