// What npm runs when the package has been installed: nothing, if the addon that came along fits this
// machine; else it is built here, which needs python3, make and g++.
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

if (!fits()) {
  const { buildParts } = await import("./build.mjs")
  await buildParts("addon")
}
