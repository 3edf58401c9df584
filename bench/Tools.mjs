// The C programs beside this file, built into build/bench when their sources are newer.
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { run } from "./Children.mjs"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = join(root, "bench")
const output = join(root, "build", "bench")

const programs = {
  load: ["load.c", "guest.c", "attach.c", "workloads.c", "threads.c"],
  plug: ["plug.c", "guest.c", "attach.c"],
  pump1: ["pump1.c", "pump.c"],
  pump1T: ["pump1T.c", "pump.c"],
  pumpN: ["pumpN.c", "pump.c"],
  with: ["with.c"]
}

export const tool = (name) => join(output, name)
export const resultPath = (name) => join(output, name)

export const buildTools = async () => {
  mkdirSync(output, { recursive: true })
  const newest = Math.max(
    ...readdirSync(sources).filter((name) => /\.[ch]$/.test(name)).map((name) => statSync(join(sources, name)).mtimeMs)
  )
  for (const [name, files] of Object.entries(programs)) {
    if (existsSync(tool(name)) && statSync(tool(name)).mtimeMs > newest) continue
    const from = files.map((file) => join(sources, file))
    await run(["cc", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-pthread", "-o", tool(name), ...from])
  }
}

/**
 * A command that ends with us. With two processors or more the switch stays on the first and the guests on the
 * second: a scheduler that puts both on one, or moves them, changes a figure more than any switch does.
 */
export const bound = (command, cpu) =>
  cpu === undefined || availableParallelism() < 2
    ? [tool("with"), ...command]
    : [tool("with"), "-c", String(cpu), ...command]

export const SWITCH_CPU = 0
export const GUEST_CPU = 1

/** Where a program is, or undefined. */
export const which = (name) =>
  [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"].map((folder) => join(folder, name)).find(existsSync)
