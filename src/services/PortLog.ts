import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Mac from "../domain/MacAddress.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import { refusalNames } from "../domain/Reason.ts"
import type { LogBudget } from "./LogBudget.ts"
import type { PlaneNotice } from "./PlaneNotice.ts"

/** Lines that one kind of event may log at once, and a second in the long run: a screen, and what one can read. */
export const budget = { burst: 50, perSecond: 2 }

/** What is one line each. */
export type Logged = Exclude<PlaneNotice, { kind: "tap-lost" | "denied" }>

/** Says who comes and goes, and what becomes of the tap's link. @param lines what it may say, by kind. */
export const report = (lines: LogBudget, notice: Logged, tapName: string | undefined): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    const kind = notice.kind === "refused" ? `refused ${notice.refusal}` : notice.kind
    const suppressed = lines.ask(kind, nowMs)
    if (suppressed < 0) return Effect.void
    return describe(notice, tapName).pipe(suppressed === 0 ? identity : Effect.annotateLogs({ suppressed }))
  })

const describe = (notice: Logged, tapName: string | undefined): Effect.Effect<void> => {
  switch (notice.kind) {
    case "opened":
      return Effect.logInfo("port opened").pipe(
        Effect.annotateLogs({
          port: notice.port,
          ...(notice.trunk ? { trunk: true } : {}),
          uid: notice.uid,
          pid: notice.pid
        })
      )
    case "closed":
      return Effect.logInfo("port closed").pipe(
        Effect.annotateLogs({ port: notice.port, receivedFrames: notice.received })
      )
    case "tap-changed":
      return Effect.logWarning("the tap's link has changed").pipe(
        Effect.annotateLogs({ tap: tapName, ...linkChanges(notice) })
      )
    case "bridge-changed":
      return Effect.logInfo("the host's address is its bridge's").pipe(
        Effect.annotateLogs({ tap: tapName, formerMac: formatted(notice.formerMac), mac: formatted(notice.mac) })
      )
    case "refused":
      return Effect.logWarning("connection refused").pipe(Effect.annotateLogs({
        reason: refusalNames[notice.refusal],
        uid: notice.uid,
        pid: notice.pid,
        ...(notice.errno === 0 ? {} : { errno: notice.errno })
      }))
  }
}

const formatted = (mac: MacAddress | undefined): string => mac === undefined ? "none" : Mac.format(mac)

/** What is another than before, and what it was. */
const linkChanges = ({ formerMac, formerMtuBytes, mac, mtuBytes }: Extract<PlaneNotice, { kind: "tap-changed" }>) => {
  const [former, now] = [formatted(formerMac), formatted(mac)]
  return {
    ...(former === now ? {} : { formerMac: former, mac: now }),
    ...(formerMtuBytes === mtuBytes ? {} : { formerMtu: formerMtuBytes, mtu: mtuBytes })
  }
}
