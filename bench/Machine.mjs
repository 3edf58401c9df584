// What the figures were measured on.
import { spawnSync } from "node:child_process"
import { cpus, release, totalmem } from "node:os"
import { which } from "./Tools.mjs"

const firstLine = (command, args) => {
  const { stderr, stdout } = spawnSync(command, args, { encoding: "utf8", input: "" })
  return `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n")[0]
}

const versionOf = (name, ...args) => {
  const path = which(name)
  return path === undefined ? "absent" : firstLine(path, args)
}

export const describeMachine = () => ({
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0]?.model.trim() ?? "unknown",
  processors: cpus().length,
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  compiler: versionOf("cc", "--version"),
  vdeSwitch: versionOf("vde_switch", "--version"),
  iperf3: versionOf("iperf3", "--version")
})
