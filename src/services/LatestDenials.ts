import { Bounds } from "../domain/Bounds.ts"
import { attackOf, reasonWords } from "../domain/ReasonWords.ts"
import type { Drop } from "./ControlAnswers.ts"
import type { Denial } from "./LookSchema.ts"

/**
 * What was lost lately, from the differences of the counters between two looks at them: it costs nothing per frame, and
 * nothing at all while nobody looks.
 *
 * The counters of a port that closes are added to those of all closed ports and start anew. So the sum over all ports
 * of a stage and reason never falls; what it went up by that no open port accounts for is of guests that came, lost
 * frames and went between two looks, and is told without a port.
 */
export interface LatestDenials {
  entries: ReadonlyArray<Entry>
  /** Frames of open ports at the last look, by `keyOf`. */
  known: ReadonlyMap<string, number>
  /** Frames of all ports at the last look, by stage and reason. */
  sums: ReadonlyMap<string, number>
  /** Undefined before the first look. */
  lookedMs: number | undefined
}

interface Entry {
  readonly port: number | null
  readonly stage: Drop["stage"]
  readonly reason: string
  /** Its guest is still there. */
  open: boolean
  frames: number
  framesPerSecond: number
  /** When it was seen to go up; undefined: it was there at the first look. */
  grewMs: number | undefined
}

export const make = (): LatestDenials => ({ entries: [], known: new Map(), sums: new Map(), lookedMs: undefined })

const kindOf = ({ reason, stage }: Pick<Drop, "reason" | "stage">): string => `${stage} ${reason}`
const keyOf = (of: Pick<Drop, "port" | "reason" | "stage">): string => `${of.port} ${kindOf(of)}`

/** @param drops all that is not zero. @param nowMs of a clock that does not run backwards. */
export const note = (latest: LatestDenials, drops: ReadonlyArray<Drop>, nowMs: number): void => {
  const first = latest.lookedMs === undefined
  const elapsedSeconds = Math.max(0.001, (nowMs - (latest.lookedMs ?? nowMs)) / 1000)
  const current = new Map(latest.entries.filter(({ open }) => open).map((entry) => [keyOf(entry), entry]))
  const fresh: Array<Entry> = []
  const known = new Map<string, number>()
  const sums = new Map<string, number>()
  const unseen = new Map<string, number>()
  for (const entry of latest.entries) entry.framesPerSecond = 0

  const grow = (of: Pick<Drop, "port" | "reason" | "stage">, frames: number, by: number): void => {
    let entry = current.get(keyOf(of))
    // Fewer than there were: another guest has the port.
    const isSame = entry !== undefined && (of.port === null || frames >= (latest.known.get(keyOf(of)) ?? 0))
    if (by === 0 && isSame) return
    if (entry !== undefined && !isSame) entry.open = false
    if (entry === undefined || !isSame) {
      entry = { ...of, open: true, frames: 0, framesPerSecond: 0, grewMs: undefined }
      fresh.push(entry)
      current.set(keyOf(of), entry)
    }
    entry.frames = of.port === null ? entry.frames + by : frames
    entry.framesPerSecond = first ? 0 : Math.round(by / elapsedSeconds)
    entry.grewMs = first ? undefined : nowMs
  }
  for (const { frames, port, reason, stage } of drops) {
    const kind = kindOf({ reason, stage })
    sums.set(kind, (sums.get(kind) ?? 0) + frames)
    if (port === null) continue
    const key = keyOf({ port, reason, stage })
    known.set(key, frames)
    const before = latest.known.get(key) ?? 0
    const by = frames >= before ? frames - before : frames
    unseen.set(kind, (unseen.get(kind) ?? 0) - by)
    if (by > 0) grow({ port, reason, stage }, frames, by)
  }
  for (const [kind, sum] of sums) {
    const by = sum - (latest.sums.get(kind) ?? 0) + (unseen.get(kind) ?? 0)
    const [stage, reason] = kind.split(" ") as [Drop["stage"], string]
    if (by > 0) grow({ port: null, reason, stage }, 0, by)
  }
  for (const [key, entry] of current) if (entry.port !== null && !known.has(key)) entry.open = false

  const order = (entry: Entry) => entry.grewMs ?? -Infinity
  latest.entries = [...fresh, ...latest.entries]
    .sort((a, b) => order(b) === order(a) ? b.framesPerSecond - a.framesPerSecond : order(b) - order(a))
    .slice(0, Bounds.webDenials)
  latest.known = known
  latest.sums = sums
  latest.lookedMs = nowMs
}

/** The latest first. */
export const list = ({ entries, lookedMs = 0 }: LatestDenials): ReadonlyArray<Denial> =>
  entries.map(({ frames, framesPerSecond, grewMs, open, port, reason, stage }) => ({
    port,
    open: port !== null && open,
    stage,
    reason,
    words: reasonWords[reason as keyof typeof reasonWords],
    attack: attackOf.get(reason) ?? "",
    frames,
    framesPerSecond,
    quietSeconds: grewMs === undefined ? null : Math.floor((lookedMs - grewMs) / 1000)
  }))
