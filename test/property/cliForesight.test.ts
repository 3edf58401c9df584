import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { readCommandLine } from "../../src/cli/Command.ts"
import { seemsToServe } from "../../src/cli/Foresight.ts"
import { readinessVariable } from "../../src/cli/Readiness.ts"

const word = fc.constantFrom(
  ...["-d", "-U", "-dU", "-Ud", "-cd", "-bbridge0d", "-d10", "-tauto", "-t", "auto", "-p", "-p/run/d", "-d-", "--"],
  ...["--simulate", "--no-tap", "--check", "--seed", "7", "10.1.0.1/24", "-b", "bridge0", "--group=d", "-dp/run/d"]
)

describe("what seems to become a switch", () => {
  it("is every command line that does, in the foreground", () => {
    let switches = 0
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
        const request = Effect.runSync(Effect.either(readCommandLine(argv, "/")))
        if (Either.isLeft(request) || request.right.kind !== "run") return
        const { foreground, kind } = request.right.options
        if (kind !== "switch" || !foreground) return
        switches++
        assert.isTrue(seemsToServe(argv, {}))
      }),
      { numRuns: 1500 }
    )
    assert.isAbove(switches, 20)
  })

  it("is the copy in the background, and not the command that starts it", () => {
    assert.isTrue(seemsToServe(["10.1.0.1/24"], { [readinessVariable]: "3" }))
    assert.isFalse(seemsToServe(["10.1.0.1/24"], {}))
    assert.isFalse(seemsToServe(["-U", "-p", "/run/d", "--no-tap"], {}))
  })
})
