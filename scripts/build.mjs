// Builds what runs: the addon in build/Release, the bundles in dist and V8's code cache beside them. Only what is older
// than its sources.
//   node scripts/build.mjs            all of it
//   node scripts/build.mjs --addon    the addon alone: all that an installed package has to do
//   node scripts/build.mjs --bundles  the bundles alone: all that a package has to bring along
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
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

/** What ES modules call their own place: CommonJS has another name for it. */
const placeShim = "\"use strict\";const __vknetdPlace=require('node:url').pathToFileURL(__filename).href;"

/** The subcommands; each is a bundle of its own that is loaded when it is wanted. */
const partNames = ["ControlCommand", "CaptureCommand", "ExtcapCommand", "ExplainCommand", "ReplayCommand"]
const bundleOf = (name) => `part-${name}`

const parts = {
  name: "parts",
  setup: ({ onResolve }) => {
    onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      const name = basename(path, ".ts")
      return kind === "dynamic-import" && partNames.includes(name)
        ? { path: `./${bundleOf(name)}.cjs`, external: true }
        : undefined
    })
  }
}

/** Its maker does not say that loading it does nothing else: where nothing of it is used it need not be there. */
const websockets = {
  name: "websockets",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^ws$/ }, () => ({ path: at("node_modules/ws/wrapper.mjs"), sideEffects: false }))
  }
}

/**
 * What esbuild is told of the command, for whoever wants to know what is in it. CommonJS, because Node starts that
 * without its loader of ES modules, which takes 2 ms a file.
 */
export const bundleOptions = {
  absWorkingDir: root,
  entryPoints: {
    vknetd: "src/cli/start.ts",
    ...Object.fromEntries(partNames.map((name) => [bundleOf(name), `src/cli/${name}.ts`]))
  },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  // Parts are required: import() would start the loader of ES modules after all.
  supported: { "dynamic-import": false },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  define: { "import.meta.url": "__vknetdPlace" },
  banner: { js: placeShim },
  plugins: [parts, websockets],
  external: ["msgpackr-extract"],
  logLevel: "warning"
}

/** And of the switch: a function, which src/cli/CachedBundle.ts calls. */
export const switchOptions = {
  ...bundleOptions,
  entryPoints: { switch: "src/cli/main.ts" },
  banner: { js: `(function(exports,require,__filename){${placeShim}` },
  footer: { js: "})" }
}

const buildBundles = async () => {
  if (!isStale(at("dist/vknetd.cjs"), ["src", "package.json", "scripts/build.mjs"])) return
  const { build } = await import("esbuild")
  // Also what was made of another state of the sources, and a cache that may fit no more.
  for (const name of existsSync(at("dist")) ? readdirSync(at("dist")) : []) {
    if (/\.(mjs|cjs|cache)$/.test(name)) rmSync(at("dist", name))
  }
  await build({
    ...bundleOptions,
    entryPoints: {
      forwarder: "src/adapters/native/forwarderThread.ts",
      "simulated-host": "src/adapters/sim/hostThread.ts"
    }
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
  await build(switchOptions)
  await build(bundleOptions)
}

/** For this very Node and none other: where src/cli/CachedBundle.ts looks for it. */
export const cachePath = at(`dist/switch.cjs.${process.version}-${process.arch}.cache`)

/** What V8 has compiled: needs all else. Without it everything runs as well, after a slower start. */
const buildCache = () => {
  if (!existsSync(at("dist/switch.cjs")) || !isStale(cachePath, ["dist/switch.cjs", "scripts/code-cache.mjs"])) {
    return
  }
  rmSync(cachePath, { force: true })
  const { status, stderr } = spawnSync(process.execPath, [at("scripts/code-cache.mjs")], {
    encoding: "utf8",
    // Not the builder's: a service manager's socket is not for this switch, and Node's options would spoil the cache.
    env: { TMPDIR: tmpdir() },
    timeout: 20_000
  })
  if (status !== 0) process.stderr.write(`vknetd: no code cache, so starts are slower: ${stderr.trim()}\n`)
}

/** @param parts of `addon`, `bundles` and `cache`. */
export const buildParts = async (...parts) => {
  if (parts.includes("addon")) buildAddon()
  if (parts.includes("bundles")) await buildBundles()
  if (parts.includes("cache")) buildCache()
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const only = process.argv.slice(2).map((word) => word.replace(/^--/, ""))
  await buildParts(...(only.length === 0 ? ["addon", "bundles", "cache"] : only))
}
