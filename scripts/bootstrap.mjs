// What `npm start` and `npm test` do first, and all that `npm run build` does: in a clone, install what is missing and
// build what is stale; in a package that was installed, what npm runs then.
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installed = join(root, "node_modules", ".package-lock.json")
const lock = join(root, "package-lock.json")

/** Output goes to standard error, so that what the product prints stands alone on standard output. */
const run = (command, args) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

// Only a clone has it.
const isClone = existsSync(lock)

if (isClone && (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)) {
  // Not `npm ci`: it refuses a lock file that lacks a package for a system other than this one, which
  // a registry's mirror may not have had. The lock's versions are installed all the same.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"])
}
run(process.execPath, [join(root, "scripts", isClone ? "build.mjs" : "install.mjs")])
