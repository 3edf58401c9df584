// Makes the code cache: what V8 has compiled of the switch when it serves and has answered once. Runs the switch for
// that, without a host side, in a directory of its own.
import { createHash } from "node:crypto"
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { get } from "node:http"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { Script } from "node:vm"
import { cachePath } from "./build.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bundle = join(root, "dist", "switch.cjs")
const folder = mkdtempSync(join(tmpdir(), "vknetd-build-"))
const socketPath = join(folder, "s")

process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
process.argv = [process.execPath, join(root, "bin", "vknetd"), "-d", "--no-tap", "-p", socketPath, "10.1.0.1/24"]

// As src/cli/CachedBundle.ts does it.
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle })
script.runInThisContext()({}, createRequire(bundle), bundle)

const answers = () =>
  new Promise((resolve) => {
    get({ socketPath: `${socketPath}.ctl`, path: "/status", agent: false }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode === 200))
    }).on("error", () => resolve(false))
  })

while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 20))
// Back to V8's own: the switch has changed this by now, and a cache is taken with the settings of its making alone.
setFlagsFromString("--semi-space-growth-factor=2")
// V8 of Node 20 believes what it reads, and a damaged one would end every start: so it is whole on the disk before it
// has its name, and behind it is its digest, which src/cli/CachedBundle.ts checks.
const unfinished = openSync(`${cachePath}.new`, "w")
const data = script.createCachedData()
writeFileSync(unfinished, Buffer.concat([data, createHash("sha1").update(data).digest()]))
fsyncSync(unfinished)
closeSync(unfinished)
renameSync(`${cachePath}.new`, cachePath)
process.kill(process.pid, "SIGTERM")
