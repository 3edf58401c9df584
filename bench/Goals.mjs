// The goals, as ratios of what one run measured. Each row: what, against what, the bound, the ratio, its spread.
import { median, ratio, summary } from "./Statistics.mjs"

const column = (collected, peer, field) => (collected?.samples[peer] ?? []).map((sample) => sample?.[field] ??
  Number.NaN)

const known = (series) => series.filter((value) => Number.isFinite(value))

/** Round by round, the better of several series. */
const best = (series, choose) => {
  const present = series.filter((values) => known(values).length > 0)
  if (present.length === 0) return []
  return present[0].map((_, round) => {
    const values = known(present.map((one) => one[round]))
    return values.length === 0 ? Number.NaN : choose(...values)
  })
}

const atMost = (bound) => ({ bound, text: `≤ ${bound}`, met: (value) => value <= bound })
const atLeast = (bound) => ({ bound, text: `≥ ${bound}`, met: (value) => value >= bound })

/** @param limit what pumpN, which decides nothing, reaches in the same rounds, where that can be told. */
const row = (measure, against, goal, found, unit = "×", limit = undefined) => ({
  measure,
  against,
  goal: goal.text,
  unit,
  limit: limit?.median,
  ...(found === undefined ? { missing: true } : { ...found, met: goal.met(found.median) })
})

/** A goal for a ratio of ours to a peer's figure, beside that of pumpN to it. @param of a switch's series by name. */
const ratioRow = (measure, peer, goal, of) => {
  const limit = peer === "pumpN" ? undefined : ratio(of("pumpN"), of(peer))
  return row(measure, peer, goal, ratio(of("vknetd"), of(peer)), "×", limit)
}

/** @param collected workloads by key. */
const throughputGoals = (collected) => {
  const rows = []
  for (const bytes of [60, 1514]) {
    for (const window of [64, 256]) {
      const from = collected[`closed-2p-${bytes}-w${window}`]
      if (from === undefined) continue
      const of = (field) => (peer) => column(from, peer, field)
      const what = `${bytes} octets, window ${window}`
      for (const [peer, bound] of [["pumpN", 1.1], ["pump1", 0.85], ["vde", 0.7]]) {
        rows.push(ratioRow(`CPU per frame, ${what}`, peer, atMost(bound), of("cpuNsPerFrame")))
      }
      for (const [peer, bound] of [["pumpN", 0.95], ["vde", 1.1]]) {
        rows.push(ratioRow(`frames a second, ${what}`, peer, atLeast(bound), of("framesPerSecond")))
      }
    }
  }
  return rows
}

const floodGoals = (collected) => {
  const rows = []
  for (const bytes of [60, 1514]) {
    const from = collected[`flood-${bytes}`]
    if (from === undefined) continue
    for (const peer of ["pump1", "vde"]) {
      rows.push(ratioRow(`flood delivered, ${bytes} octets`, peer, atLeast(1),
        (name) => column(from, name, "framesPerSecond")))
    }
    const lost = summary(column(from, "vknetd", "lostShare").map((share) => share * 100))
    rows.push(row(`flood lost, ${bytes} octets`, "sent", atMost(0.1), lost, "%"))
  }
  for (const ports of [8, 64]) {
    const from = collected[`fanout-${ports}`]
    if (from === undefined) continue
    const others = Object.keys(from.samples).filter((peer) => peer !== "vknetd" && peer !== "bridge")
    const peer = best(others.map((name) => column(from, name, "framesPerSecond")), Math.max)
    const found = ratio(column(from, "vknetd", "framesPerSecond"), peer)
    rows.push(row(`broadcast to ${ports}, delivered`, "best peer", atLeast(1), found))
  }
  return rows
}

