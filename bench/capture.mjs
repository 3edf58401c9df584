// What captures cost those who forward: the same switch with none, with one that has stopped reading, with one that is
// written to a file, and with one that keeps only what is denied, in turns.
//
//   node bench/capture.mjs [--quick] [--free] [--daemon COMMAND]
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cleanUp, pause, start } from "./Children.mjs"
import { makePeers } from "./Peers.mjs"
import { makeSampler } from "./Samples.mjs"
import { ratio, summary } from "./Statistics.mjs"
import { buildTools, root } from "./Tools.mjs"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    free: { type: "boolean", default: false },
    daemon: { type: "string" }
  }
})
const [rounds, seconds] = options.quick ? [7, 0.4] : [15, 1]
const daemon = options.daemon ?? join(root, "bin", "vknetd")
/** Time and size of frames that fill what waits for a reader that has stopped, many times over. */
const FILL_SECONDS = 0.5
const LARGE = 1514

await buildTools()
const { vknetd } = makePeers({ daemon })
let opened
const peer = { ...vknetd, open: async (where) => (opened = await vknetd.open(where)) }
const sampler = makeSampler({ peers: { vknetd: peer }, pinned: !options.free, say: (text) => console.error(text) })

const workload = (bytes) => ({ key: `${bytes}`, workload: "closed", bytes, window: 64, ports: 2, peers: ["vknetd"] })
const measure = async (bytes, lasting) => {
  const { samples } = await sampler.collect(workload(bytes), 1, lasting)
  const { cpuNsPerFrame = Number.NaN, framesPerSecond = Number.NaN } = samples.vknetd[0] ?? {}
  return { framesPerSecond, cpuNsPerFrame }
}

const beginCapture = async (...argv) => {
  const capture = start([daemon, "capture", "-p", opened.path, "-w", "/dev/null", ...argv])
  await pause(700)
  return capture
}

/** How a case begins, and how it ends; a capture that has ended tells what it has seen. */
const cases = {
  none: async () => undefined,
  stopped: async () => {
    const capture = await beginCapture()
    capture.child.kill("SIGSTOP")
    await measure(LARGE, FILL_SECONDS)
    return capture
  },
  running: () => beginCapture(),
  "denied only": () => beginCapture("--denied")
}

const finish = async (capture) => {
  if (capture === undefined) return ""
  capture.child.kill("SIGCONT")
  await capture.stop()
  return capture.output().trim()
}

const figure = (of, found, none, unit) => {
  const { least, median, most } = ratio(found.map(of), none.map(of))
  const value = Math.round(summary(found.map(of)).median).toLocaleString("en-US")
  return `${value} ${unit}, ratio ${median.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`
}

for (const bytes of [60, LARGE]) {
  await measure(bytes, 0.2)
  const found = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
  const said = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, begin] of Object.entries(cases)) {
      const capture = await begin(bytes)
      found[name].push(await measure(bytes, seconds))
      said[name] = await finish(capture)
    }
  }
  for (const [name, samples] of Object.entries(found)) {
    const rate = figure(({ framesPerSecond }) => framesPerSecond, samples, found.none, "frames/s")
    // All threads of the switch: less at the mercy of what else runs on the machine.
    const cpu = figure(({ cpuNsPerFrame }) => cpuNsPerFrame, samples, found.none, "ns of CPU a frame")
    console.log(`${bytes} octets, ${name}: ${rate}; ${cpu}  ${said[name]}`)
  }
}
await sampler.close()
cleanUp()
