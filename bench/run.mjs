// One command measures everything, side by side:
//
//   node bench/run.mjs [--quick] [--record] [--free] [--only WORD] [--rounds N] [--daemon COMMAND]
//   node bench/run.mjs --soak MINUTES [--whole] [--daemon COMMAND]
//   node bench/run.mjs --profile
//
// --quick   the main ratios, in less than three minutes; else all, in less than twenty
// --record  rewrites docs/performance.md and its picture
// --free    leaves the placing of switch and guests to the scheduler; else each has a processor
// --only    workloads whose name contains WORD, and nothing else
// --daemon  another vknetd to measure
// --soak    nothing but a long run at half of capacity while guests come and go, with questions and captures
// --whole   that at all of capacity
// --profile nothing but calls, share of JavaScript and collections of a frame; the first with strace(1)
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { run } from "./Children.mjs"
import { figuresOf, judgeGoals } from "./Goals.mjs"
import { describeMachine } from "./Machine.mjs"
import { makePeers } from "./Peers.mjs"
import { toPage } from "./Page.mjs"
import { toPicture } from "./Picture.mjs"
import { measurePolicy } from "./PolicyPasses.mjs"
import { measureProfile } from "./Profile.mjs"
import { measureMemory, measureStart, watchIdle } from "./Residence.mjs"
import { makeSampler } from "./Samples.mjs"
import { soak } from "./Soak.mjs"
import { median, summary } from "./Statistics.mjs"
import { figureTable, goalTable, policyTable, profileTable, tapTable, toText } from "./Tables.mjs"
import { measureTap, whyNot } from "./TapTransfer.mjs"
import { buildTools, resultPath, root } from "./Tools.mjs"
import { full, half, quick } from "./Workloads.mjs"

// With it every start of Node reads certificates, but not ours: what starts are compared without.
delete process.env.NODE_EXTRA_CA_CERTS

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    free: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    soak: { type: "string" },
    whole: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    daemon: { type: "string" }
  }
})
const plan = options.quick ? quick : full
const rounds = options.rounds === undefined ? plan.rounds : Math.max(1, Number(options.rounds))
const daemon = options.daemon ?? join(root, "bin", "vknetd")
const startedMs = Date.now()
const remarks = []

const progress = (text) => process.stderr.write(`${Math.round((Date.now() - startedMs) / 1000)} s  ${text}\n`)
const remark = (text) => {
  remarks.push(text)
  progress(text)
}

const rounded = async (count, measure) => {
  const found = []
  for (let round = 0; round < count; round++) found.push(await measure())
  return found
}

const collectAll = async (peers) => {
  const sampler = makeSampler({ peers, pinned: !options.free, say: remark })
  const collected = {}
  const collect = async (workload) => {
    progress(workload.key)
    collected[workload.key] = await sampler.collect(workload, rounds, plan.seconds)
  }
  for (const workload of plan.workloads) {
    if (options.only === undefined || workload.key.includes(options.only)) await collect(workload)
  }
  const capacity = (key) => collected[key]?.samples.vknetd.flatMap((sample) => sample?.framesPerSecond ?? []) ?? []
  for (const bytes of [60, 1514]) {
    const rates = capacity(`closed-2p-${bytes}-w64`)
    if (rates.length > 0) await collect(half(bytes, median(rates)))
  }
  await sampler.close()
  return collected
}

const collectTap = async (peers) => {
  const why = whyNot()
  if (why !== undefined) {
    remark(`tap to guest was not measured: ${why}`)
    return undefined
  }
  const found = {}
  for (let round = 0; round < rounds; round++) {
    for (const name of ["vknetd", "vde", "pump1", "pump1k"]) {
      if (!peers[name].present()) continue
      progress(`tap, ${name}`)
      found[name] ??= []
      found[name].push(
        await measureTap(peers[name], plan.tapSeconds).catch((cause) => remark(`tap, ${name}: ${cause.message}`))
      )
    }
  }
  return found
}

