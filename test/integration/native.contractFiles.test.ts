import * as Layer from "effect/Layer"
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../src/adapters/native/Binding.ts"
import * as NativePorts from "../../src/adapters/native/NativePorts.ts"
import { Ownership } from "../../src/services/Ownership.ts"
import { filesContract } from "./files.contract.ts"

const binding = load()

filesContract("files of the running kernel", () => {
  const directory = mkdtempSync(join(tmpdir(), "vknetd-contract-"))
  return {
    directory,
    pid: process.pid,
    layer: Layer.provide(Layer.orDie(NativePorts.layer), Layer.succeed(Ownership, { held: true })),
    write: (path, text) => writeFileSync(path, text),
    read: (path) => {
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found === undefined) return undefined
      return found.isSocket() ? "socket" : readFileSync(path, "utf8")
    },
    remove: (path) => rmSync(path),
    leaveStale: (path) => {
      const listener = binding.listen(path, -1, 0o600, 1)
      if (typeof listener === "number") throw new Error(binding.errnoName(-listener))
      binding.closeFd(listener.fd)
    },
    connects: (path) => {
      const fd = binding.connect(path)
      if (fd >= 0) binding.closeFd(fd)
      return fd >= 0
    },
    close: () => rmSync(directory, { recursive: true })
  }
})
