import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { runWords } from "./commandTranscript.ts"
import { startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { isThere } from "./hostProgram.ts"

const repository = fileURLToPath(new URL("../..", import.meta.url))

/** A copy of what git would have, with what is built: packing writes into where it works. */
const checkout = Effect.gen(function*() {
  const directory = yield* scratchDirectory()
  const files = (yield* succeed(["git", "-C", repository, "ls-files", "--cached", "--others", "--exclude-standard"]))
    .trim().split("\n").filter((file) => fs.statSync(path.join(repository, file), { throwIfNoEntry: false })?.isFile())
  const built = fs.readdirSync(path.join(repository, "dist")).map((name) => `dist/${name}`)
  for (const file of [...files, ...built]) {
    fs.mkdirSync(path.join(directory, path.dirname(file)), { recursive: true })
    fs.cpSync(path.join(repository, file), path.join(directory, file), { preserveTimestamps: true })
  }
  fs.symlinkSync(fs.realpathSync(path.join(repository, "node_modules")), path.join(directory, "node_modules"))
  return directory
})

const prebuilt = `prebuilds/${os.type().toLowerCase()}-${os.arch()}/vknetd.node`

/** Packs a checkout; `true` brings the addon along. */
const pack = (withAddon: boolean) =>
  Effect.gen(function*() {
    const directory = yield* checkout
    if (withAddon) {
      fs.mkdirSync(path.join(directory, path.dirname(prebuilt)), { recursive: true })
      fs.copyFileSync(path.join(repository, "build/Release/vknetd.node"), path.join(directory, prebuilt))
    }
    const into = yield* scratchDirectory()
    const words = ["npm", "pack", "--silent", "--pack-destination", into]
    yield* succeed(["sh", "-c", `cd "$1" && shift && exec "$@"`, "sh", directory, ...words], { timeoutMs: 60_000 })
    const [tarball] = fs.readdirSync(into)
    return path.join(into, tarball!)
  })

/** Directories of programs that hold these alone: no compiler, no make, no python. */
const onlyPrograms = (...programs: ReadonlyArray<string>) =>
  Effect.map(scratchDirectory(), (directory) => {
    for (const program of programs) {
      fs.symlinkSync(execFileSync("sh", ["-c", `command -v ${program}`]).toString().trim(), `${directory}/${program}`)
    }
    return directory
  })

/** Installs without a registry into a prefix of its own. */
const install = (tarball: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function*() {
    const prefix = yield* scratchDirectory()
    const words = ["npm", "install", "--global", "--prefix", prefix, "--offline", "--cache", `${prefix}/cache`, tarball]
    yield* succeed(words, { timeoutMs: 120_000, env: { HOME: prefix, npm_config_update_notifier: "false", ...env } })
    return prefix
  })

/** The installed command serves. */
const serves = (prefix: string) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const process = yield* startProcess([`${prefix}/bin/vknetd`, "-d", "--no-tap", "-U", "-p", `${directory}/s`])
    yield* process.waitUntil("serving", () => fs.existsSync(`${directory}/s`) || undefined, 10_000)
    process.signal("SIGTERM")
    assert.deepStrictEqual(yield* process.waitForEnd(5000), { status: 0, signal: null })
  })

