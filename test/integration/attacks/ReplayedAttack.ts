import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { HostProcessError } from "../guests/HostProcess.ts"
import { succeed } from "../guests/HostProcess.ts"
import { vknetd } from "../guests/SwitchUnderTest.ts"
import type { ReasonCounts } from "./Denials.ts"

/** What `vknetd replay --json` tells of one frame, as far as it matters here. */
const Verdict = Schema.parseJson(Schema.Struct({
  ingress: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String)
}))

/** Under which name Recording.py keeps what the attacker sent. */
const ownInterface = "attacker"

/** Replays an attacker's recording, and gives what would be denied to the attacker. */
export const replayAttack = (request: {
  readonly file: string
  readonly hostMac: string
  /** The switch's subnet, and options. */
  readonly words: ReadonlyArray<string>
}): Effect.Effect<ReasonCounts, HostProcessError> =>
  Effect.gen(function*() {
    const { file, hostMac, words } = request
    const output = yield* succeed(
      [...vknetd, "replay", "--json", "--guests", "interface", "--host-mac", hostMac, file, ...words],
      { timeoutMs: 60_000 }
    )
    const denied: Record<string, number> = {}
    for (const line of output.trim().split("\n")) {
      const { ingress, reason } = Schema.decodeUnknownSync(Verdict)(line)
      if (ingress === ownInterface && reason !== null) denied[reason] = (denied[reason] ?? 0) + 1
    }
    return denied
  })
