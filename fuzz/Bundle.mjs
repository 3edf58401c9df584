// Bundles the fuzzing thread with its targets, the code under test instrumented on the way.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { instrument } from "./Instrument.mjs"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whose edges guide each target: these modules', and those of all that they use. */
const guides = {
  frames: ["src/domain/policy/Judge.ts", "src/domain/policy/Policy.ts"],
  owners: ["src/domain/Admission.ts"],
  sequences: ["src/services/Forwarder.ts"]
}

/** The files of a target's guides, in the order of their names. */
const sourcesOf = async (target, build) => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: guides[target],
    bundle: true,
    platform: "node",
    format: "esm",
    metafile: true,
    write: false,
    outdir: "unwritten",
    logLevel: "warning"
  })
  return Object.keys(metafile.inputs).filter((path) => /^src\/(domain|services)\/.*\.ts$/.test(path)).sort()
}

/** Numbers the edges of all files in their order: the same tree gives the same numbers. */
const instrumentAll = (sources) => {
  const texts = new Map()
  const spans = new Map()
  let edges = 0
  for (const file of sources.map((path) => join(root, path))) {
    const { text, where } = instrument(file, edges, join(root, "fuzz/Edges.ts"))
    texts.set(file, text)
    spans.set(file, { first: edges, where })
    edges += where.length
  }
  return { texts, spans, edges }
}

/**
 * Writes the bundle into a directory of its own, which `remove` deletes. `edges` is how many counters there are;
 * `where` says for each in which line it is, or nothing where the bundle does without the file.
 */
export const bundle = async (target) => {
  const { build } = await import("esbuild")
  const { edges, spans, texts } = instrumentAll(await sourcesOf(target, build))
  const where = new Array(edges)
  const instrumented = {
    name: "instrumented",
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = texts.get(path)
        if (contents === undefined) return undefined
        const { first, where: lines } = spans.get(path)
        lines.forEach((line, i) => where[first + i] = relative(root, line))
        return { contents, loader: "ts" }
      })
  }
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["fuzz/FuzzThread.ts"],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    write: false,
    logLevel: "warning",
    plugins: [instrumented]
  })
  const directory = mkdtempSync(join(tmpdir(), "vknetd-fuzz-"))
  const path = join(directory, "fuzz.mjs")
  writeFileSync(path, outputFiles[0].contents)
  return { path, edges, where, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
