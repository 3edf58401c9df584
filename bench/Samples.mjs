// Runs workloads against peers in turns, A B C A B C, and keeps what each run gave.
import { run, start } from "./Children.mjs"
import { bound, GUEST_CPU, SWITCH_CPU, tool } from "./Tools.mjs"

/**
 * @typedef {object} Workload
 * @property {string} key       name in tables and in JSON.
 * @property {string} workload  as `load` knows it.
 * @property {number} bytes
 * @property {number} [window]
 * @property {number} [ports]
 * @property {number} [rate]    frames a second, `paced`.
 * @property {number} [beside]  frames a second between two others, `pingpong`.
 * @property {number} [churn]   connections a second that others make and end meanwhile.
 * @property {ReadonlyArray<string>} peers
 */

/** Share of all processors that neither switch nor guests may use, and how often a sample is taken at most. */
const STRANGERS_MOST = 0.1
const ATTEMPTS = 3

/** What the load generator is told. */
const loadCommand = (workload, peer, opened, seconds, pinned) => {
  const options = { ports: workload.ports, window: workload.window, rate: workload.rate, beside: workload.beside }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const command = [
    tool("load"),
    ...["--to", peer.to, "--path", opened.path, "--workload", workload.workload],
    ...["--bytes", String(workload.bytes), "--seconds", String(seconds), "--warm", "0.15"],
    ...(opened.pid === undefined ? [] : ["--pid", String(opened.pid)]),
    ...given.flatMap(([name, value]) => [`--${name}`, String(Math.round(value))])
  ]
  return bound(command, pinned ? GUEST_CPU : undefined)
}

const churnCommand = ({ churn }, peer, opened) =>
  bound([
    tool("load"),
    ...["--to", peer.to, "--path", opened.path, "--workload", "churn", "--rate", String(churn), "--seconds", "60"]
  ])

const derive = (result) => ({
  ...result,
  framesPerSecond: result.delivered / result.seconds,
  cpuNsPerFrame: result.cpuNs > 0 ? result.cpuNs / result.delivered : Number.NaN,
  lostShare: result.sent === 0 ? 0 : result.lost / Math.max(result.sent, result.delivered)
})

/** Peers that stay for the whole run, by name; the rest are started for each sample. */
export const makeSampler = ({ peers, pinned, say }) => {
  const cpu = pinned ? SWITCH_CPU : undefined
  const lasting = new Map()
  const complaints = new Set()

  const opened = async (peer, flood) => {
    if (!peer.lasting) return peer.open({ cpu, flood })
    const key = `${peer.name} ${flood}`
    if (!lasting.has(key)) lasting.set(key, await peer.open({ cpu, flood }))
    return lasting.get(key)
  }

  const sample = async (workload, peer, seconds) => {
    const at = await opened(peer, workload.workload === "fanout")
    const churn = workload.churn === undefined ? undefined : start(churnCommand(workload, peer, at))
    try {
      const milliseconds = seconds * 1000 + 20_000
      return derive(JSON.parse(await run(loadCommand(workload, peer, at, seconds, pinned), { milliseconds })))
    } finally {
      await churn?.stop()
      if (!peer.lasting) await at.stop()
    }
  }

  /** A sample during which others used much of the machine is taken again, a few times. */
  const calmSample = async (workload, peer, seconds) => {
    let calmest
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await sample(workload, peer, seconds)
      if (calmest === undefined || found.strangers < calmest.strangers) calmest = found
      if (found.strangers <= STRANGERS_MOST) break
    }
    return calmest
  }

  /** @param {Workload} workload */
  const collect = async (workload, rounds, seconds) => {
    const present = workload.peers.filter((name) => peers[name].present())
    const samples = Object.fromEntries(present.map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const name of present) {
        try {
          samples[name].push(await calmSample(workload, peers[name], seconds))
        } catch (cause) {
          // One failure leaves a gap in the table, not an end of the run.
          if (!complaints.has(name + workload.key)) say(`${peers[name].name}, ${workload.key}: ${cause.message}`)
          complaints.add(name + workload.key)
          samples[name].push(undefined)
        }
      }
    }
    return { ...workload, samples }
  }

  const close = async () => {
    for (const peer of lasting.values()) await peer.stop()
    lasting.clear()
  }
  return { collect, close }
}