const latencyGoals = (collected) => {
  const from = collected["pingpong-idle"]
  if (from === undefined) return []
  return [["p50us", "p50"], ["p99us", "p99"]].map(([field, name]) => {
    const better = best(["pump1", "pump1T"].map((peer) => column(from, peer, field)), Math.min)
    return row(`round trip ${name}, idle`, "better of pump1, pump1T", atMost(1),
      ratio(column(from, "vknetd", field), better))
  })
}

const lossGoals = (collected) =>
  Object.values(collected).filter(({ workload }) => workload === "paced").map((from) =>
    row(`lost at half of capacity, ${from.bytes} octets`, "sent", atMost(0),
      summary(column(from, "vknetd", "lost")), "frames")
  )

const growthGoals = (collected) => {
  const few = Object.values(collected).find(({ key }) => key.startsWith("closed-2p-60-w500"))
  const many = Object.values(collected).find(({ key }) => key.startsWith("closed-1000p-"))
  if (few === undefined || many === undefined) return []
  const found = (peer) => ratio(column(many, peer, "framesPerSecond"), column(few, peer, "framesPerSecond"))
  return [row("1,000 active ports, frames a second", "2 ports", atLeast(0.8), found("vknetd"), "×", found("pumpN"))]
}

const tapGoals = (tap) => {
  if (tap === undefined) return []
  const rate = (peer, way) => (tap[peer] ?? []).map((round) => round?.[way].bitsPerSecond ?? Number.NaN)
  const rows = [["toGuest", "host to guest", 1.6], ["toHost", "guest to host", 2.2]].map(([way, name, bound]) => {
    const better = best([rate("vde", way), rate("pump1", way)], Math.max)
    return row(`TCP ${name}`, "better of vde_switch, pump1", atLeast(bound), ratio(rate("vknetd", way), better))
  })
  const resent = (tap.vknetd ?? []).map((round) => round === undefined ? Number.NaN
    : round.toGuest.resent + round.toHost.resent)
  return [...rows, row("TCP segments sent again", "none", atMost(0), summary(resent), "segments")]
}

const residenceGoals = ({ idle, memory, start }) => {
  const starts = (field) => start.map((round) => round[field])
  return [
    ["--version", "versionMs", 2.2],
    ["--help", "helpMs", 2.2],
    ["status", "statusMs", 2.2],
    ["status, the first after a start", "firstStatusMs", 2.2],
    ["start to accepting", "acceptsMs", 3],
    ["start to first frame", "firstFrameMs", 3]
  ].map(([name, field, bound]) => row(name, "node -e 0", atMost(bound), ratio(starts(field), starts(
    "nodeMs")))).concat([
    row("resident memory, 1 port", "", atMost(80), summary(memory.map((round) => round.onePortKilobytes / 1000)), "MB"),
    row("memory per further port", "", atMost(20), summary(memory.map((round) => round.perPortKilobytes)), "KB"),
    row("wake-ups a minute, idle", "", atMost(0), summary([idle.wakeUpsPerMinute]), "")
  ])
}

/** All goals for which there is something to compare. */
export const judgeGoals = ({ collected, residence, tap }) => [
  ...throughputGoals(collected),
  ...floodGoals(collected),
  ...latencyGoals(collected),
  ...lossGoals(collected),
  ...growthGoals(collected),
  ...tapGoals(tap),
  ...residenceGoals(residence)
]

/** Medians of what every peer did in every workload. */
export const figuresOf = (collected) =>
  Object.values(collected).flatMap((from) =>
    Object.keys(from.samples).map((peer) => {
      const of = (field) => {
        const values = known(column(from, peer, field))
        return values.length === 0 ? undefined : median(values)
      }
      return {
        key: from.key,
        peer,
        framesPerSecond: of("framesPerSecond"),
        cpuNsPerFrame: of("cpuNsPerFrame"),
        lostShare: of("lostShare"),
        ...(from.workload === "pingpong" ? { p50us: of("p50us"), p99us: of("p99us"), p999us: of("p999us") } : {})
      }
    })
  )
