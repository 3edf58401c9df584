// A long run at half of capacity while guests come and go: nothing may be lost, and memory must not grow.
import { readFileSync } from "node:fs"
import { pause, run, start } from "./Children.mjs"
import { tool } from "./Tools.mjs"

const residentKilobytes = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1])

/** @param say is told the memory every half minute. */
export const soak = async (peer, minutes, say) => {
  const opened = await peer.open({})
  const load = [tool("load"), "--to", peer.to, "--path", opened.path]
  const closed = JSON.parse(await run([...load, "--workload", "closed", "--seconds", "3", "--warm", "1"]))
  const rate = Math.round(closed.delivered / closed.seconds / 2)
  const seconds = minutes * 60
  const churn = start([...load, "--workload", "churn", "--rate", "100", "--seconds", String(seconds)])
  const paced = run([...load, "--workload", "paced", "--rate", String(rate), "--seconds", String(seconds)], {
    milliseconds: seconds * 1000 + 30_000
  })
  const memory = []
  const endMs = Date.now() + seconds * 1000
  while (Date.now() < endMs) {
    await pause(Math.min(30_000, Math.max(0, endMs - Date.now())))
    memory.push(residentKilobytes(opened.pid))
    say(`${memory.at(-1)} KB`)
  }
  const { delivered, late, lost } = JSON.parse(await paced)
  await churn.stop()
  await opened.stop()
  return { minutes, rate, delivered, lost, late, residentKilobytes: memory }
}
