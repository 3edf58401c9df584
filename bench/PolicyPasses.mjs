// Times the passes over a batch, src/domain alone: bundled in memory and run in a process of their own, so
// that the compiler of that process sees what a switch's sees and nothing else.
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { run } from "./Children.mjs"
import { summary } from "./Statistics.mjs"
import { resultPath, root } from "./Tools.mjs"

const bundle = async () => {
  const { build } = await import("esbuild")
  const { outputFiles } = await build({
    entryPoints: [join(root, "bench", "policy.bench.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "warning"
  })
  const path = resultPath("policy.bench.mjs")
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, outputFiles[0].contents)
  return path
}

/** Nanoseconds a frame, each case in a process of its own, in turns; the first `most` cases. */
export const measurePolicy = async (rounds, most = Infinity) => {
  const path = await bundle()
  const names = JSON.parse(await run([process.execPath, path, "--list"])).slice(0, most)
  const found = new Map(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) found.get(name).push(Number(await run([process.execPath, path, name])))
  }
  return names.map((name) => ({ name, ...summary(found.get(name)) }))
}
