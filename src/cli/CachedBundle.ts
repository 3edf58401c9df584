import * as fs from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import * as vm from "node:vm"

/** A bundle is one function of what CommonJS gives a module. */
type Bundle = (exports: object, require: NodeJS.Require, filename: string) => void

/**
 * Runs a bundle that lies beside this one, with what V8 has compiled of it before (scripts/code-cache.mjs) if that is
 * there for this very Node. V8 itself sees whether it is of its own settings, and of a text of this length; if not, it
 * compiles as ever.
 */
export const runCached = (name: string): void => {
  const filename = fileURLToPath(new URL(name, import.meta.url))
  const cachedData = cacheOf(filename)
  // Bundles are ASCII, which is read fastest so.
  const script = new vm.Script(fs.readFileSync(filename, "latin1"), { filename, ...cachedData })
  const bundle = script.runInThisContext() as Bundle
  bundle({}, createRequire(filename), filename)
}

const cacheOf = (filename: string): { readonly cachedData?: Buffer } => {
  try {
    return { cachedData: fs.readFileSync(`${filename}.${process.version}-${process.arch}.cache`) }
  } catch {
    return {}
  }
}
