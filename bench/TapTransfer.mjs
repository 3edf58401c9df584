// TCP between the host and a guest: iperf3 in two network namespaces that hold a switch's tap and a guest's.
//
// A namespace here has no name: it is that of a process which ends when this one does, and everything in
// it ends with it.
import { readlinkSync } from "node:fs"
import { pause, run, start } from "./Children.mjs"
import { tool, which } from "./Tools.mjs"

const HOST_ADDRESS = "10.1.0.1"
const GUEST_ADDRESS = "10.1.0.2"
/** Frames that wait in the guest's card: more than a TCP connection has on its way. */
const GUEST_QUEUE = 10_000

/** Why this cannot be measured here, or undefined. */
export const whyNot = () => {
  if (process.getuid() !== 0) return "needs root, for namespaces and taps"
  const missing = ["ip", "iperf3", "unshare", "nsenter"].filter((name) => which(name) === undefined)
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`
}

const makeNamespace = async () => {
  const holder = start([which("unshare"), "--net", "cat"], { stdin: "pipe" })
  const own = readlinkSync("/proc/self/ns/net")
  for (let i = 0; i < 200; i++) {
    if (readlinkSync(`/proc/${holder.pid}/ns/net`) !== own) break
    await pause(5)
  }
  const inside = [which("nsenter"), `--net=/proc/${holder.pid}/ns/net`]
  await run([...inside, which("ip"), "link", "set", "lo", "up"])
  return { inside, stop: holder.stop }
}

const waitFor = async (attempt) => {
  for (let i = 0; ; i++) {
    try {
      return await attempt()
    } catch (cause) {
      if (i === 100) throw cause
      await pause(50)
    }
  }
}

const configure = async (inside, tap, address) => {
  const ip = [...inside, which("ip")]
  await waitFor(() => run([...ip, "link", "show", tap]))
  await run([...ip, "addr", "replace", `${address}/16`, "dev", tap])
  await run([...ip, "link", "set", tap, "up"])
}

/** Bits a second, and segments that the sender sent again. `back`: from the guest to the host. */
const transfer = async (host, guest, seconds, back) => {
  const server = start([...guest.inside, which("iperf3"), "--server", "--one-off", "--forceflush"])
  try {
    await server.says("listening")
    const client = [...host.inside, which("iperf3"), "--client", GUEST_ADDRESS, "--json", "--time", String(seconds)]
    const text = await run([...client, ...(back ? ["--reverse"] : [])], { milliseconds: seconds * 1000 + 15_000 })
    const { end } = JSON.parse(text)
    return { bitsPerSecond: end.sum_received.bits_per_second, resent: end.sum_sent.retransmits ?? 0 }
  } finally {
    await server.stop()
  }
}

/** One round with one switch, both directions. */
export const measureTap = async (peer, seconds) => {
  const host = await makeNamespace()
  const guest = await makeNamespace()
  const opened = await peer.open({ tap: "tap0", inside: host.inside })
  let plug
  try {
    await configure(host.inside, "tap0", HOST_ADDRESS)
    plug = start([...guest.inside, tool("plug"), "tap1", peer.to, opened.path])
    await plug.says("ready")
    await configure(guest.inside, "tap1", GUEST_ADDRESS)
    // What overflows in the guest's own card no switch has lost.
    await run([...guest.inside, which("ip"), "link", "set", "tap1", "txqueuelen", String(GUEST_QUEUE)])
    await waitFor(() => run([...host.inside, which("ping"), "-c", "1", "-W", "1", GUEST_ADDRESS]))
    const toGuest = await transfer(host, guest, seconds, false)
    const toHost = await transfer(host, guest, seconds, true)
    return { toGuest, toHost }
  } finally {
    await plug?.stop()
    await opened.stop()
    await guest.stop()
    await host.stop()
  }
}
