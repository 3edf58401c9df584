// Builds what runs: the addon in build/Release, the bundles in dist. Only what is older than its sources.
//   node scripts/build.mjs            both
//   node scripts/build.mjs --addon    the addon alone: all that an installed package has to do
//   node scripts/build.mjs --bundles  the bundles alone: all that a package has to bring along
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const at = (...parts) => join(root, ...parts)

const newest = (path) => {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}
const isStale = (output, sources) =>
  !existsSync(output) || statSync(output).mtimeMs < Math.max(...sources.map((source) => newest(at(source))))

/** Ours in a checkout; in an installed package the one that npm itself has. */
const findGyp = () => {
  try {
    return require.resolve("node-gyp/bin/node-gyp.js")
  } catch {
    const known = process.env.npm_config_node_gyp
    if (known !== undefined && existsSync(known)) return known
    process.stderr.write("vknetd: no node-gyp to build the addon with (install with npm, which has one)\n")
    process.exit(1)
  }
}

const buildAddon = () => {
  if (!isStale(at("build/Release/vknetd.node"), ["native", "binding.gyp"])) return
  const gyp = findGyp()
  // Headers that came with this very Node spare a download, and fit.
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  const own = existsSync(join(prefix, "include", "node", "node.h")) ? [`--nodedir=${prefix}`] : []
  const { status, stdout, stderr } = spawnSync(process.execPath, [gyp, "rebuild", ...own], {
    cwd: root,
    encoding: "utf8"
  })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}\nvknetd: the addon did not build (it needs python3, make and g++)\n`)
  process.exit(1)
}

/** A bundle of ES modules in which a dependency's `require` still works. */
const requireShim = "import{createRequire as __vknetdRequire}from'node:module';" +
  "const require=__vknetdRequire(import.meta.url);"

/** What esbuild is told of the command, for whoever wants to know what is in it. Each part is loaded when needed. */
export const bundleOptions = {
  absWorkingDir: root,
  entryPoints: { vknetd: "src/cli/start.ts" },
  splitting: true,
  chunkNames: "part-[name]-[hash]",
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  banner: { js: requireShim },
  external: ["msgpackr-extract"],
  logLevel: "warning"
}

const buildBundles = async () => {
  if (!isStale(at("dist/vknetd.mjs"), ["src", "package.json", "scripts/build.mjs"])) return
  const { build } = await import("esbuild")
  for (const name of existsSync(at("dist")) ? readdirSync(at("dist")) : []) {
    if (name.startsWith("part-")) rmSync(at("dist", name))
  }
  // The threads' bundles are whole: what they run for every frame is to be in one piece.
  await build({
    ...bundleOptions,
    entryPoints: {
      forwarder: "src/adapters/native/forwarderThread.ts",
      "simulated-host": "src/adapters/sim/hostThread.ts"
    },
    splitting: false
  })
  // The page's code runs in browsers, and is served as it is.
  await build({
    absWorkingDir: root,
    entryPoints: ["src/adapters/web/page/page.ts", "src/adapters/web/page/page.css"],
    outdir: "dist",
    bundle: true,
    platform: "browser",
    target: ["es2022", "chrome109", "firefox115", "safari16.4"],
    format: "esm",
    minify: true,
    logLevel: "warning"
  })
  for (const name of ["page.html", "page.svg"]) copyFileSync(at("src/adapters/web/page", name), at("dist", name))
  await build(bundleOptions)
}

/** @param parts of `addon` and `bundles`. */
export const buildParts = async (...parts) => {
  if (parts.includes("addon")) buildAddon()
  if (parts.includes("bundles")) await buildBundles()
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const only = process.argv.slice(2).map((word) => word.replace(/^--/, ""))
  await buildParts(...(only.length === 0 ? ["addon", "bundles"] : only))
}
