// Prints what of others is in a release: the packages from which the bundles of dist/ are made, and the addon's header.
//   node scripts/sbom.mjs             the software bill of materials, CycloneDX as JSON: npm's, reduced to these
//   node scripts/sbom.mjs --licenses  the texts of their licenses, which have to go along
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** `node_modules/a/node_modules/b/c.js` is of package `node_modules/a/node_modules/b`. */
const packageOf = (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]

const bundled = async () => {
  const { build } = await import("esbuild")
  const { bundleOptions, switchOptions } = await import("./build.mjs")
  const inputs = []
  for (const options of [bundleOptions, switchOptions]) {
    const { metafile } = await build({ ...options, metafile: true, write: false })
    inputs.push(...Object.keys(metafile.inputs))
  }
  return inputs.map(packageOf).filter((folder) => folder !== undefined)
}

/** As CycloneDX names it. */
const nameOf = (folder) => {
  const { name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
  return `${name}@${version}`
}

const folders = [...new Set([...(await bundled()), "node_modules/node-addon-api"])]
  .filter((folder) => existsSync(join(root, folder, "package.json")))
  .sort()
const inside = new Set(folders.map(nameOf))

if (process.argv.includes("--licenses")) {
  for (const folder of folders) {
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e(\.|$)/i.test(name))
    if (file === undefined) {
      process.stderr.write(`sbom: ${folder} has no license\n`)
      process.exit(1)
    }
    process.stdout.write(`${nameOf(folder)}\n\n${readFileSync(join(root, folder, file), "utf8").trim()}\n\n\n`)
  }
  process.exit(0)
}

const sbom = JSON.parse(execFileSync("npm", ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024,
  stdio: ["ignore", "pipe", "inherit"]
}))
const idOf = ({ name, version }) => `${name}@${version}`
sbom.components = sbom.components.filter((component) => inside.delete(idOf(component)))
if (inside.size > 0) {
  process.stderr.write(`sbom: npm does not know ${[...inside].join(", ")}\n`)
  process.exit(1)
}
const refs = new Set([sbom.metadata.component["bom-ref"], ...sbom.components.map((component) => component["bom-ref"])])
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map((entry) => ({ ...entry, dependsOn: (entry.dependsOn ?? []).filter((ref) => refs.has(ref)) }))
// In the bundle, so no longer for development alone.
for (const component of sbom.components) {
  component.scope = "required"
  component.properties = (component.properties ?? []).filter(({ name }) => name !== "cdx:npm:package:development")
}
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
