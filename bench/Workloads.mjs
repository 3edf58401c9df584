// What is run, by whom, for how long. The quick set is what the goals need at least.

const closed = (bytes, window, peers, ports = 2) => ({
  key: `closed-${ports}p-${bytes}-w${window}`,
  workload: "closed",
  bytes,
  window,
  ports,
  peers
})
const flood = (bytes, peers) => ({ key: `flood-${bytes}`, workload: "flood", bytes, peers })
const fanOut = (ports, peers) => ({ key: `fanout-${ports}`, workload: "fanout", bytes: 60, window: 16, ports, peers })
/** @param beside what else goes on: frames a second between two other guests, connections a second. */
const pingPong = (name, beside, peers) => ({ key: `pingpong-${name}`, workload: "pingpong", bytes: 60,
  ...beside, peers })

/** As many frames on their way with few ports as with many, so that only the number of ports differs. */
const ON_THEIR_WAY = 500
const active = (ports, peers) => closed(60, Math.max(1, Math.round(ON_THEIR_WAY / (ports / 2))), peers, ports)

const main = ["vknetd", "pumpN", "pump1", "vde"]
const all = ["vknetd", "pumpN", "pump1", "pump1T", "vde", "bridge"]
const daemons = ["vknetd", "pumpN", "pump1", "pump1T"]

export const quick = {
  rounds: 5,
  seconds: 0.3,
  tapSeconds: 1,
  passes: 5,
  workloads: [
    closed(60, 64, main),
    closed(60, 256, main),
    closed(1514, 64, main),
    flood(60, main),
    fanOut(8, main),
    fanOut(64, main),
    pingPong("idle", {}, ["vknetd", "pump1", "pump1T"]),
    active(2, ["vknetd"]),
    active(1000, ["vknetd"])
  ]
}

export const full = {
  rounds: 5,
  seconds: 1,
  tapSeconds: 2,
  workloads: [
    ...[60, 512, 1514].flatMap((bytes) => [1, 8, 64, 256].map((window) => closed(bytes, window, all))),
    ...[60, 512, 1514].map((bytes) => flood(bytes, ["vknetd", "pumpN", "pump1", "pump1T", "vde"])),
    fanOut(8, all),
    fanOut(64, all),
    ...[2, 64, 256, 1000].map((ports) => active(ports, ["vknetd", "pumpN", "pump1"])),
    closed(60, 8, ["vknetd", "pumpN", "pump1"], 64),
    pingPong("idle", {}, all),
    pingPong("loaded", { beside: 100_000 }, [...daemons, "vde"]),
    pingPong("connects", { churn: 1000 }, ["vknetd"])
  ]
}

/** Half of what the daemon forwarded when it was given as much as it took: nothing may be lost. */
export const half = (bytes, framesPerSecond) => ({
  key: `half-${bytes}`,
  workload: "paced",
  bytes,
  rate: framesPerSecond / 2,
  peers: ["vknetd"]
})
