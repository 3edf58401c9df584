// What npm runs when the package has been installed. If the addon that came along does not fit this machine, it is
// built here, which needs python3, make and g++. The code cache is always made here: it fits one version of Node alone.
import { createRequire } from "node:module"
import { arch, type } from "node:os"

const fits = () => {
  try {
    createRequire(import.meta.url)(`../prebuilds/${type().toLowerCase()}-${arch()}/vknetd.node`)
    return true
  } catch {
    return false
  }
}

const { buildParts } = await import("./build.mjs")
if (!fits()) await buildParts("addon")
await buildParts("cache")
