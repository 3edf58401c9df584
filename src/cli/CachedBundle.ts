import { createHash } from "node:crypto"
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

/** Octets of the digest behind what V8 has compiled, as scripts/code-cache.mjs writes it. */
const digestBytes = 20

/**
 * V8 of Node 20 does not check what it is given, and what a failing disk has changed would end every start. Of a start
 * of 54 ms SHA-1 takes 1.2; a sum in JavaScript, interpreted still, takes 3 (docs/decisions/0017-starting-fast.md).
 * It is against accidents alone: whoever may write here may write the bundle as well.
 */
const cacheOf = (filename: string): { readonly cachedData?: Buffer } => {
  try {
    const cache = fs.readFileSync(`${filename}.${process.version}-${process.arch}.cache`)
    const cachedData = cache.subarray(0, -digestBytes)
    const digest = createHash("sha1").update(cachedData).digest()
    return digest.equals(cache.subarray(cachedData.length)) ? { cachedData } : {}
  } catch {
    return {}
  }
}