describe.runIf(isThere("npm") && isThere("git"))("the package for npm", () => {
  it.scopedLive("has what runs, what it is built from and how, the manual, and nothing else", () =>
    Effect.gen(function*() {
      const listed = (yield* succeed(["tar", "--list", "--gzip", "--file", yield* pack(true)]))
        .trim().split("\n").map((file) => file.replace(/^package\//, ""))
      const own = listed.filter((file) => !file.startsWith("node_modules/node-addon-api/"))
      const allowed = [
        /^(bin\/(vknetd|package\.json)|binding\.gyp|package\.json|LICENSE|(README|CHANGELOG|ARCHITECTURE)\.md)$/,
        /^dist\/([\w-]+\.cjs|page\.(html|css|js|svg))$/,
        /^(native\/\w+\.(cc|h)|share\/.+|scripts\/(bootstrap|build|code-cache|install)\.mjs|prebuilds\/.+\.node)$/
      ]
      assert.deepStrictEqual(own.filter((file) => !allowed.some((pattern) => pattern.test(file))), [])
      for (
        const file of [
          "bin/vknetd", "bin/package.json", "dist/vknetd.cjs", "dist/switch.cjs", "dist/forwarder.cjs",
          "dist/simulated-host.cjs", "dist/page.html",
          "dist/page.js", "dist/page.css", "dist/page.svg", "native/posix.cc", "binding.gyp", "share/vknetd.toml",
          "share/man/vknetd.8", "share/systemd/vknetd.service", "LICENSE", prebuilt
        ]
      ) {
        assert.include(own, file)
      }
      assert.include(listed, "node_modules/node-addon-api/napi.h")
    }), 60_000)

  it.scopedLive("installs without compiler and registry when the addon in it fits, and is removed whole", () =>
    Effect.gen(function*() {
      const programs = yield* onlyPrograms("node", "npm", "sh", "env", "setpriv")
      const prefix = yield* install(yield* pack(true), { PATH: programs })
      assert.isFalse(fs.existsSync(`${prefix}/lib/node_modules/vknetd/build`), "it was built")
      yield* serves(prefix)
      const caches = fs.readdirSync(`${prefix}/lib/node_modules/vknetd/dist`).filter((name) => name.endsWith(".cache"))
      assert.deepStrictEqual(caches, [`switch.cjs.${process.version}-${process.arch}.cache`])
      assert.isTrue(fs.existsSync(`${prefix}/share/man/man8/vknetd.8`))
      yield* succeed(["npm", "uninstall", "--global", "--prefix", prefix, "vknetd"], { env: { HOME: prefix } })
      const rest = yield* runWords(["find", prefix, "-name", "*vknetd*", "-not", "-path", `${prefix}/cache/*`])
      assert.strictEqual(rest.stdout.replace(/.*\/_logs\/.*\n/g, ""), "")
    }), 120_000)

  it.scopedLive("builds the addon when none that fits came along", () =>
    Effect.gen(function*() {
      const prefix = yield* install(yield* pack(false))
      assert.isTrue(fs.existsSync(`${prefix}/lib/node_modules/vknetd/build/Release/vknetd.node`), "it was not built")
      yield* serves(prefix)
    }), 180_000)

  it.scopedLive("builds the addon by the command that it names where npm ran none", () =>
    Effect.gen(function*() {
      const prefix = yield* install(yield* pack(false), { npm_config_ignore_scripts: "true" })
      const said = yield* runWords([`${prefix}/bin/vknetd`, "-U", "--no-tap"])
      assert.strictEqual(said.stderr, "vknetd: the native addon is not built (run: npm run build)\n")
      const installed = `${prefix}/lib/node_modules/vknetd`
      const before = fs.readdirSync(`${installed}/node_modules`)
      yield* succeed(["npm", "run", "build", "--prefix", installed, "--offline"], {
        timeoutMs: 120_000,
        env: { HOME: prefix, npm_config_update_notifier: "false" }
      })
      assert.deepStrictEqual(fs.readdirSync(`${installed}/node_modules`), before, "it installed something")
      yield* serves(prefix)
    }), 180_000)

  it.scopedLive("builds the addon when the one that came along does not load", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      yield* succeed(["tar", "--extract", "--gzip", "--file", yield* pack(true), "--directory", directory])
      fs.writeFileSync(`${directory}/package/${prebuilt}`, "of another machine")
      const into = ["--file", `${directory}/other.tgz`, "--directory", directory]
      yield* succeed(["tar", "--create", "--gzip", ...into, "package"])
      const prefix = yield* install(`${directory}/other.tgz`)
      assert.isTrue(fs.existsSync(`${prefix}/lib/node_modules/vknetd/build/Release/vknetd.node`), "it was not built")
      yield* serves(prefix)
    }), 180_000)
})