const collectResidence = async (peers, idle) => {
  progress("start, memory, idle")
  return {
    start: await rounded(rounds, () => measureStart(peers.vknetd, daemon)),
    memory: await rounded(rounds, () => measureMemory(peers.vknetd)),
    idle: await idle.finish()
  }
}

/** What others used of the machine while samples were taken: the median and the greatest share. */
const strangersOf = (collected) => {
  const shares = Object.values(collected).flatMap(({ samples }) =>
    Object.values(samples).flat().flatMap((sample) => sample?.strangers ?? [])
  )
  return summary(shares)
}

const tapFigures = (tap) =>
  Object.entries(tap).flatMap(([peer, found]) => {
    const known = found.filter((round) => round !== undefined)
    if (known.length === 0) return []
    const middle = (way) => median(known.map((round) => round[way].bitsPerSecond))
    return [{
      peer,
      toGuest: middle("toGuest"),
      toHost: middle("toHost"),
      resent: median(known.map(({ toGuest, toHost }) => toGuest.resent + toHost.resent))
    }]
  })

const main = async () => {
  if (options.daemon === undefined) await run([process.execPath, join(root, "scripts", "build.mjs")],
    { milliseconds: 300_000 })
  await buildTools()
  const machine = describeMachine()
  const peers = makePeers({ daemon })
  for (const { name } of Object.values(peers).filter((peer) => !peer.present())) remark(
    `${name} is not on this machine`)
  if (options.soak !== undefined) {
    const found = await soak(peers.vknetd, daemon, { minutes: Number(options.soak), whole: options.whole }, progress)
    process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
    process.exitCode = found.passed ? 0 : 1
    return
  }
  if (options.profile) {
    process.stdout.write(`${toText(profileTable(await measureProfile(daemon)))}\n`)
    return
  }
  const idle = await watchIdle(peers.vknetd)
  const collected = await collectAll(peers)
  if (options.only !== undefined) {
    process.stdout.write(`${toText(figureTable(figuresOf(collected)))}\n\n`)
    return
  }
  const tap = await collectTap(peers)
  const residence = await collectResidence(peers, idle)
  progress("passes")
  const policy = await measurePolicy(rounds, plan.passes)
  progress("profile")
  const profile = options.quick
    ? undefined
    : await measureProfile(daemon).catch((cause) => remark(`no profile: ${cause.message}`))
  const goals = judgeGoals({ collected, residence, tap })
  const report = {
    machine: { ...machine, placing: options.free ? "free" : "a processor each" },
    strangers: strangersOf(collected),
    quick: options.quick,
    rounds,
    seconds: Math.round((Date.now() - startedMs) / 1000),
    remarks,
    goals,
    figures: figuresOf(collected),
    tap: tap === undefined ? [] : tapFigures(tap),
    policy,
    profile,
    samples: { collected, residence, tap }
  }
  const tables = [goalTable(goals), figureTable(report.figures), tapTable(report.tap), policyTable(policy)]
  if (profile !== undefined) tables.push(profileTable(profile))
  process.stdout.write(`${tables.map(toText).join("\n\n")}\n\n`)
  const percent = (share) => `${(share * 100).toFixed(0)} %`
  const { median: usual, most } = report.strangers
  process.stdout.write(`others used ${percent(usual)} of the machine meanwhile, at most ${percent(most)}\n`)
  for (const text of remarks) process.stdout.write(`${text}\n`)
  const name = options.quick ? "quick" : "full"
  writeFileSync(resultPath(`${name}.json`), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(resultPath(`${name}.svg`), toPicture(report))
  if (options.record) {
    writeFileSync(join(root, "docs", "performance.svg"), toPicture(report))
    writeFileSync(join(root, "docs", "performance.md"), toPage(report))
  }
  progress(`written: ${resultPath(name)}.json and .svg`)
}

await main().then(() => process.exit(), (cause) => {
  process.stderr.write(`bench: ${cause.stack}\n`)
  process.exit(1)
})
